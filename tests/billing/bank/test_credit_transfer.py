"""The credit transfer file: valid by its schema, the same bytes for the same order, to the cent."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import lxml.etree as xml
import pytest
import sepaxml
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.bank.credit_transfer import MAX_CENTS, SCHEMA, Order, Transfer, TransferError, credit_transfer
from tests.billing.fiscal.written import indented

PAYER, PAYEE = "ES9121000418450200051332", "ES7921000813610123456789"
GOLDEN = Path(__file__).parent / "golden" / "credit_transfer.xml"
AT = datetime(2026, 5, 1, 9, tzinfo=UTC)
XSD = xml.XMLSchema(file=str(Path(sepaxml.__file__).parent / "schemas" / f"{SCHEMA}.xsd"))


def order(*transfers: Transfer, code: str = "SGC-1", iban: str = PAYER) -> Order:
    return Order(code, "Aguas de Agost, S. A.", iban, date(2026, 5, 4), AT, transfers)


def transfer(cents: int = 1_234, name: str = "Íñigo Peña", iban: str = PAYEE, end_to_end: str = "SGC-7") -> Transfer:
    return Transfer(end_to_end, name, iban, cents, "Devolución contrato K-1")


def texts(content: bytes, name: str) -> list[str]:
    return [element.text or "" for element in xml.fromstring(content).findall(f".//{{*}}{name}")]


def test_a_file_says_who_pays_whom_how_much_and_when() -> None:
    made = order(transfer(), transfer(1, "Ana", end_to_end="SGC-8"))
    content = credit_transfer(made)
    XSD.assertValid(xml.fromstring(content))
    assert content.startswith(b"<?xml version='1.0' encoding='UTF-8'?>\n<Document")
    assert indented(content) == GOLDEN.read_text(encoding="utf-8")
    assert made.cents == 1_235


def test_the_same_order_gives_the_same_bytes() -> None:
    assert credit_transfer(order(transfer())) == credit_transfer(order(transfer()))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=5))
def test_the_sums_are_those_of_the_transfers(amounts: list[int]) -> None:
    content = credit_transfer(order(*(transfer(cents) for cents in amounts)))
    XSD.assertValid(xml.fromstring(content))
    written = [int(text.replace(".", "")) for text in texts(content, "InstdAmt")]
    assert written == amounts
    assert {int(text.replace(".", "")) for text in texts(content, "CtrlSum")} == {sum(amounts)}
    assert texts(content, "NbOfTxs") == [str(len(amounts))] * 2


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (order(), "order SGC-1: transfers: (none): must pay somebody"),
        (order(transfer(0)), "transfer SGC-7: cents: 0: must be 1 to 99999999999"),
        (order(transfer(MAX_CENTS + 1)), "transfer SGC-7: cents: 100000000000: must be 1 to 99999999999"),
        (order(transfer(iban="ES00")), "transfer SGC-7: iban: 'ES00': must be an IBAN (ISO 13616, mod 97-10)"),
        (
            order(transfer(), iban="ES7921000813610123456788"),
            "order.iban: 'ES7921000813610123456788': must be an IBAN (ISO 13616, mod 97-10)",
        ),
        (order(transfer(name=" ")), "transfer SGC-7: name: (empty): must name who is paid"),
        *(
            (order(transfer(), code=code), f"order.code: {code!r}: must be 1 to 33 ASCII characters")
            for code in ("", "x" * 34, "ñ")
        ),
        (
            replace(order(transfer()), made_at=datetime(2026, 5, 1, 9)),  # noqa: DTZ001
            "order SGC-1: made_at 2026-05-01T09:00:00: must carry a time zone",
        ),
    ],
)
def test_what_a_bank_would_refuse_is_refused(refused: Order, told: str) -> None:
    with pytest.raises(TransferError) as error:
        credit_transfer(refused)
    assert str(error.value) == told


def test_the_longest_code_and_the_smallest_amount_are_written() -> None:
    content = credit_transfer(order(transfer(1), code="x" * 33))
    assert (texts(content, "MsgId"), texts(content, "InstdAmt")) == (["x" * 33], ["0.01"])
    assert texts(credit_transfer(order(transfer(MAX_CENTS))), "InstdAmt") == ["999999999.99"]
