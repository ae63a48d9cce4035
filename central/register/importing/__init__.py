"""The register from a file: its shape (``file``), the fate of each row (``plan``), and what decides it (the others)."""

from central.register.importing.file import RegisterFile, parse_register_file, read_register_file
from central.register.importing.plan import ImportPlan, RowFate, apply_import, plan_import

__all__ = [
    "ImportPlan",
    "RegisterFile",
    "RowFate",
    "apply_import",
    "parse_register_file",
    "plan_import",
    "read_register_file",
]
