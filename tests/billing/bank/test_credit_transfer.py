"""The credit transfer file: valid by its schema, the same bytes for the same order, to the cent."""

from datetime import UTC, date, datetime
from pathlib import Path

import lxml.etree as xml
import pytest
import sepaxml
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.bank.credit_transfer import SCHEMA, Order, Transfer, TransferError, credit_transfer

PAYER, PAYEE = "ES9121000418450200051332", "ES7921000813610123456789"
AT = datetime(2026, 5, 1, 9, tzinfo=UTC)
XSD = xml.XMLSchema(file=str(Path(sepaxml.__file__).parent / "schemas" / f"{SCHEMA}.xsd"))


def order(*transfers: Transfer, code: str = "SGC-1", iban: str = PAYER) -> Order:
    return Order(code, "Aguas de Agost, S. A.", iban, date(2026, 5, 4), AT, transfers)


def transfer(cents: int = 1_234, name: str = "Íñigo Peña", iban: str = PAYEE, end_to_end: str = "SGC-7") -> Transfer:
    return Transfer(end_to_end, name, iban, cents, "Devolución contrato K-1")


def texts(content: bytes, name: str) -> list[str]:
    return [element.text or "" for element in xml.fromstring(content).findall(f".//{{*}}{name}")]


def test_a_file_says_who_pays_whom_how_much_and_when() -> None:
    content = credit_transfer(order(transfer(), transfer(1, "Ana", end_to_end="SGC-8")))
    XSD.assertValid(xml.fromstring(content))
    assert texts(content, "MsgId") == ["SGC-1"]
    assert texts(content, "CreDtTm") == ["2026-05-01T09:00:00+00:00"]
    assert texts(content, "CtrlSum") == ["12.35", "12.35"]
    assert texts(content, "IBAN") == [PAYER, PAYEE, PAYEE]
    assert texts(content, "InstdAmt") == ["12.34", "0.01"]
    assert texts(content, "EndToEndId") == ["SGC-7", "SGC-8"]
    assert texts(content, "Ustrd") == ["Devolucion contrato K-1"] * 2
    assert texts(content, "Dt") == ["2026-05-04"]


def test_the_same_order_gives_the_same_bytes() -> None:
    assert credit_transfer(order(transfer())) == credit_transfer(order(transfer()))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=20))
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
        (order(), "transfers: (none)"),
        (order(transfer(0)), "cents: 0"),
        (order(transfer(iban="ES00")), "iban: 'ES00'"),
        (order(transfer(), iban="ES7921000813610123456788"), "order.iban"),
        (order(transfer(name=" ")), "name: (empty)"),
        (order(transfer(), code="x" * 40), "order.code"),
        (order(transfer(), code="ñ"), "order.code"),
    ],
)
def test_what_a_bank_would_refuse_is_refused(refused: Order, told: str) -> None:
    with pytest.raises(TransferError) as error:
        credit_transfer(refused)
    assert told in str(error.value)
