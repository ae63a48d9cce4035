"""Validation: rules that judge readings against their neighbours and their history, and say what they compared.

A rule is one file in ``rules``. It may give a reading a verdict (suspect or rejected, with the numbers in its reason)
and may find something about a meter (a leak, a stopped register) without judging any reading. Verdicts of a rule are
taken back when later readings show that it was wrong; those of ingest and of people are not touched.
"""

from central.reading.validation.registry import all_rules
from central.reading.validation.rule import Rule, RuleError
from central.reading.validation.run import Validated, validate, validate_all

__all__ = ["Rule", "RuleError", "Validated", "all_rules", "validate", "validate_all"]
