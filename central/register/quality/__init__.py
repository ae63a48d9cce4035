"""The register's quality board: one file per rule in ``rules``, and what the office does about what they find."""

from central.register.quality.board import (
    Filters,
    Line,
    assign,
    board,
    dismiss,
    find_issue,
    find_issues,
    issues,
    last_refreshed,
    refresh,
    reopen,
    state_of,
)
from central.register.quality.registry import all_rules, rules_of

__all__ = [
    "Filters",
    "Line",
    "all_rules",
    "assign",
    "board",
    "dismiss",
    "find_issue",
    "find_issues",
    "issues",
    "last_refreshed",
    "refresh",
    "reopen",
    "rules_of",
    "state_of",
]
