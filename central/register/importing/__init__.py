"""The register from files: JSON (``file``) or tables (``sheets``, ``columns``, ``tables``), the fate of each row
(``plan``), and what decides it (the others)."""

from central.register.importing.fates import fates_csv, fates_workbook
from central.register.importing.file import RegisterFile, parse_register_file, read_register_file
from central.register.importing.mapping import TableMapping, read_table_mapping
from central.register.importing.plan import ImportPlan, RowFate, apply_import, plan_import
from central.register.importing.tables import Table, open_all, plan_table, read_tables

__all__ = [
    "ImportPlan",
    "RegisterFile",
    "RowFate",
    "Table",
    "TableMapping",
    "apply_import",
    "fates_csv",
    "fates_workbook",
    "open_all",
    "parse_register_file",
    "plan_import",
    "plan_table",
    "read_register_file",
    "read_table_mapping",
    "read_tables",
]
