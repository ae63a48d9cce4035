"""The register (padrón): where water is supplied, by which meter, to whom, on what terms.

Rows that a bill depends on carry a validity range [valid_from, valid_to) and are bitemporal: a correction sets
``retired_at`` on the old row and adds a new one, so what was believed at any instant can be read back.
"""

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, Code, Data, DataList, Day, Id, Instant, Litres, LongText, Millis, Name, Ref, Small
from central.store.base import UtilityId as UtilityKey


class Utility(Base):
    """One municipality's service; its ``id`` leads every other key."""

    __tablename__ = "utility"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    nif: Mapped[Code]
    ine_code: Mapped[Code]
    address: Mapped[Data]
    contact: Mapped[Data]
    settings: Mapped[Data]
    created_at: Mapped[Instant]


class InUtility:
    """Key shape of every table below a utility: (utility_id, id)."""

    utility_id: Mapped[UtilityKey] = mapped_column(ForeignKey("utility.id"))
    id: Mapped[Id]


class ByTheMillion:
    """The same key for what a run writes by the million: the utility exists, as the run that writes does.

    A foreign key would look it up again for each row, which takes a third of the time of the insert.
    """

    utility_id: Mapped[UtilityKey]
    id: Mapped[Id]


class Bitemporal:
    """When a row's statement is true (local dates, half-open), and when it was recorded and retired (UTC)."""

    valid_from: Mapped[Day]
    valid_to: Mapped[Day | None]
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[Name]
    retired_at: Mapped[Instant | None]


def valid_range() -> CheckConstraint:
    """The check every table with [valid_from, valid_to) carries."""
    return CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="valid_range")


class SupplyPoint(InUtility, Base):
    """A place water is supplied to; outlives meters, contracts and holders. Coordinates are degrees times 10^7."""

    __tablename__ = "supply_point"
    __table_args__ = (UniqueConstraint("utility_id", "code"),)
    code: Mapped[Code]
    street: Mapped[Name]
    number: Mapped[Code]
    detail: Mapped[Name]
    postal_code: Mapped[Code]
    ine_code: Mapped[Code]
    cadastral_ref: Mapped[str | None] = mapped_column(String(20))
    zone: Mapped[str | None] = mapped_column(String(64))
    lat_e7: Mapped[int | None]
    lon_e7: Mapped[int | None]
    created_at: Mapped[Instant]


class Meter(InUtility, Base):
    """A meter: its EN 13757 address in canonical text plus the serial printed on it."""

    __tablename__ = "meter"
    __table_args__ = (UniqueConstraint("utility_id", "address"), UniqueConstraint("utility_id", "serial"))
    address: Mapped[Code]
    serial: Mapped[Code]
    calibre_mm: Mapped[Small]
    q3_litres_hour: Mapped[int | None]
    modulus_litres: Mapped[Litres]
    radio: Mapped[bool]
    made_year: Mapped[int | None]
    created_at: Mapped[Instant]


class MeterKey(InUtility, Base):
    """A meter's AES key, sealed (AES-256-GCM, AAD = address) under the key-encryption key named by ``kek``."""

    __tablename__ = "meter_key"
    __table_args__ = (ForeignKeyConstraint(["utility_id", "meter_id"], ["meter.utility_id", "meter.id"]),)
    meter_id: Mapped[Ref] = mapped_column(index=True)
    kek: Mapped[Code]
    nonce: Mapped[bytes] = mapped_column(LargeBinary(12))
    sealed: Mapped[bytes] = mapped_column(LargeBinary(64))
    recorded_at: Mapped[Instant]
    retired_at: Mapped[Instant | None]


class Installation(InUtility, Base):
    """A meter hanging at a supply point during [from_ms, to_ms), UTC epoch ms."""

    __tablename__ = "installation"
    __table_args__ = (
        CheckConstraint("to_ms IS NULL OR to_ms >= from_ms", name="valid_range"),
        ForeignKeyConstraint(["utility_id", "meter_id"], ["meter.utility_id", "meter.id"]),
        ForeignKeyConstraint(["utility_id", "supply_point_id"], ["supply_point.utility_id", "supply_point.id"]),
    )
    meter_id: Mapped[Ref] = mapped_column(index=True)
    supply_point_id: Mapped[Ref] = mapped_column(index=True)
    from_ms: Mapped[Millis]
    to_ms: Mapped[Millis | None]
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[Name]
    retired_at: Mapped[Instant | None]


class Customer(InUtility, Base):
    """A person or body that holds contracts. Bills keep their own copy of what they printed.

    ``ended_on`` is the day a person died or a body was dissolved, ``ended_source`` who says so (a certificate, the
    civil or commercial register, the family, a bank's return).
    """

    __tablename__ = "customer"
    __table_args__ = (UniqueConstraint("utility_id", "code"),)
    code: Mapped[Code]
    nif: Mapped[Code]
    name: Mapped[Name]
    kind: Mapped[Code]
    email: Mapped[str | None] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(32))
    language: Mapped[str] = mapped_column(String(8))
    address: Mapped[Data]
    ended_on: Mapped[Day | None]
    ended_source: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[Instant]


class BankAccount(InUtility, Bitemporal, Base):
    """A customer's account for direct debit, with its mandate reference."""

    __tablename__ = "bank_account"
    __table_args__ = (
        valid_range(),
        ForeignKeyConstraint(["utility_id", "customer_id"], ["customer.utility_id", "customer.id"]),
    )
    customer_id: Mapped[Ref] = mapped_column(index=True)
    iban: Mapped[str] = mapped_column(String(34))
    mandate_ref: Mapped[str | None] = mapped_column(String(35))
    mandate_signed_on: Mapped[Day | None]


class Contract(InUtility, Base):
    """A supply contract at one supply point during [valid_from, valid_to)."""

    __tablename__ = "contract"
    __table_args__ = (
        valid_range(),
        UniqueConstraint("utility_id", "code"),
        ForeignKeyConstraint(["utility_id", "supply_point_id"], ["supply_point.utility_id", "supply_point.id"]),
    )
    code: Mapped[Code]
    supply_point_id: Mapped[Ref] = mapped_column(index=True)
    valid_from: Mapped[Day]
    valid_to: Mapped[Day | None]
    created_at: Mapped[Instant]


class OfContract:
    """A bitemporal statement about one contract."""

    contract_id: Mapped[Ref] = mapped_column(index=True)


class ContractHolder(InUtility, OfContract, Bitemporal, Base):
    """Who holds the contract, over time."""

    __tablename__ = "contract_holder"
    __table_args__ = (
        valid_range(),
        ForeignKeyConstraint(["utility_id", "contract_id"], ["contract.utility_id", "contract.id"]),
        ForeignKeyConstraint(["utility_id", "customer_id"], ["customer.utility_id", "customer.id"]),
    )
    customer_id: Mapped[Ref] = mapped_column(index=True)


class ContractTerms(InUtility, OfContract, Bitemporal, Base):
    """What the tariff needs to know of the contract, over time.

    ``groups`` are customer groups (large_family, pensioner, …), ``parameters`` and ``bonuses`` as in `sgc rate`.
    """

    __tablename__ = "contract_terms"
    __table_args__ = (
        valid_range(),
        ForeignKeyConstraint(["utility_id", "contract_id"], ["contract.utility_id", "contract.id"]),
    )
    use: Mapped[Code]
    dwellings: Mapped[Small]
    premises: Mapped[Small]
    persons: Mapped[int | None]
    groups: Mapped[DataList]
    bonuses: Mapped[DataList]
    parameters: Mapped[Data]
    habitual_home: Mapped[bool] = mapped_column(default=False)
    vulnerable: Mapped[bool] = mapped_column(default=False)
    note: Mapped[LongText] = mapped_column(default="")
