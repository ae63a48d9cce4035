"""A tariff that nobody pays yet, on the bills that were issued: the register's own cases, rated anew."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.tariff import Book, parse
from billing.volume import Period
from billing.whatif import Change, Comparison, Register, RegisterBuilder, compare
from central.invoicing.shared import Shared
from central.invoicing.states import RunError
from central.invoicing.stored import Content
from central.invoicing.tariffs import book_at
from central.store.models import Contract, Invoice, TariffVersion

BILLS_AT_ONCE = 5_000
ORDINARY = ("F1", "F2")


@dataclass(frozen=True, slots=True)
class Study:
    """What is asked: a tariff's text (or the id of a recorded one) in the place of ``replaces``."""

    tariff: str
    text: str | None
    replaces: str | None
    assume: Mapping[str, Any]


def load(
    session: Session, utility_id: int, period: Period, progress: Callable[[int], None] = lambda _bills: None
) -> Register:
    """Every ordinary bill whose days lie in ``period``, as it was rated; of a bill made again, the newest."""
    rows = session.execute(
        select(
            Contract.code, Invoice.period_from, Invoice.total_cents, Invoice.litres, Invoice.form_id, Invoice.content
        )
        .join(Contract, (Contract.utility_id == Invoice.utility_id) & (Contract.id == Invoice.contract_id))
        .where(
            Invoice.utility_id == utility_id,
            Invoice.kind.in_(ORDINARY),
            Invoice.period_from >= period.start,
            Invoice.period_to <= period.end,
        )
        .order_by(Invoice.contract_id, Invoice.period_from, Invoice.generation.desc()),
        execution_options={"yield_per": BILLS_AT_ONCE},
    )
    builder, count = RegisterBuilder(), 0
    last: tuple[str, date | None] = ("", None)
    shared = Shared(session, utility_id)
    for code, start, total_cents, litres, form_id, content in rows:
        if (code, start) == last:
            continue
        last, count = (code, start), count + 1
        builder.add(code, Content(form_id, content, shared).basis(litres).case, total_cents)
        if count % BILLS_AT_ONCE == 0:
            progress(count)
    if not count:
        raise RunError(f"period [{period.start}, {period.end}): no bill was issued in it")
    return builder.register()


def study(session: Session, utility_id: int, register: Register, wanted: Study) -> Comparison:
    """The register under the change; RunError or TariffError where it cannot be studied."""
    book = book_at(session, utility_id, datetime.now(UTC)).book
    found = compare(register, book, Change(wanted.tariff, with_text(book, wanted), wanted.replaces, wanted.assume))
    if not len(found.contract):
        raise RunError(f"tariff {wanted.tariff}: rates none of {register.count} bills: {'; '.join(found.faults)}")
    return found


def with_text(book: Book, wanted: Study) -> Book:
    """The recorded tariffs, with the studied text over whatever has its id."""
    if wanted.text is None:
        return book
    recorded = {tariff: text for tariff in book.ids() if (text := book.text(tariff)) is not None}
    return Book.of({**recorded, parse(wanted.text, f"{wanted.tariff}.yaml").id: wanted.text})


def recorded_tariffs(session: Session, utility_id: int) -> list[str]:
    """The ids of the tariffs a utility has recorded, in order."""
    rows = select(TariffVersion.tariff).where(TariffVersion.utility_id == utility_id).distinct()
    return sorted(session.scalars(rows))
