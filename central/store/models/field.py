"""What is out in the street: devices, their receivers, and the routes they are given."""

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, Code, Data, Day, Id, Instant, Millis, Name, Ref, Small, UtilityId
from central.store.models.register import InUtility


class Device(InUtility, Base):
    """A handheld or vehicle terminal. Its name is unique everywhere because topics carry nothing else."""

    __tablename__ = "device"
    name: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[Code]
    public_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    enrolled_at: Mapped[Instant]
    revoked_at: Mapped[Instant | None]
    last_batch_ms: Mapped[Millis | None]


class Receiver(InUtility, Base):
    """A radio receiver seen on a device."""

    __tablename__ = "receiver"
    __table_args__ = (
        UniqueConstraint("utility_id", "device_id", "name"),
        ForeignKeyConstraint(["utility_id", "device_id"], ["device.utility_id", "device.id"]),
    )
    device_id: Mapped[Ref]
    name: Mapped[Code]
    first_ms: Mapped[Millis]
    last_ms: Mapped[Millis]


class DeviceEvent(InUtility, Base):
    """Anything else a device recorded: a receiver lost and found, garbage on the line, a clock set."""

    __tablename__ = "device_event"
    __table_args__ = (
        Index("ix_device_event_device", "utility_id", "device_id", "at_ms"),
        ForeignKeyConstraint(["utility_id", "device_id"], ["device.utility_id", "device.id"]),
    )
    device_id: Mapped[Ref]
    batch_id: Mapped[Ref]
    item: Mapped[Ref]
    at_ms: Mapped[Millis]
    kind: Mapped[Code]
    data: Mapped[Data]


class Route(InUtility, Base):
    """Supply points to be read on one day by one device."""

    __tablename__ = "route"
    __table_args__ = (
        UniqueConstraint("utility_id", "code"),
        ForeignKeyConstraint(["utility_id", "device_id"], ["device.utility_id", "device.id"]),
    )
    code: Mapped[Code]
    name: Mapped[Name]
    device_id: Mapped[Ref | None]
    planned_on: Mapped[Day]
    closed_list: Mapped[bool] = mapped_column(default=False)
    status: Mapped[Code]
    created_at: Mapped[Instant]


class RouteStop(Base):
    """One supply point of a route, in walking order."""

    __tablename__ = "route_stop"
    __table_args__ = (
        ForeignKeyConstraint(["utility_id", "route_id"], ["route.utility_id", "route.id"]),
        ForeignKeyConstraint(["utility_id", "supply_point_id"], ["supply_point.utility_id", "supply_point.id"]),
    )
    utility_id: Mapped[UtilityId]
    route_id: Mapped[Id]
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    supply_point_id: Mapped[Ref]
    hint: Mapped[Name] = mapped_column(default="")
    weight: Mapped[Small | None]
