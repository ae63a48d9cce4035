"""Fiscal records behind one port: VERI*FACTU and its siblings.

Which system applies is configuration: VERI*FACTU for ordinary companies, SII for large filers (the two
exclude each other, RD 1007/2023 art. 3.3), none for bodies outside both.
"""

from billing.fiscal.answers import AgencyFaultError, Answer, Line, read_answer
from billing.fiscal.chaining import chain_amounts
from billing.fiscal.config import Environment, FiscalConfig, SiiConfig, Software
from billing.fiscal.deadlines import SupplyDeadline
from billing.fiscal.hashing import DIGEST_BYTES, chain_issues, hash_cancellation, hash_issue
from billing.fiscal.port import FiscalError, FiscalRecord, Link, Registry
from billing.fiscal.qr import qr_url
from billing.fiscal.registries import CHAINED, SYSTEMS, registry
from billing.fiscal.sii import Sii
from billing.fiscal.sii_messages import read_sii_answer, sii_endpoint, sii_message, uniform
from billing.fiscal.submission import MAX_RECORDS, endpoint, envelope, submission

__all__ = [
    "CHAINED",
    "DIGEST_BYTES",
    "MAX_RECORDS",
    "SYSTEMS",
    "AgencyFaultError",
    "Answer",
    "Environment",
    "FiscalConfig",
    "FiscalError",
    "FiscalRecord",
    "Line",
    "Link",
    "Registry",
    "Sii",
    "SiiConfig",
    "Software",
    "SupplyDeadline",
    "chain_amounts",
    "chain_issues",
    "endpoint",
    "envelope",
    "hash_cancellation",
    "hash_issue",
    "qr_url",
    "read_answer",
    "read_sii_answer",
    "registry",
    "sii_endpoint",
    "sii_message",
    "submission",
    "uniform",
]
