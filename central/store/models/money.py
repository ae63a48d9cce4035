"""Fiscal records and the ledger: append-only. Balances are projections of the entries, never stored."""

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, Cents, Code, Data, Day, Digest, Id, Instant, Name, Ref, UtilityId
from central.store.models.register import ByTheMillion, InUtility


class FiscalRecord(ByTheMillion, Base):
    """A record of issue or cancellation in the issuer's chain (RD 1007/2023); ``position`` counts within the chain.

    The record's XML follows from the invoice, the record before it, ``generated_at``, ``config_id`` (what it states of
    the invoicing system) and ``says`` (what it states otherwise than the invoice): central.invoicing.records.

    The record that is written with its invoice has its id; only the later ones of an invoice need an index to be found
    by (central.invoicing.records.of_invoices).
    """

    __tablename__ = "fiscal_record"
    __table_args__ = (
        UniqueConstraint("utility_id", "system", "position"),
        Index(
            "ix_fiscal_record_later",
            "utility_id",
            "invoice_id",
            postgresql_where=text("id <> invoice_id"),
            sqlite_where=text("id <> invoice_id"),
        ),
    )
    system: Mapped[Code]
    position: Mapped[Ref]
    kind: Mapped[Code]  # "alta" or "anulacion"
    invoice_id: Mapped[Ref]
    generated_at: Mapped[Instant]
    hash: Mapped[str] = mapped_column(Digest)
    config_id: Mapped[Ref]
    says: Mapped[Data | None]


class FiscalChain(Base):
    """Where the next fiscal record of a system follows: a run takes a stretch of the chain as it takes its numbers.

    ``head`` names the record that the next one follows: its invoice number, issue date and hash.
    """

    __tablename__ = "fiscal_chain"
    utility_id: Mapped[UtilityId]
    system: Mapped[str] = mapped_column(String(64), primary_key=True)
    next_position: Mapped[Ref]
    head: Mapped[Data | None]


class LedgerTransaction(InUtility, Base):
    """A group of entries that sum to zero; ``key`` makes posting idempotent.

    A partition of a run is one: a charge to each contract, and the sums of what they are for.
    """

    __tablename__ = "ledger_transaction"
    __table_args__ = (UniqueConstraint("utility_id", "key"),)
    key: Mapped[Code]
    kind: Mapped[Code]
    effective_on: Mapped[Day]
    recorded_at: Mapped[Instant]
    invoice_id: Mapped[Ref | None] = mapped_column(index=True)
    description: Mapped[Name]


class LedgerEntry(Base):
    """One side of a transaction; debit positive, credit negative, in cents.

    ``invoice_id`` is set on the one entry that charges an invoice to its contract.
    """

    __tablename__ = "ledger_entry"
    # Written by the million beside its transaction; `sgc audit` looks for orphans.
    __table_args__ = (Index("ix_ledger_entry_contract", "utility_id", "contract_id"),)
    utility_id: Mapped[UtilityId]
    transaction_id: Mapped[Id]
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account: Mapped[Name]  # its path, e.g. "receivable/C-1001", "vat/10"
    contract_id: Mapped[Ref | None]
    amount_cents: Mapped[Cents]
    invoice_id: Mapped[Ref | None]
