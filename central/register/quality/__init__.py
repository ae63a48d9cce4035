"""The register's quality board: one file per rule in ``rules``, and what the office does about what they find."""

from central.register.quality.board import Line, assign, board, dismiss, find_issue, issues, refresh
from central.register.quality.registry import all_rules

__all__ = ["Line", "all_rules", "assign", "board", "dismiss", "find_issue", "issues", "refresh"]
