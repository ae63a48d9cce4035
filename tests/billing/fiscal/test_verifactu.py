"""VERI*FACTU records: official vectors, the agency's schema, the linter, the chain."""

import json
import pickle
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from verifactu_lint.cli import main as lint
from verifactu_sdk import hashing as sdk

from billing.fiscal import (
    Environment,
    FiscalConfig,
    FiscalError,
    FiscalRecord,
    Link,
    Software,
    chain_issues,
    hash_cancellation,
    hash_issue,
    qr_url,
    registry,
    submission,
)
from billing.fiscal.chaining import chain_amounts
from billing.fiscal.submission import MAX_RECORDS, endpoint, envelope
from billing.fiscal.verifactu import Verifactu, _element
from billing.invoice import ForeignId, Invoice, InvoiceType, Party, VatSum, rectify, sum_vat
from tests.billing.fiscal.written import golden, indented
from tests.billing.invoice_samples import B02, HOLDER, ISSUER, TERMS, invoice, line

CONFIG = FiscalConfig(Software("Aguas Municipales de Prueba, S. A.", "A28015865", "SGC", "SG", "0.1.0", "1"))
AT = datetime(2026, 3, 5, 9, 30, 15, 250_000, tzinfo=UTC)
SF = "{https://www2.agenciatributaria.gob.es/static_files/common/internet/dep/aplicaciones/es/aeat/tike/cont/ws/SuministroInformacion.xsd}"


def record(bill: Invoice, previous: Link | None = None, at: datetime = AT) -> FiscalRecord:
    made = registry("verifactu", CONFIG).record_for(bill, previous, at)
    assert made is not None
    return made


def chain(bills: Sequence[Invoice]) -> list[FiscalRecord]:
    records: list[FiscalRecord] = []
    for number, bill in enumerate(bills):
        previous = records[-1].link if records else None
        records.append(record(bill, previous, AT + timedelta(seconds=number)))
    return records


def rectified(method: str) -> Invoice:
    return rectify(
        [invoice()],
        B02[:2],
        type=InvoiceType.R4,
        method=method,  # type: ignore[arg-type]
        reason="Lectura errónea",
        series="RE2026",
        number=1 if method == "S" else 2,
        issued=date(2026, 3, 5),
        terms=TERMS,
    )


ALQ = line("ALQ", "Alquiler del contador", "2", "0.85", "1.70", "21")
BILLS = (
    invoice(),
    replace(invoice(), number=124, recipient=Party("John Smith", foreign_id=ForeignId("07", "X99", "ES"))),
    replace(invoice((*B02, ALQ)), number=125),
    replace(invoice((line("X", "Exenta", "1", "5", "5.00", "EX"),)), number=126),
    rectified("S"),
    rectified("I"),
)


@pytest.fixture(scope="module")
def schema(shared: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(shared / "data/billing/xsd/verifactu/SuministroLR.xsd"))


def message() -> bytes:
    records = chain(BILLS)
    cancelled = registry("verifactu", CONFIG).cancellation_for(
        ISSUER, BILLS[1].reference, records[-1].link, AT + timedelta(minutes=1)
    )
    assert cancelled is not None
    return submission(ISSUER, [item.xml for item in [*records, cancelled]])


def test_official_hash_vectors(shared: Path) -> None:
    vectors = json.loads((shared / "data/billing/vectors.json").read_text())["verifactu_hash"]
    checked = 0
    for vector in vectors:
        values = list(dict(parse_pairs(vector["input"])).values())
        if vector["case"].startswith("alta"):
            assert hash_issue(*values) == vector["sha256"]
        elif vector["case"].startswith("anulacion"):
            assert hash_cancellation(*values) == vector["sha256"]
        checked += vector["official"]
    assert checked == 3


def parse_pairs(text: str) -> list[tuple[str, str]]:
    return [tuple(pair.split("=", 1)) for pair in text.split("&")]  # type: ignore[misc]


def test_official_qr_vector(shared: Path) -> None:
    vector = json.loads((shared / "data/billing/vectors.json").read_text())["verifactu_qr_url"][0]
    values = vector["params"]
    made = qr_url(values["nif"], values["numserie"], date(2024, 1, 1), Decimal(values["importe"]), Environment.TEST)
    assert made == vector["url"] + "0"  # the agency takes 241.4 and 241.40 alike


def test_records_are_valid_against_the_agency_schema(schema: etree.XMLSchema) -> None:
    schema.assertValid(etree.fromstring(message()))


def test_records_are_lint_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "registros.xml"
    path.write_bytes(message())
    assert lint([str(path), "--sin-color"]) == 0, capsys.readouterr().out
    assert "0 errores · 0 avisos" in capsys.readouterr().out


def test_a_broken_chain_is_what_the_linter_catches(tmp_path: Path) -> None:
    path = tmp_path / "registros.xml"
    records = [record(BILLS[0]), record(BILLS[1], record(BILLS[2]).link)]
    path.write_bytes(submission(ISSUER, [item.xml for item in records]))
    assert lint([str(path), "--sin-color"]) != 0


def test_what_a_message_says() -> None:
    made = record(invoice())
    assert (made.system, made.kind, made.nif, made.number) == ("verifactu", "issue", "A28015865", "AG2026/000123")
    assert (made.issued, made.stamp, made.previous) == (date(2026, 3, 5), "2026-03-05T10:30:15+01:00", None)
    message = submission(ISSUER, [made.xml])
    assert message.startswith(b"<?xml version='1.0' encoding='UTF-8'?>\n<sum:RegFactuSistemaFacturacion")
    assert message.decode().count("García") == 1  # UTF-8, not references to characters
    assert indented(message) == golden("verifactu")


def test_what_a_rectifying_record_says() -> None:
    others = (ALQ, line("X", "Exenta", "1", "5", "5.00", "EX"))
    bill = replace(rectified("S"), recipient=BILLS[1].recipient, lines=others, vat=sum_vat(others))
    several = replace(CONFIG, software=replace(CONFIG.software, several_payers=True), levy_regime="10", submits=False)
    made = registry("no_verifactu", several).record_for(bill, record(invoice()).link, AT)
    assert made is not None
    assert (made.system, "ValidarQRNoVerifactu" in made.qr_url) == ("no_verifactu", True)
    assert indented(made.xml) == golden("verifactu_rectifying")


def test_amounts_collected_for_others_have_the_regime_that_is_set() -> None:
    made = registry("verifactu", replace(CONFIG, levy_regime="10")).record_for(invoice(), None, AT)
    assert made is not None
    assert [item.text for item in etree.fromstring(made.xml).iter(f"{SF}ClaveRegimen")] == ["01", "10"]


@pytest.mark.parametrize(("unknown", "said"), [(True, "X"), (False, None)])
@pytest.mark.parametrize("bill", [invoice(), rectified("S")])
def test_a_correction_is_the_record_again_and_says_so(bill: Invoice, unknown: bool, said: str | None) -> None:
    before = record(BILLS[1]).link
    made = Verifactu(CONFIG).correction_for(bill, before, AT, unknown=unknown)
    assert made == record(bill, before)
    root = etree.fromstring(made.xml)
    assert (root.findtext(f"{SF}Subsanacion"), root.findtext(f"{SF}RechazoPrevio")) == ("S", said)
    for added in (f"{SF}Subsanacion", f"{SF}RechazoPrevio"):
        for child in root.findall(added):
            root.remove(child)
    assert etree.tostring(root, method="c14n") == etree.tostring(
        etree.fromstring(record(bill, before).xml), method="c14n"
    )


@pytest.mark.parametrize("again", [True, False])
def test_what_a_cancellation_says(again: bool) -> None:
    before = record(invoice()).link
    made = Verifactu(CONFIG).cancellation_for(ISSUER, invoice().reference, before, AT, after_rejection=again)
    assert (made.system, made.kind, made.nif, made.number) == (
        "verifactu",
        "cancellation",
        "A28015865",
        "AG2026/000123",
    )
    assert (made.issued, made.stamp, made.previous) == (date(2026, 3, 5), "2026-03-05T10:30:15+01:00", before)
    root = etree.fromstring(made.xml)
    assert root.findtext(f"{SF}RechazoPrevio") == ("S" if again else None)
    for child in root.findall(f"{SF}RechazoPrevio"):
        root.remove(child)
    assert indented(root) == golden("verifactu_cancellation")


def test_a_chain_may_begin_with_a_cancellation() -> None:
    first = Verifactu(CONFIG).cancellation_for(ISSUER, invoice().reference, None, AT)
    assert first.hash == hash_cancellation("A28015865", "AG2026/000123", "05-03-2026", "", first.stamp)
    assert etree.fromstring(first.xml).findtext(f"{SF}Encadenamiento/{SF}PrimerRegistro") == "S"
    assert b"RechazoPrevio" not in first.xml


def test_summer_time_has_its_own_offset() -> None:
    assert record(invoice(), at=datetime(2026, 7, 1, 10, tzinfo=UTC)).stamp == "2026-07-01T12:00:00+02:00"


def test_the_operation_date_is_left_out_when_it_is_the_issue() -> None:
    bill = replace(invoice(), operation_date=date(2026, 3, 5))
    assert b"FechaOperacion" not in record(bill).xml


def test_the_chain_goes_through_cancellations() -> None:
    first = record(invoice())
    gone = registry("verifactu", CONFIG).cancellation_for(ISSUER, invoice().reference, first.link, AT)
    assert gone is not None
    following = record(BILLS[1], gone.link)
    assert (gone.previous, following.previous) == (first.link, gone.link)
    assert len({first.hash, gone.hash, following.hash}) == 3
    assert gone.qr_url == ""


def test_a_record_survives_the_way_to_another_process() -> None:
    made = record(invoice())
    assert pickle.loads(pickle.dumps(made)).xml == made.xml  # noqa: S301


def test_the_qr_names_invoice_and_total() -> None:
    query = "?nif=A28015865&numserie=AG2026%2F000123&fecha=05-03-2026&importe=35.36"
    for submits, service in ((True, "ValidarQR"), (False, "ValidarQRNoVerifactu")):
        for environment, host in (
            (Environment.TEST, "https://prewww2.aeat.es"),
            (Environment.PRODUCTION, "https://www2.agenciatributaria.gob.es"),
        ):
            config = replace(CONFIG, submits=submits, environment=environment)
            made = Verifactu(config).record_for(invoice(), None, AT)
            assert made.qr_url == f"{host}/wlpl/TIKE-CONT/{service}{query}"


def test_a_nif_comes_before_any_other_identity() -> None:
    for bill in (invoice(), rectified("S")):
        both = replace(bill, recipient=replace(HOLDER, foreign_id=ForeignId("07", "X" * 20)))
        assert record(both).xml == record(bill).xml


def test_a_rectifying_record_of_the_day_of_supply_names_no_other_day() -> None:
    assert b"FechaOperacion" not in record(replace(rectified("S"), operation_date=date(2026, 3, 5))).xml


def test_an_element_with_another_hash_is_never_written() -> None:
    whole = Verifactu(CONFIG)._issue(invoice(), None, AT)
    own = record(invoice()).hash
    with pytest.raises(FiscalError, match=f"^hash 00FF: the XML of this record would carry {own}$"):
        _element(whole, "00FF", whole.emisor)


def test_bulk_chain_is_the_same_as_record_by_record() -> None:
    bills = [replace(invoice(), number=number) for number in range(1, 6)]
    one_by_one: list[str] = []
    previous = None
    for bill in bills:
        made = record(bill, previous)
        previous = made.link
        one_by_one.append(made.hash)
    rows = [(bill.full_number, "05-03-2026", "F1", f"{bill.vat_total:.2f}", f"{bill.total:.2f}") for bill in bills]
    assert chain_issues("A28015865", rows, "", "2026-03-05T10:30:15+01:00") == one_by_one


@given(
    st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9)), max_size=4),
    st.sampled_from(["", "F" * 64]),
)
def test_a_run_hashed_from_cents_is_the_same_as_from_texts(amounts: list[tuple[int, int]], previous: str) -> None:
    stamp = "2026-03-05T10:30:15+01:00"
    numbers = [f"AG2026/{number:06d}" for number in range(len(amounts))]
    rows = [
        (number, "05-03-2026", "F1", f"{Decimal(vat).scaleb(-2):.2f}", f"{Decimal(total).scaleb(-2):.2f}")
        for number, (vat, total) in zip(numbers, amounts, strict=True)
    ]
    vat, total = np.array(amounts, np.int64).reshape(-1, 2).T.copy()
    digests = chain_amounts("A28015865", numbers, "05-03-2026", vat, total, previous, stamp)
    assert digests.hex().upper() == "".join(chain_issues("A28015865", rows, previous, stamp))


@pytest.mark.parametrize(("numbers", "vat", "total"), [(2, 1, 1), (1, 2, 1), (1, 1, 2)])
def test_a_run_has_as_many_numbers_as_amounts(numbers: int, vat: int, total: int) -> None:
    with pytest.raises(ValueError, match="must be as many as amounts"):
        chain_amounts(
            "A28015865", ["A/1"] * numbers, "05-03-2026", np.zeros(vat, np.int64), np.zeros(total, np.int64), "", ""
        )


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60), st.integers(-(10**9), 10**9)
)
def test_the_hash_is_the_one_of_the_library(number: str, cents: int) -> None:
    total = f"{Decimal(cents) / 100:.2f}"
    values = ("A28015865", number, "05-03-2026", "F1", "1.59", total, "", "2026-03-05T10:30:15+01:00")
    names = ("id_emisor", "num_serie", "fecha_expedicion", "tipo_factura", "cuota_total", "importe_total")
    theirs = sdk.huella_alta(
        **dict(zip(names, values, strict=False)), huella_anterior=None, fecha_hora_huso_gen=values[-1]
    )
    assert hash_issue(*values) == theirs


@pytest.mark.parametrize(
    ("bill", "text"),
    [
        (
            replace(invoice(), recipient=replace(HOLDER, nif="")),
            "recipient.nif: (empty): needs a NIF, or another identity (for example 07, not in the census)",
        ),
        (
            replace(invoice(), recipient=replace(HOLDER, name="N" * 121)),
            f"recipient.name '{'N' * 121}': must have 1 to 120 characters",
        ),
        (replace(invoice(), recipient=replace(HOLDER, name="")), "recipient.name '': must have 1 to 120 characters"),
        (
            replace(invoice(), issuer=replace(ISSUER, name="")),
            "issuer.name '': must have 1 to 120 characters",
        ),
        (
            replace(invoice(), issuer=replace(ISSUER, nif="")),
            "issuer.nif: (empty): a record names its issuer by NIF",
        ),
        (
            replace(invoice(), recipient=replace(HOLDER, name="Ana\x07")),
            "recipient.name 'Ana\\x07': must not hold the character U+0007, which XML excludes",
        ),
        (
            replace(invoice(), recipient=replace(HOLDER, nif="1234\x02")),
            "recipient.nif '1234\\x02': must not hold the character U+0002, which XML excludes",
        ),
        (
            replace(invoice(), recipient=Party("John", foreign_id=ForeignId("07", "X\x03"))),
            "recipient.foreign_id.number 'X\\x03': must not hold the character U+0003, which XML excludes",
        ),
        (
            replace(invoice(), supply=replace(invoice().supply, contract="C\x1b")),
            "supply.contract 'C\\x1b': must not hold the character U+001B, which XML excludes",
        ),
        (
            replace(invoice(), recipient=Party("John", foreign_id=ForeignId("07", "X" * 21))),
            f"recipient.foreign_id.number '{'X' * 21}': must have at most 20 characters",
        ),
        (
            replace(invoice(), vat=tuple(VatSum(str(rate), Decimal(1), Decimal(0)) for rate in range(13))),
            "vat 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12: at most 12 rates",
        ),
    ],
)
def test_what_cannot_be_recorded_is_named(bill: Invoice, text: str) -> None:
    port = registry("verifactu", CONFIG)
    with pytest.raises(FiscalError) as refused:
        record(bill)
    with pytest.raises(FiscalError) as checked:
        port.check(bill)
    assert str(refused.value) == str(checked.value) == text


def test_what_is_as_long_as_the_agency_takes_is_recorded() -> None:
    longest = replace(
        invoice(),
        recipient=Party("N" * 120, foreign_id=ForeignId("07", "X" * 20)),
        supply=replace(invoice().supply, contract="C" * 501),
        vat=tuple(VatSum(str(rate), Decimal(1), Decimal(0)) for rate in range(12)),
    )
    said = etree.fromstring(record(longest).xml).findtext(f"{SF}DescripcionOperacion")
    assert said == f"Suministro de agua del 01-01-2026 al 28-02-2026, contrato {'C' * 501}"[:500]
    # With a NIF, the other identity is not written, however long.
    registry("verifactu", CONFIG).check(
        replace(invoice(), recipient=replace(HOLDER, foreign_id=ForeignId("07", "X" * 21)))
    )


@pytest.mark.parametrize("bill", BILLS)
def test_what_passes_the_check_is_recorded(bill: Invoice) -> None:
    registry("verifactu", CONFIG).check(bill)
    assert record(bill).xml


def test_other_refusals() -> None:
    with pytest.raises(FiscalError, match=r"^at 2026-03-05T00:00:00: must carry a time zone$"):
        record(invoice(), at=datetime(2026, 3, 5))  # noqa: DTZ001
    foreign = Link("B12345674", "A/1", date(2026, 1, 1), "F" * 64)
    chained = r"^previous\.nif B12345674: a chain belongs to one issuer, A28015865$"
    with pytest.raises(FiscalError, match=chained):
        record(invoice(), foreign)
    with pytest.raises(FiscalError, match=chained):
        Verifactu(CONFIG).cancellation_for(ISSUER, invoice().reference, foreign, AT)
    nameless = r"^issuer\.nif: \(empty\): a record names its issuer by NIF$"
    with pytest.raises(FiscalError, match=nameless):
        Verifactu(CONFIG).cancellation_for(replace(ISSUER, nif=""), invoice().reference, None, AT)
    with pytest.raises(FiscalError, match=r"^issuer\.name '': must have 1 to 120 characters$"):
        Verifactu(CONFIG).cancellation_for(replace(ISSUER, name=""), invoice().reference, None, AT)
    with pytest.raises(ValueError, match="issued is missing"):
        record(replace(invoice(), number=None, issued=None))


def test_a_message_carries_one_to_a_thousand_records() -> None:
    for number in (0, MAX_RECORDS + 1):
        with pytest.raises(FiscalError, match=rf"^records: {number}: a message carries 1 to 1000$"):
            submission(ISSUER, [b"<a/>"] * number)
    assert submission(ISSUER, [b"<a/>"] * MAX_RECORDS).count(b"<a/>") == 1000


def test_the_envelope_and_where_it_is_sent() -> None:
    message = submission(ISSUER, [record(invoice()).xml])
    root = etree.fromstring(envelope(message))
    assert root.tag == "{http://schemas.xmlsoap.org/soap/envelope/}Envelope"
    (body,) = root.findall("{*}Body")
    assert indented(etree.tostring(body[0])).count("RegistroAlta>") == 2
    path = "/wlpl/TIKE-CONT/ws/SistemaFacturacion/VerifactuSOAP"
    assert endpoint(Environment.TEST) == endpoint(Environment.TEST, seal=False) == f"https://prewww1.aeat.es{path}"
    assert endpoint(Environment.TEST, seal=True) == f"https://prewww10.aeat.es{path}"
    assert endpoint(Environment.PRODUCTION) == f"https://www1.agenciatributaria.gob.es{path}"
    assert endpoint(Environment.PRODUCTION, seal=True) == f"https://www10.agenciatributaria.gob.es{path}"


def test_which_registry() -> None:
    none = registry("none")
    assert none.record_for(invoice(), None, AT) is None
    assert none.cancellation_for(ISSUER, invoice().reference, None, AT) is None
    names = "verifactu, no_verifactu, sii, none"
    with pytest.raises(FiscalError, match=rf"^fiscal\.system ticketbai: must be one of {names}$"):
        registry("ticketbai", CONFIG)
    for kind in ("verifactu", "no_verifactu"):
        missing = rf"^fiscal\.software: \(missing\): {kind} records name the invoicing system$"
        with pytest.raises(FiscalError, match=missing):
            registry(kind)
    assert registry("verifactu", replace(CONFIG, submits=False)) == Verifactu(CONFIG)


def test_the_deadline_is_a_setting() -> None:
    assert not CONFIG.compulsory_on(date(2026, 12, 31))
    assert CONFIG.compulsory_on(date(2027, 1, 1))
    assert not replace(CONFIG, obligatory_from=date(2028, 10, 1)).compulsory_on(date(2027, 1, 1))


def test_a_late_sending_says_so(schema: etree.XMLSchema) -> None:
    late = submission(ISSUER, [record(invoice()).xml], incident=True)
    schema.assertValid(etree.fromstring(late))
    assert b"Incidencia>S<" in late


TEXTS = st.text(min_size=1, max_size=40)
LINKS = st.none() | st.builds(
    Link,
    st.just(ISSUER.nif),
    TEXTS,
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.text("0123456789ABCDEF", min_size=64, max_size=64),
)
RECIPIENTS = st.builds(Party, TEXTS, st.just("12345678Z")) | st.builds(
    Party,
    TEXTS,
    foreign_id=st.builds(
        ForeignId, st.sampled_from(["02", "03", "07"]), st.text(min_size=1, max_size=20), st.sampled_from("EF")
    ),
)
CENTS = st.integers(-(10**9), 10**9).map(lambda cents: Decimal(cents).scaleb(-2))
SUMS = st.lists(st.builds(VatSum, st.sampled_from(["10", "21", "0", "NS", "EX"]), CENTS, CENTS), min_size=1, max_size=4)


@given(RECIPIENTS, SUMS, CENTS, LINKS, TEXTS, st.booleans())
def test_a_record_filled_in_is_what_the_library_writes(
    recipient: Party, vat: list[VatSum], total: Decimal, previous: Link | None, contract: str, same_day: bool
) -> None:
    bill = invoice()
    bill = replace(
        bill,
        recipient=recipient,
        vat=tuple(vat),
        total=total,
        supply=replace(bill.supply, contract=contract),
        operation_date=bill.issued if same_day else bill.period.last_day,
    )
    try:
        made = record(bill, previous)
    except FiscalError:
        other = recipient.foreign_id.number if recipient.foreign_id else ""
        with pytest.raises(ValueError, match="XML compatible"):
            etree.Element("any").text = f"{recipient.name}{other}{contract}"
        return
    whole = Verifactu(CONFIG)._issue(bill, previous, AT)
    try:
        expected = _element(whole, made.hash, whole.emisor)
    except (FiscalError, ValueError) as refused:
        with pytest.raises(type(refused)):
            _ = made.xml
    else:
        assert made.xml == expected
