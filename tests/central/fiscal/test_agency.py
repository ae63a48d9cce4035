"""The agency on this machine is worth testing against only if it takes what is right and sees what is wrong."""

from pathlib import Path

import pytest
from lxml import etree

from billing.fiscal import AgencyFaultError, FiscalError, read_answer
from tests.fixtures.agency import LR, SF, WRONG_CHAIN, WRONG_HASH, Record, TaxAgency

SAMPLES = "data/billing/samples"


@pytest.fixture
def agency(shared: Path) -> TaxAgency:
    return TaxAgency(shared / "data/billing/xsd/verifactu")


def ask(agency: TaxAgency, message: bytes) -> bytes:
    envelope = (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        + message
        + b"</e:Body></e:Envelope>"
    )
    found = agency.answer(envelope)
    assert found is not None
    return found[1]


def sample(shared: Path, name: str) -> bytes:
    return etree.tostring(etree.parse(shared / SAMPLES / name).getroot())


@pytest.mark.parametrize("name", ["verifactu_sample.xml", "verifactu_lint/cadena-conforme.xml"])
def test_conforming_samples_are_accepted(agency: TaxAgency, shared: Path, name: str) -> None:
    answer = read_answer(ask(agency, sample(shared, name)))
    assert answer.verdict == "Correcto"
    assert [line.verdict for line in answer.lines] == ["accepted"] * 3


def test_a_broken_chain_is_seen(agency: TaxAgency, shared: Path) -> None:
    answer = read_answer(ask(agency, sample(shared, "verifactu_lint/cadena-rota.xml")))
    assert [line.code for line in answer.lines] == [None, None, WRONG_CHAIN]


def test_a_changed_amount_is_seen(agency: TaxAgency, shared: Path) -> None:
    root = etree.fromstring(sample(shared, "verifactu_sample.xml"))
    total = root.find(f".//{SF}ImporteTotal")
    assert total is not None
    total.text = "1.00"
    answer = read_answer(ask(agency, etree.tostring(root)))
    assert answer.lines[0].code == WRONG_HASH


def test_what_the_schema_refuses_is_a_fault(agency: TaxAgency, shared: Path) -> None:
    root = etree.fromstring(sample(shared, "verifactu_sample.xml"))
    header = root.find(f"{LR}Cabecera")
    assert header is not None
    root.remove(header)
    with pytest.raises(AgencyFaultError, match="4102") as refused:
        read_answer(ask(agency, etree.tostring(root)))
    assert not refused.value.server


@pytest.mark.parametrize("name", ["cancellation-record", "registration-record-f1", "registration-record-f2"])
def test_single_sample_records_hash_as_the_agency_does(shared: Path, name: str) -> None:
    record = Record(etree.fromstring(sample(shared, f"verifactu_lint/{name}.xml")))
    assert record.own_hash() == record.hash


@pytest.mark.parametrize("content", [b"<html>", b"<html/>", b"", b'<e:Envelope xmlns:e="x"><e:Body/></e:Envelope>'])
def test_what_is_no_answer_is_named(content: bytes) -> None:
    with pytest.raises(FiscalError, match="answer"):
        read_answer(content)
