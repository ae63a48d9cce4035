"""Work in the street: how rounds were planned, work orders and what devices reported of them, and what allows a cut."""

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import (
    Base,
    Cents,
    Code,
    Data,
    DataList,
    Day,
    Id,
    Instant,
    Litres,
    LongText,
    Millis,
    Name,
    Ref,
    UtilityId,
)
from central.store.models.register import InUtility


class RoutePlan(Base):
    """What was reckoned of a route when its round was divided among readers; ``round`` names the routes made together.

    ``finished_at`` closes the time in which readings count for the route.
    """

    __tablename__ = "route_plan"
    __table_args__ = (
        ForeignKeyConstraint(["utility_id", "route_id"], ["route.utility_id", "route.id"]),
        Index("ix_route_plan_round", "utility_id", "round"),
    )
    utility_id: Mapped[UtilityId]
    route_id: Mapped[Id]
    round: Mapped[Code]
    seconds: Mapped[int]
    metres: Mapped[int]
    finished_at: Mapped[Instant | None]


class WorkOrder(InUtility, Base):
    """Something to be done at a supply point: read, inspect, seal, replace, install, remove, cut or reconnect.

    ``meter_id`` is the meter that hung there when it was ordered; ``details`` what the kind needs besides.
    """

    __tablename__ = "work_order"
    __table_args__ = (
        UniqueConstraint("utility_id", "code"),
        Index("ix_work_order_status", "utility_id", "status", "id"),
        Index("ix_work_order_supply", "utility_id", "supply_point_id"),
        Index("ix_work_order_device", "utility_id", "device_id", "status"),
        ForeignKeyConstraint(["utility_id", "supply_point_id"], ["supply_point.utility_id", "supply_point.id"]),
        ForeignKeyConstraint(["utility_id", "meter_id"], ["meter.utility_id", "meter.id"]),
        ForeignKeyConstraint(["utility_id", "contract_id"], ["contract.utility_id", "contract.id"]),
        ForeignKeyConstraint(["utility_id", "device_id"], ["device.utility_id", "device.id"]),
        ForeignKeyConstraint(["utility_id", "finding_id"], ["finding.utility_id", "finding.id"]),
        ForeignKeyConstraint(["utility_id", "route_id"], ["route.utility_id", "route.id"]),
    )
    code: Mapped[Code]
    kind: Mapped[Code]
    cause: Mapped[Code]
    status: Mapped[Code]
    supply_point_id: Mapped[Ref]
    meter_id: Mapped[Ref | None]
    contract_id: Mapped[Ref | None]
    finding_id: Mapped[Ref | None]
    route_id: Mapped[Ref | None]
    device_id: Mapped[Ref | None]
    planned_on: Mapped[Day | None]
    due_by: Mapped[Instant | None]
    instructions: Mapped[LongText]
    details: Mapped[Data]
    created_by: Mapped[Name]
    created_at: Mapped[Instant]
    closed_at: Mapped[Instant | None]


class OrderReport(InUtility, Base):
    """What a device said of an order, word for word; ``status`` is what the centre made of it.

    ``order_id`` is None where no such order is known. ``photos`` are SHA-256 digests. A meter's key that was read on
    the spot is sealed like any other (AAD: the report's id) and passes to ``meter_key`` with the meter.
    """

    __tablename__ = "order_report"
    __table_args__ = (
        UniqueConstraint("utility_id", "batch_id", "item"),
        Index("ix_order_report_order", "utility_id", "order_id"),
        Index("ix_order_report_status", "utility_id", "status"),
        ForeignKeyConstraint(["utility_id", "device_id"], ["device.utility_id", "device.id"]),
    )
    device_id: Mapped[Ref]
    batch_id: Mapped[Ref]
    item: Mapped[Ref]
    order_code: Mapped[Code]
    order_id: Mapped[Ref | None]
    outcome: Mapped[Code]  # "accepted", "done", "impossible"
    reason: Mapped[str] = mapped_column(String(2))
    at_ms: Mapped[Millis]
    doubt: Mapped[Name]  # why the instant is not certain; empty where it is
    supply: Mapped[Code]
    meter: Mapped[Code]
    litres: Mapped[Litres | None]
    new_serial: Mapped[Code]
    new_address: Mapped[Code]
    new_litres: Mapped[Litres | None]
    seal: Mapped[Code]
    note: Mapped[LongText]
    photos: Mapped[DataList]
    lat_e7: Mapped[int | None]
    lon_e7: Mapped[int | None]
    reader: Mapped[Code]
    kek: Mapped[str | None] = mapped_column(String(64))
    nonce: Mapped[bytes | None] = mapped_column(LargeBinary(12))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary(64))
    received_ms: Mapped[Millis]
    status: Mapped[Code]  # "new", "applied", "conflict", "dismissed"
    problem: Mapped[LongText]
    settled_by: Mapped[Name | None]
    settled_at: Mapped[Instant | None]


class CutFact(InUtility, Base):
    """What is known of a contract that allows a cut or forbids it, from ``since`` until ``until`` (None: for ever).

    ``kind``: "demand" (the debt was claimed, with proof of receipt), "authority" (the administration was told),
    "essential", "claim", "instalments" (each forbids).
    """

    __tablename__ = "cut_fact"
    __table_args__ = (
        ForeignKeyConstraint(["utility_id", "contract_id"], ["contract.utility_id", "contract.id"]),
        Index("ix_cut_fact_contract", "utility_id", "contract_id"),
    )
    contract_id: Mapped[Ref]
    kind: Mapped[Code]
    since: Mapped[Day]
    until: Mapped[Day | None]
    cents: Mapped[Cents | None]
    reference: Mapped[Name]
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[Name]
    retired_at: Mapped[Instant | None]


class DeviceMail(Base):
    """What a device is to be told: ``wanted`` counts changes, ``sent`` is the count that the last message told of.

    ``kind``: "route" (``route_id`` says which) or "orders".
    """

    __tablename__ = "device_mail"
    __table_args__ = (ForeignKeyConstraint(["utility_id", "device_id"], ["device.utility_id", "device.id"]),)
    utility_id: Mapped[UtilityId]
    device_id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    route_id: Mapped[Ref | None]
    wanted: Mapped[int]
    sent: Mapped[int]
    issued_ms: Mapped[Millis]
