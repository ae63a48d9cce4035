"""The configuration a run is made with and keeps for ever: who is billed, and by which rules.

A utility's own values stand in ``utility.settings["billing"]``; a run may override them when it is created.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from billing.fiscal import FiscalConfig, FiscalError, Registry, registry
from billing.volume import LeakPolicy, Policy
from central.invoicing.states import RunError
from central.store.models import BillingRun


class ReviewLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a draft must be looked at; litres are compared per day, so that periods of different length compare."""

    high_percent: int = 200
    high_margin_litres: int = 5_000
    low_percent: int = 40
    low_margin_litres: int = 5_000
    zero_litres_per_month: int = 1_000
    estimates_in_a_row: int = 2


class FiscalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which system of fiscal records applies (``verifactu``, ``none``) and what its records state."""

    system: str = "none"
    config: FiscalConfig | None = None

    def registry(self) -> Registry:
        """The registry of these settings; FiscalError where they are incomplete."""
        return registry(self.system, self.config)


class RunSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``zones`` None bills every zone; ``supply_facts`` are facts of tariffs that hold for the whole utility."""

    zones: tuple[str, ...] | None = None
    accept_suspect: bool = False
    supply_facts: dict[str, Any] = {}
    volume: Policy = Policy()
    leak: LeakPolicy = LeakPolicy()
    review: ReviewLimits = ReviewLimits()
    fiscal: FiscalSettings = FiscalSettings()
    language: str = "es"
    documents: bool = True


def settings_for(utility_settings: Mapping[str, Any], overrides: Mapping[str, Any]) -> RunSettings:
    """The utility's settings with a run's own on top; an unknown key or a wrong value is a RunError."""
    merged = {**utility_settings.get("billing", {}), **overrides}
    try:
        settings = msgspec.convert(merged, RunSettings)
        settings.fiscal.registry()
    except (msgspec.ValidationError, FiscalError) as error:
        raise RunError(f"billing settings: {error}") from None
    return settings


def settings_of(run: BillingRun) -> RunSettings:
    """The settings a run was made with."""
    return msgspec.convert(run.settings, RunSettings)
