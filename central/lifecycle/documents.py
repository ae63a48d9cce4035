"""The documents of a case's checklist, settled one by one; each brings the case nearer to ready."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.lifecycle import papers
from central.lifecycle.cases import checklist_of, hold, refresh
from central.register.change import Change
from central.register.errors import RegisterError
from central.store.models import ContractCase, ContractCaseDocument


def receive(
    session: Session, case: ContractCase, code: str, content: bytes, name: str = "", *, by: Change
) -> ContractCaseDocument:
    """Keep a document that was brought: its bytes, digest and the media type they show."""
    _refuse_unasked(session, case, code)
    row = papers.add_received(session, case, code, content, name, by)
    refresh(session, case)
    return row


def waive(session: Session, case: ContractCase, code: str, *, by: Change) -> ContractCaseDocument:
    """Do without a document; ``by`` says why, and another person then has to complete the case."""
    _refuse_unasked(session, case, code)
    row = papers.add_verdict(session, case, code, papers.WAIVED, by)
    refresh(session, case)
    return row


def refuse_document(session: Session, case: ContractCase, code: str, *, by: Change) -> ContractCaseDocument:
    """Say that a document which was brought will not do; it is asked for again."""
    _refuse_unasked(session, case, code)
    row = papers.add_verdict(session, case, code, papers.REFUSED, by)
    refresh(session, case)
    return row


def document(session: Session, utility_id: int, document_id: int) -> ContractCaseDocument | None:
    """One document with its bytes; None where there is none, or it has none."""
    return session.scalar(
        select(ContractCaseDocument).where(
            ContractCaseDocument.utility_id == utility_id,
            ContractCaseDocument.id == document_id,
            ContractCaseDocument.content.is_not(None),
        )
    )


def _refuse_unasked(session: Session, case: ContractCase, code: str) -> None:
    hold(session, case)
    asked = [item.code for item in checklist_of(session, case)]
    if code not in asked:
        raise RegisterError("document.code", code, f"is not on the checklist: {', '.join(asked)}")
