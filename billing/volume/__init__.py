"""Readings to billable litres: rollover, exchange, estimate, leak, split.

``determine`` is the door; everything here is a pure function of its arguments. Litres and indexes are
integers, instants are aware UTC, periods are half-open local dates (Europe/Madrid).
"""

from billing.volume.bulk import BulkPolicy, BulkShare, settle_bulk
from billing.volume.determine import Volume, determine
from billing.volume.estimate import Estimate, estimate
from billing.volume.leak import LeakAllowance, LeakClaim, LeakPolicy, leak_allowance
from billing.volume.period import Period
from billing.volume.pieces import DERIVED, Method, Note, Piece
from billing.volume.policy import Negative, Policy
from billing.volume.readings import (
    NO_PAST,
    Installation,
    Kind,
    Past,
    PastPeriod,
    Reading,
    VolumeError,
)
from billing.volume.regularise import Correction, Redistribution, redistribute
from billing.volume.share import merge, share_by_days

__all__ = [
    "DERIVED",
    "NO_PAST",
    "BulkPolicy",
    "BulkShare",
    "Correction",
    "Estimate",
    "Installation",
    "Kind",
    "LeakAllowance",
    "LeakClaim",
    "LeakPolicy",
    "Method",
    "Negative",
    "Note",
    "Past",
    "PastPeriod",
    "Period",
    "Piece",
    "Policy",
    "Reading",
    "Redistribution",
    "Volume",
    "VolumeError",
    "determine",
    "estimate",
    "leak_allowance",
    "merge",
    "redistribute",
    "settle_bulk",
    "share_by_days",
]
