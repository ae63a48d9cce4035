"""Every file of ``rules`` is a rule: its ``RULE`` is all the board needs to know."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from central.register.errors import RegisterError
from central.register.quality import rules as folder
from central.register.quality.rule import Rule
from central.store.models import Utility


@cache
def all_rules() -> dict[str, Rule]:
    """The rules by code, in the order of their codes; raises ValueError where two have the same."""
    found: dict[str, Rule] = {}
    for module in sorted(info.name for info in iter_modules(folder.__path__)):
        rule: Rule = import_module(f"{folder.__name__}.{module}").RULE
        if rule.code in found:
            raise ValueError(f"rule.code: {rule.code!r}, two files of {folder.__name__} have it")
        found[rule.code] = rule
    return found


def rules_of(utility: Utility) -> dict[str, Rule]:
    """The rules as a utility sets them, without those it has off; raises :class:`RegisterError` for a wrong setting."""
    said = utility.settings.get("quality", {})
    for code in said if isinstance(said, dict) else ():
        if code not in all_rules():
            raise RegisterError("settings.quality", code, f"must be one of {', '.join(all_rules())}")
    set_so = {code: rule.of(utility) for code, rule in all_rules().items()}
    return {code: rule for code, rule in set_so.items() if rule is not None}
