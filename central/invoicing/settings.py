"""The configuration a run is made with and keeps for ever: who is billed, and by which rules.

A utility's own values stand in ``utility.settings["billing"]``; a run may override them when it is created.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from billing.fiscal import CHAINED, FiscalConfig, FiscalError, Registry, SiiConfig, registry
from billing.volume import LeakPolicy, Period, Policy
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
    """Which system of fiscal records applies (``verifactu``, ``sii``, ``none``) and what its records state.

    ``config`` is that of VERI*FACTU, ``sii`` that of the SII. ``obligatory_from`` is for ``none``: the day from which
    this utility must use a system (RD-ley 15/2025); without it the utility is exempt.
    """

    system: str = "none"
    config: FiscalConfig | None = None
    sii: SiiConfig | None = None
    obligatory_from: date | None = None

    @property
    def chained(self) -> bool:
        """Whether records are chained, and so made by the transaction that issues the invoice."""
        return self.system in CHAINED

    def registry(self) -> Registry:
        """The registry of these settings; FiscalError where they are incomplete."""
        return registry(self.system, self.config, self.sii)

    def at_issue(self) -> Registry:
        """The registry of the records made when an invoice is issued; the SII's are made from it in the days after."""
        return self.registry() if self.chained else registry("none")


class ClosingDays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The days of a contract, by its id, that a closing run bills: from where it was billed until its end."""

    contract: int
    start: date
    end: date


class RunSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``zones`` None bills every zone; ``supply_facts`` are facts of tariffs that hold for the whole utility.

    A run with ``closing`` bills those contracts alone, each its own days (central.invoicing.closing).
    """

    zones: tuple[str, ...] | None = None
    closing: tuple[ClosingDays, ...] = ()
    accept_suspect: bool = False
    supply_facts: dict[str, Any] = {}
    volume: Policy = Policy()
    leak: LeakPolicy = LeakPolicy()
    review: ReviewLimits = ReviewLimits()
    fiscal: FiscalSettings = FiscalSettings()
    language: str = "es"
    documents: bool = True

    def period_of(self, contracts: tuple[int, int], whole: Period) -> Period:
        """The days a partition bills: of a closing run, whose partitions are of one contract each, that contract's."""
        mine = (Period(one.start, one.end) for one in self.closing if contracts == (one.contract, one.contract))
        return next(mine, whole)


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
