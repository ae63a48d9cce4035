"""What is stored is what was drafted: any draft comes back from its block, and from the rows of its invoice, whole."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from billing.invoice import Address, ForeignId, Invoice, InvoiceLine, Party, PaymentMethod, PaymentTerms, Supply, VatSum
from billing.money import euros
from billing.volume import Kind, Method, Period, Piece, Reading
from central.invoicing.archive import Numbered, rebuild, write_bills
from central.invoicing.block import Bills
from central.invoicing.draft import Basis, Draft
from central.invoicing.evidence import KINDS, Closing, Evidence, PieceEnd, Source
from central.invoicing.shared import Pool, Shared, SharedValueError
from central.store import Session, migrate, open_engine
from central.store.models import Invoice as InvoiceRow
from central.store.models import SharedValue, Utility

SERIES = "P2026"
ISSUED = date(2026, 4, 1)
NOW = datetime(2026, 4, 2, tzinfo=UTC)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
CENTS = st.integers(-(10**9), 10**9)
DAYS = st.dates(date(2000, 1, 1), date(2090, 1, 1))
IDS = st.integers(1, 2**63 - 1)
MILLIS = st.integers(0, 2**41)
PLACES = st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False, places=3)
DECIMALS = PLACES | st.integers(0, 99).map(Decimal)
ADDRESSES = st.builds(Address, TEXT, TEXT, TEXT, TEXT, st.sampled_from(["ES", "FR", ""]))
PARTIES = st.builds(
    Party, TEXT, TEXT, st.none() | ADDRESSES, st.booleans(), st.none() | st.builds(ForeignId, TEXT, TEXT, TEXT)
)
WHYS = st.fixed_dictionaries(
    {"clause": TEXT, "days": st.integers(0, 400)}, optional={"quantity": st.sampled_from(["1/3", "5", "51/10"])}
)
LINES = st.builds(
    InvoiceLine,
    TEXT,
    TEXT,
    DECIMALS,
    TEXT,
    DECIMALS,
    CENTS.map(euros),
    st.sampled_from(["10", "21", "NS"]),
    TEXT,
    TEXT,
    WHYS,
)
SOURCES = st.builds(
    Source,
    IDS,
    MILLIS,
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 9),
    st.integers(0, 10**9),
    st.none() | MILLIS,
    st.none() | IDS,
)
METERS = st.sampled_from(["KAM-00000001-1B-16", "M2", ""])


@st.composite
def ends(draw: st.DrawFn, meter: str) -> tuple[Reading | None, Source | None]:
    """An end of a piece: mostly a reading that is what its row says."""
    source = draw(st.none() | SOURCES)
    incidence = draw(st.sampled_from(["00", "03", "16"]))
    plain = source.reading(meter, incidence) if source else None
    at = MILLIS.map(lambda ms: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))
    odd = st.builds(Reading, METERS, at, st.integers(0, 10**9), st.sampled_from(Kind), TEXT, reason=TEXT)
    return draw(st.just(plain) | st.none() | odd), source


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    """Pieces with their ends, and a closing that follows from them or does not."""
    pieces: list[Piece] = []
    kept: list[PieceEnd] = []
    for number in range(draw(st.integers(0, 3))):
        meter = draw(METERS)
        both = [draw(ends(meter)), draw(ends(meter))]
        kept += [
            PieceEnd(number, role, source)
            for role, (_, source) in zip(("opening", "closing"), both, strict=True)
            if source
        ]
        litres = draw(st.integers(-(10**6), 10**6))
        said = (litres, litres, draw(st.sampled_from(Method)), draw(st.booleans()), draw(TEXT))
        pieces.append(Piece(meter, draw(st.integers(0, 100)), both[0][0], both[1][0], *said))
    plain = Evidence.of(Evidence(tuple(pieces), kept).to_json()).closing
    closing = draw(st.just(plain) | st.dictionaries(METERS, st.builds(Closing, METERS, SOURCES), max_size=2))
    return Evidence(tuple(pieces), kept, closing)


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Any draft, lawful or not: storing it must not be what refuses or changes it."""
    evidence, start = draw(evidences()), draw(DAYS)
    codes = draw(st.sets(TEXT, max_size=3))
    vat = tuple(VatSum(code, draw(CENTS.map(euros)), draw(CENTS.map(euros))) for code in codes)
    terms = PaymentTerms(draw(st.sampled_from(PaymentMethod)), draw(DAYS), draw(TEXT), draw(TEXT))
    supply = st.builds(Supply, TEXT, TEXT, ADDRESSES, TEXT, st.none() | st.integers(0, 99), meter=METERS)
    litres = draw(st.integers(0, 10**9))
    invoice = Invoice(
        SERIES,
        None,
        None,
        draw(PARTIES),
        draw(PARTIES),
        draw(supply),
        Period(start, start + timedelta(days=draw(st.integers(1, 400)))),
        litres,
        evidence.pieces,
        tuple(draw(st.lists(LINES, max_size=4))),
        vat,
        draw(CENTS.map(euros)),
        terms,
        operation_date=start,
        description=draw(TEXT),
    )
    usual: dict[str, Any] = {"ref": invoice.supply.contract, "litres": litres, "tariffs": ["T"]}
    case = draw(st.just(usual) | st.dictionaries(st.sampled_from(["ref", "litres", "readings", "x"]), TEXT))
    basis = Basis(case, draw(st.lists(IDS, max_size=2)), draw(TEXT), draw(st.binary(min_size=32, max_size=32)).hex())
    estimates = draw(st.lists(SOURCES, max_size=2))
    said = (evidence.closing, evidence.ends, estimates, draw(st.lists(TEXT, max_size=2)))
    return Draft(invoice, draw(IDS), draw(IDS), basis, *said)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database with a utility and nothing else."""
    path: Path = tmp_path_factory.mktemp("stored") / "sgc.db"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    with Session(engine) as session, session.begin():
        said = {"name": "Aguas", "nif": "A28015865", "ine_code": "03002", "address": {}, "contact": {}, "settings": {}}
        session.add(Utility(id=1, code="agost", created_at=NOW, **said))
    yield engine
    engine.dispose()


@settings(max_examples=150, deadline=None)
@given(made=st.lists(drafts(), min_size=1, max_size=3), versions=st.just({"T": 7}))
def test_a_block_gives_back_its_drafts_to_the_last_digit(
    engine: Engine, made: list[Draft], versions: dict[str, int]
) -> None:
    pool = Pool()
    packed = Bills.of(list(enumerate(made, start=1)), versions, pool).pack()
    with Session(engine) as session:
        pool.write(session, 1)
        shared, bills = Shared(session, 1), Bills.unpack(packed)
        again = [bills.draft(place, SERIES, shared) for place in range(len(made))]
        session.rollback()
    assert again == made
    assert [msgspec.json.encode(one, order="sorted") for one in again] == [
        msgspec.json.encode(one, order="sorted") for one in made
    ]


@settings(max_examples=60, deadline=None)
@given(made=st.lists(drafts(), min_size=1, max_size=3, unique_by=lambda one: one.invoice.period.start))
def test_an_issued_invoice_is_rebuilt_as_the_draft_with_its_number(engine: Engine, made: list[Draft]) -> None:
    pool = Pool()
    bills = Bills.of(list(enumerate(made, start=1)), {}, pool)
    with Session(engine) as session:
        pool.write(session, 1)
        write_bills(session, bills, Numbered(1, SERIES, 41, "F1", 0, ISSUED, 9, NOW), None)
        rows = session.scalars(select(InvoiceRow).order_by(InvoiceRow.number)).all()
        again = list(rebuild(session, rows))
        session.rollback()
    assert [one.invoice for one in again] == [
        one.invoice.numbered(number, ISSUED) for number, one in enumerate(made, start=41)
    ]
    assert [one.basis for one in again] == [one.basis for one in made]
    assert [one.evidence for one in again] == [one.evidence for one in made]


@given(made=st.lists(drafts(), min_size=1, max_size=5), data=st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_held_back_is_left_out_and_the_rest_stays_as_it_was(
    engine: Engine, made: list[Draft], data: st.DataObject
) -> None:
    pool = Pool()
    bills = Bills.of(list(enumerate(made, start=1)), {}, pool)
    kept = sorted(data.draw(st.sets(st.integers(0, len(made) - 1))))
    some = bills.only(np.array(kept, np.intp))
    with Session(engine) as session:
        pool.write(session, 1)
        shared = Shared(session, 1)
        assert [some.draft(place, SERIES, shared) for place in range(len(kept))] == [made[place] for place in kept]
        session.rollback()
    credited: dict[str, int] = {}
    for place in kept:
        for account, cents in bills.credits_of(place).items():
            credited[account] = credited.get(account, 0) + cents
    assert some.sums() == {account: cents for account, cents in credited.items() if cents}


def test_another_value_under_an_id_is_refused(engine: Engine) -> None:
    pool = Pool()
    known = pool.add("charge", {"code": "AGUA"})
    with Session(engine) as session:
        session.add(SharedValue(utility_id=1, id=known, kind="charge", value="{}"))
        session.flush()
        with pytest.raises(SharedValueError, match=f"shared value {known}: another one has its id"):
            pool.write(session, 1)
        session.rollback()
