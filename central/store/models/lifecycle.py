"""What is asked of a contract's life (sign-up, change of holder, subrogation, cancellation), with its documents."""

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, Code, Data, Day, Instant, LongText, Name, Ref, Small
from central.store.models.register import InUtility


class ContractCase(InUtility, Base):
    """A case (expediente): one procedure on one supply point, from its request to its end.

    ``details`` is ``central.lifecycle.details.Details``; every change of it is in the audit. ``result`` says,
    once it is done, which rows of register, readings and ledger it made. ``contract_id`` is the contract it is about;
    a sign-up has one only when it is done.
    """

    __tablename__ = "contract_case"
    __table_args__ = (
        UniqueConstraint("utility_id", "number"),
        Index("ix_contract_case_state", "utility_id", "state", "opened_at"),
        Index("ix_contract_case_contract", "utility_id", "contract_id"),
        Index("ix_contract_case_supply", "utility_id", "supply_point_id"),
        ForeignKeyConstraint(["utility_id", "supply_point_id"], ["supply_point.utility_id", "supply_point.id"]),
        ForeignKeyConstraint(["utility_id", "contract_id"], ["contract.utility_id", "contract.id"]),
    )
    number: Mapped[Ref]
    procedure: Mapped[Code]  # "sign_up", "change_of_holder", "subrogation", "cancellation"
    cause: Mapped[Code]
    channel: Mapped[Code]  # "office", "phone", "portal", "api"
    supply_point_id: Mapped[Ref]
    contract_id: Mapped[Ref | None]
    opened_at: Mapped[Instant]
    opened_by: Mapped[Name]
    state: Mapped[Code]  # "open", "waiting", "ready", "done", "rejected", "withdrawn"
    effective_on: Mapped[Day]
    details: Mapped[Data]
    closed_at: Mapped[Instant | None]
    closed_by: Mapped[Name | None]
    closed_why: Mapped[LongText | None]
    result: Mapped[Data | None]


class ContractCaseDocument(InUtility, Base):
    """What was done about one document of a case's checklist; the newest row of a ``code`` is what holds.

    A received one has its bytes, their SHA-256 and the media type that the bytes themselves show; ``name`` is only
    what the sender called it. A waived or refused one has a reason instead.
    """

    __tablename__ = "contract_case_document"
    __table_args__ = (
        Index("ix_contract_case_document_case", "utility_id", "case_id"),
        ForeignKeyConstraint(["utility_id", "case_id"], ["contract_case.utility_id", "contract_case.id"]),
    )
    case_id: Mapped[Ref]
    position: Mapped[Small]
    code: Mapped[Code]
    verdict: Mapped[Code]  # "received", "waived", "refused"
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[Name]
    reason: Mapped[LongText]
    name: Mapped[Name]
    media_type: Mapped[str | None] = mapped_column(String(64))
    sha256: Mapped[str | None] = mapped_column(String(64))
    size: Mapped[int | None]
    content: Mapped[bytes | None] = mapped_column(LargeBinary)


class ContractCharge(InUtility, Base):
    """A one-off charge of the tariff (connection, contracting) that the bill over day ``charged_on`` carries."""

    __tablename__ = "contract_charge"
    __table_args__ = (
        UniqueConstraint("utility_id", "contract_id", "code", "charged_on"),
        ForeignKeyConstraint(["utility_id", "contract_id"], ["contract.utility_id", "contract.id"]),
        ForeignKeyConstraint(["utility_id", "case_id"], ["contract_case.utility_id", "contract_case.id"]),
    )
    contract_id: Mapped[Ref]
    case_id: Mapped[Ref]
    code: Mapped[Code]
    charged_on: Mapped[Day]
    recorded_at: Mapped[Instant]
    recorded_by: Mapped[Name]
