"""Fiscal records behind one port: VERI*FACTU and its siblings.

Which system applies is configuration: VERI*FACTU for ordinary companies, SII for large filers (the two
exclude each other, RD 1007/2023 art. 3.3), none for bodies outside both.
"""

from billing.fiscal.answers import AgencyFaultError, Answer, Line, read_answer
from billing.fiscal.config import Environment, FiscalConfig, Software
from billing.fiscal.hashing import chain_issues, hash_cancellation, hash_issue
from billing.fiscal.port import FiscalError, FiscalRecord, Link, Registry, UnsupportedRegistryError
from billing.fiscal.qr import qr_url
from billing.fiscal.registries import registry
from billing.fiscal.submission import MAX_RECORDS, endpoint, envelope, submission

__all__ = [
    "MAX_RECORDS",
    "AgencyFaultError",
    "Answer",
    "Environment",
    "FiscalConfig",
    "FiscalError",
    "FiscalRecord",
    "Line",
    "Link",
    "Registry",
    "Software",
    "UnsupportedRegistryError",
    "chain_issues",
    "endpoint",
    "envelope",
    "hash_cancellation",
    "hash_issue",
    "qr_url",
    "read_answer",
    "registry",
    "submission",
]
