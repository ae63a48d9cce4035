"""The list of rules: every module of ``rules``, with a utility's own numbers."""

import importlib
import pkgutil
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from central.reading.validation import rules as package
from central.reading.validation.rule import Rule, RuleError


@cache
def all_rules() -> tuple[Rule[Any], ...]:
    """Every rule, by name."""
    modules = (
        importlib.import_module(f"{package.__name__}.{found.name}") for found in pkgutil.iter_modules(package.__path__)
    )
    return tuple(sorted((module.RULE for module in modules), key=lambda rule: rule.name))


def configured_rules(settings: Mapping[str, Any], day: date) -> tuple[Rule[Any], ...]:
    """Every rule with the numbers of a utility's settings in force on a day; raises :class:`RuleError`."""
    given = settings.get("validation", {})
    unknown = set(given) - {rule.name for rule in all_rules()}
    if unknown:
        known = ", ".join(rule.name for rule in all_rules())
        raise RuleError(f"settings.validation.{sorted(unknown)[0]}: no such rule, must be one of {known}")
    return tuple(rule.configured(given.get(rule.name, {}), day) for rule in all_rules())
