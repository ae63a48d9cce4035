"""Fiscal records and the ledger: append-only. Balances are projections of the entries, never stored."""

from sqlalchemy import ForeignKeyConstraint, Index, SmallInteger, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, Cents, Code, Data, Day, Id, Instant, LongText, Name, Ref, UtilityId
from central.store.models.register import InUtility


class FiscalRecord(InUtility, Base):
    """A record of issue or cancellation in the issuer's chain (RD 1007/2023); ``position`` counts within the chain."""

    __tablename__ = "fiscal_record"
    __table_args__ = (
        UniqueConstraint("utility_id", "system", "position"),
        ForeignKeyConstraint(["utility_id", "invoice_id"], ["invoice.utility_id", "invoice.id"]),
    )
    system: Mapped[Code]
    position: Mapped[Ref]
    kind: Mapped[Code]  # "alta" or "anulacion"
    invoice_id: Mapped[Ref] = mapped_column(index=True)
    generated_at: Mapped[Instant]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    qr_url: Mapped[str] = mapped_column(Text)
    record: Mapped[LongText]


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
    """A group of entries that sum to zero; ``key`` makes posting idempotent."""

    __tablename__ = "ledger_transaction"
    __table_args__ = (UniqueConstraint("utility_id", "key"),)
    key: Mapped[Code]
    kind: Mapped[Code]
    effective_on: Mapped[Day]
    recorded_at: Mapped[Instant]
    invoice_id: Mapped[Ref | None] = mapped_column(index=True)
    description: Mapped[Name]


class LedgerEntry(Base):
    """One side of a transaction; debit positive, credit negative, in cents."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        Index("ix_ledger_entry_contract", "utility_id", "contract_id", "account"),
        ForeignKeyConstraint(
            ["utility_id", "transaction_id"], ["ledger_transaction.utility_id", "ledger_transaction.id"]
        ),
    )
    utility_id: Mapped[UtilityId]
    transaction_id: Mapped[Id]
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    account: Mapped[Name]  # its path, e.g. "receivable/C-1001", "vat/10"
    contract_id: Mapped[Ref | None]
    amount_cents: Mapped[Cents]
