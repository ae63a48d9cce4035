"""Hourly series: a row for each meter and day instead of one for each hour."""

from sqlalchemy import BigInteger, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, BigInt, Litres, Millis, UtilityId


class ReadingDay(Base):
    """What a meter metered hour by hour, from ``start_ms`` for as many hours as there are ``deltas``.

    ``litres`` is the index at the start; ``deltas`` are 32-bit little-endian integers, the litres of each hour, where
    -2^31 says that the hour is not known. A series is recorded once; one that says something else is in quarantine.
    """

    __tablename__ = "reading_day"
    __table_args__ = ({"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (start_ms)"},)
    utility_id: Mapped[UtilityId]
    start_ms: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    meter_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    litres: Mapped[Litres]
    deltas: Mapped[bytes] = mapped_column(LargeBinary(100))
    batch_id: Mapped[int | None] = mapped_column(BigInteger)  # the batch it came by; None: a file of another system
    recorded_ms: Mapped[Millis]
