"""Tariffs, consumption, runs and invoices. Issued rows are immutable in the database itself (central.store.guards)."""

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import (
    Base,
    BigInt,
    Cents,
    Code,
    Data,
    Day,
    Id,
    Instant,
    Litres,
    LongText,
    Name,
    Ref,
    Small,
    UtilityId,
)
from central.store.models.register import ByTheMillion, InUtility


class TariffVersion(InUtility, Base):
    """One version of a tariff file, whole, as it was approved.

    ``tariff`` is the file's id and ``series`` the ids that follow one another in time; ``version`` counts the texts
    ever recorded under the id, so a corrected misprint is a new row and old bills keep theirs.
    """

    __tablename__ = "tariff_version"
    __table_args__ = (UniqueConstraint("utility_id", "tariff", "version"),)
    tariff: Mapped[Code]
    series: Mapped[Code]
    version: Mapped[int]
    valid_from: Mapped[Day | None]
    valid_to: Mapped[Day | None]
    title: Mapped[Name]
    source: Mapped[LongText]
    text: Mapped[LongText]
    sha256: Mapped[str] = mapped_column(String(64))
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[Name]


class TariffAssignment(InUtility, Base):
    """Which tariffs (by id or series) apply to the contracts of a zone (None = everywhere), over time."""

    __tablename__ = "tariff_assignment"
    tariff: Mapped[Code]
    zone: Mapped[str | None] = mapped_column(String(64))
    position: Mapped[Small] = mapped_column(default=0)  # the order of the tariffs' lines on the bill
    valid_from: Mapped[Day]
    valid_to: Mapped[Day | None]
    recorded_at: Mapped[Instant]


class BillingRun(InUtility, Base):
    """A run over [period_from, period_to); its states are those of ``central.invoicing.states``.

    ``settings`` is the configuration the run was made with (selection, volume policy, limits of the review, fiscal
    system, language), so that it is judged by its own rules for ever.
    """

    __tablename__ = "billing_run"
    __table_args__ = (UniqueConstraint("utility_id", "code"),)
    code: Mapped[Code]
    period_from: Mapped[Day]
    period_to: Mapped[Day]
    status: Mapped[Code]
    cutoff_at: Mapped[Instant]
    series: Mapped[Code]
    issue_date: Mapped[Day | None]
    due_date: Mapped[Day | None]
    created_by: Mapped[Name]
    created_at: Mapped[Instant]
    approved_by: Mapped[Name | None]
    approved_at: Mapped[Instant | None]
    numbered_at: Mapped[Instant | None]  # the instant every fiscal record of the run states
    issued_at: Mapped[Instant | None]
    delivered_at: Mapped[Instant | None]
    settings: Mapped[Data]
    summary: Mapped[Data]


class RunPartition(Base):
    """A share of a run's contracts, worked in one transaction that also records its state.

    Numbering gives the share its first number and the fiscal record its first one follows, so that shares are issued
    in any order, by any worker, with the numbers and hashes they would have had one after the other.
    """

    __tablename__ = "run_partition"
    __table_args__ = (ForeignKeyConstraint(["utility_id", "run_id"], ["billing_run.utility_id", "billing_run.id"]),)
    utility_id: Mapped[UtilityId]
    run_id: Mapped[Id]
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_contract: Mapped[Ref]
    last_contract: Mapped[Ref]
    contracts: Mapped[int]
    stage: Mapped[Code]  # "simulate", "issue", "deliver"
    state: Mapped[Code]  # "open", "done"
    claim: Mapped[int] = mapped_column(default=0)  # fencing token: a late worker with an older one is refused
    bills: Mapped[int] = mapped_column(default=0)  # drafts that may be issued, counted when they were simulated
    total_cents: Mapped[Cents] = mapped_column(default=0)
    homes: Mapped[int] = mapped_column(default=0)  # domestic bills that were issued, and their litres
    home_litres: Mapped[Litres] = mapped_column(default=0)
    first_number: Mapped[Ref | None]
    chain_position: Mapped[Ref | None]
    chain_previous: Mapped[Data | None]
    chain_hashes: Mapped[bytes | None] = mapped_column(LargeBinary)  # of its records, 32 bytes each, in order
    done_at: Mapped[Instant | None]


class DraftBill(ByTheMillion, Base):
    """A simulated bill as a review lists, orders and counts it; all of it stands in its partition's ``DraftBlock``.

    ``status`` is "ready", or "parked" where no bill could be made; a parked contract is named at review and left out.
    """

    __tablename__ = "draft_bill"
    # A run's contracts come from the register itself and the run exists: no foreign key looks each row up again.
    # One for each holder of a contract in the run's period.
    __table_args__ = (UniqueConstraint("utility_id", "run_id", "contract_id", "period_from"),)
    run_id: Mapped[Ref]
    contract_id: Mapped[Ref]
    customer_id: Mapped[Ref | None]
    partition: Mapped[int]
    place: Mapped[Ref | None]  # in the block; None where there is no bill
    status: Mapped[Code]
    period_from: Mapped[Day]
    period_to: Mapped[Day]
    litres: Mapped[Litres]
    estimated_litres: Mapped[Litres]
    base_cents: Mapped[Cents]
    vat_cents: Mapped[Cents]
    total_cents: Mapped[Cents]
    previous_litres: Mapped[Litres | None]
    previous_days: Mapped[int | None]
    previous_total_cents: Mapped[Cents | None]
    open_exceptions: Mapped[Small]  # not yet waived; a run with any is not approved


class DraftBlock(Base):
    """The drafts of a partition in columns, already as their invoices will store them (central.invoicing.block)."""

    __tablename__ = "draft_block"
    __table_args__ = (ForeignKeyConstraint(["utility_id", "run_id"], ["billing_run.utility_id", "billing_run.id"]),)
    utility_id: Mapped[UtilityId]
    run_id: Mapped[Id]
    partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class SharedValue(Base):
    """What many bills have in common, stored once and never changed: ``id`` is the beginning of its SHA-256.

    ``kind`` is "charge" (a line but for its quantity and amount, with its reason), "form" (issuer, terms, tariffs, the
    charges in their order) or "fiscal" (what records state of the invoicing system); ``value`` is JSON
    (central.invoicing.shared).
    """

    __tablename__ = "shared_value"
    utility_id: Mapped[UtilityId]
    id: Mapped[Id]
    kind: Mapped[Code]
    value: Mapped[LongText]


class DraftException(Base):
    """What the review must look at before a draft becomes a bill, with the numbers that were compared."""

    __tablename__ = "draft_exception"
    __table_args__ = (
        Index("ix_draft_exception_code", "utility_id", "run_id", "code", "contract_id"),
        ForeignKeyConstraint(["utility_id", "run_id"], ["billing_run.utility_id", "billing_run.id"]),
        ForeignKeyConstraint(["utility_id", "contract_id"], ["contract.utility_id", "contract.id"]),
    )
    utility_id: Mapped[UtilityId]
    run_id: Mapped[Id]
    contract_id: Mapped[Id]
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[LongText]
    numbers: Mapped[Data]
    waived_by: Mapped[Name | None]
    waived_at: Mapped[Instant | None]
    waived_reason: Mapped[LongText | None]


class Consumption(ByTheMillion, Base):
    """The billed volume of a contract in a period.

    ``evidence`` is JSON (central.invoicing.evidence): the pieces the volume is made of, the stored reading at either
    end of each, and, by meter, the reading that closed the bill: it opens the next one.
    """

    __tablename__ = "consumption"
    # Written by the million with invoices whose contracts were just read; `sgc audit` looks for orphans.
    __table_args__ = (
        Index("uq_consumption_contract_period", "utility_id", "contract_id", "period_from", "generation", unique=True),
        Index("ix_consumption_supply", "utility_id", "supply_point_id", "period_to"),
    )
    contract_id: Mapped[Ref]
    supply_point_id: Mapped[Ref]
    period_from: Mapped[Day]
    period_to: Mapped[Day]
    generation: Mapped[Small] = mapped_column(default=0)
    litres: Mapped[Litres]
    estimated_litres: Mapped[Litres]
    leak: Mapped[bool] = mapped_column(default=False)
    run_id: Mapped[Ref]
    recorded_at: Mapped[Instant]
    evidence: Mapped[LongText] = mapped_column(default="[[]]")


class Series(Base):
    """A legal numbering series; a run takes a block of numbers in one statement.

    ``last_date`` keeps dates from falling while numbers rise.
    """

    __tablename__ = "series"
    utility_id: Mapped[UtilityId]
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    next_number: Mapped[Ref]
    last_date: Mapped[Day | None]


class Invoice(ByTheMillion, Base):
    """An issued invoice, whole and for ever: nothing of it is read from the register again.

    ``content`` is JSON (central.invoicing.stored): the recipient and the supply as they were printed, bases and VAT,
    the quantity and amount of each line, the hash of the inputs. ``form_id`` names what it shares with other invoices:
    issuer, terms, tariffs, and each line's description, price and reason.
    """

    __tablename__ = "invoice"
    # Written by the million beside its consumption; `sgc audit` looks for orphans.
    __table_args__ = (
        UniqueConstraint("utility_id", "series", "number"),
        Index(
            "uq_invoice_contract_period", "utility_id", "contract_id", "period_from", "kind", "generation", unique=True
        ),
    )
    series: Mapped[Code]
    number: Mapped[Ref]
    number_text: Mapped[Code]  # as printed and declared
    kind: Mapped[str] = mapped_column(String(2))  # F1, R1 … R5 (VERI*FACTU list L2)
    generation: Mapped[Small] = mapped_column(default=0)
    issue_date: Mapped[Day]
    due_date: Mapped[Day]
    period_from: Mapped[Day]
    period_to: Mapped[Day]
    run_id: Mapped[Ref | None]
    contract_id: Mapped[Ref]
    supply_point_id: Mapped[Ref]
    customer_id: Mapped[Ref]
    consumption_id: Mapped[Ref]
    litres: Mapped[Litres]
    base_cents: Mapped[Cents]
    vat_cents: Mapped[Cents]
    total_cents: Mapped[Cents]
    operation_date: Mapped[Day | None]
    rectifies: Mapped[Data | None]
    issued_at: Mapped[Instant]
    form_id: Mapped[Ref]
    content: Mapped[LongText]


class InvoiceDocument(Base):
    """The document a person gets, as it was delivered."""

    __tablename__ = "invoice_document"
    __table_args__ = (ForeignKeyConstraint(["utility_id", "invoice_id"], ["invoice.utility_id", "invoice.id"]),)
    utility_id: Mapped[UtilityId]
    invoice_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    language: Mapped[str] = mapped_column(String(8), primary_key=True)
    media_type: Mapped[Code]
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[Instant]
