"""What compact frames are read with: it must outlive the process that learnt it."""

from sqlalchemy import Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, Millis, UtilityId


class CompactFormat(Base):
    """Record headers of a full frame by their signature (EN 13757-3:2018, annex on compact frames).

    A signature is 16 bits: manufacturer and device type keep makers apart, and the CRC over the full frame that every
    compact frame carries decides.
    """

    __tablename__ = "compact_format"
    utility_id: Mapped[UtilityId]
    manufacturer: Mapped[str] = mapped_column(String(3), primary_key=True)
    device_type: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    signature: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    headers: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    learnt_ms: Mapped[Millis]
