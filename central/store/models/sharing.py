"""Supplies that are billed together or shared out: general meters, contracts that divide a supply, and several supplies
on one contract. Statements over time; one that changes is retired and followed by another."""

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, Code, Ref
from central.store.models.register import Bitemporal, InUtility, valid_range


class BulkSupply(InUtility, Bitemporal, Base):
    """A supply with a general meter, and what becomes of what its sub-meters do not show.

    ``policy`` is "difference" (its own contract pays it), "shared" (the supplies under it do) or "watch_only" (nobody
    does). ``by`` says how it is shared: "equal", "weight" or "litres" (as each used).
    """

    __tablename__ = "bulk_supply"
    __table_args__ = (
        valid_range(),
        ForeignKeyConstraint(["utility_id", "supply_point_id"], ["supply_point.utility_id", "supply_point.id"]),
    )
    supply_point_id: Mapped[Ref] = mapped_column(index=True)
    policy: Mapped[Code]
    by: Mapped[Code]


class BulkMember(InUtility, Bitemporal, Base):
    """A supply that hangs under a general meter, and its weight where what is left is shared by weight."""

    __tablename__ = "bulk_member"
    __table_args__ = (
        valid_range(),
        CheckConstraint("weight > 0", name="positive_weight"),
        ForeignKeyConstraint(["utility_id", "bulk_point_id"], ["supply_point.utility_id", "supply_point.id"]),
        ForeignKeyConstraint(["utility_id", "supply_point_id"], ["supply_point.utility_id", "supply_point.id"]),
    )
    bulk_point_id: Mapped[Ref] = mapped_column(index=True)
    supply_point_id: Mapped[Ref] = mapped_column(index=True)
    weight: Mapped[int]


class SupplyShare(InUtility, Bitemporal, Base):
    """A contract that is billed a part of a supply: its weight among the weights of all that are.

    ``by`` is "litres" (each part of the water is rated by its contract's own terms) or "amount" (the supply's bill is
    made once, by the terms of its own contract, and its lines are divided to the cent).
    """

    __tablename__ = "supply_share"
    __table_args__ = (
        valid_range(),
        CheckConstraint("weight > 0", name="positive_weight"),
        ForeignKeyConstraint(["utility_id", "supply_point_id"], ["supply_point.utility_id", "supply_point.id"]),
        ForeignKeyConstraint(["utility_id", "contract_id"], ["contract.utility_id", "contract.id"]),
    )
    supply_point_id: Mapped[Ref] = mapped_column(index=True)
    contract_id: Mapped[Ref] = mapped_column(index=True)
    weight: Mapped[int]
    by: Mapped[Code]
