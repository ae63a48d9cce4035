"""Answers of the tax agency, built element by element as RespuestaSuministro.xsd orders them."""

import pytest
from verifactu_sdk.xml import NS_SF, NS_SOAP

from billing.fiscal.answers import (
    FIRST_WAIT_S,
    NS_ANSWER,
    AgencyFaultError,
    Answer,
    Line,
    read_answer,
    soap_content,
    verdict_of,
)
from billing.fiscal.port import FiscalError


def soap(inner: str) -> bytes:
    return (
        f'<e:Envelope xmlns:e="{NS_SOAP}" xmlns:r="{NS_ANSWER}" xmlns:f="{NS_SF}">'
        f"<e:Header/><e:Body>{inner}</e:Body></e:Envelope>"
    ).encode()


def line(number: str, state: str, *, kind: str = "Alta", error: str = "", stored: str = "") -> str:
    return (
        f"<r:RespuestaLinea><r:IDFactura><f:NumSerieFactura>{number}</f:NumSerieFactura></r:IDFactura>"
        f"<r:Operacion><f:TipoOperacion>{kind}</f:TipoOperacion></r:Operacion>"
        f"<r:EstadoRegistro>{state}</r:EstadoRegistro>{error}{stored}</r:RespuestaLinea>"
    )


def answer(lines: str, *, head: str = "") -> bytes:
    return soap(
        f"<r:RespuestaRegFactuSistemaFacturacion>{head}<r:EstadoEnvio>ParcialmenteCorrecto</r:EstadoEnvio>"
        f"{lines}</r:RespuestaRegFactuSistemaFacturacion>"
    )


def test_an_answer_says_its_receipt_its_wait_and_the_verdict_on_each_record() -> None:
    error = (
        "<r:CodigoErrorRegistro>1104</r:CodigoErrorRegistro>"
        "<r:DescripcionErrorRegistro> El NIF no existe. </r:DescripcionErrorRegistro>"
    )
    head = "<r:CSV>A-ABC123</r:CSV><r:TiempoEsperaEnvio>90</r:TiempoEsperaEnvio>"
    lines = (
        line("AG26-1", "Correcto")
        + line("AG26-2", "AceptadoConErrores", error=error)
        + line("AG26-3", "Incorrecto", kind="Anulacion", error=error)
    )
    assert read_answer(answer(lines, head=head)) == Answer(
        "ParcialmenteCorrecto",
        90,
        "A-ABC123",
        (
            Line("AG26-1", "Alta", "accepted"),
            Line("AG26-2", "Alta", "accepted_with_errors", 1104, "El NIF no existe."),
            Line("AG26-3", "Anulacion", "rejected", 1104, "El NIF no existe."),
        ),
    )


@pytest.mark.parametrize("wait", ["", "<r:TiempoEsperaEnvio>soon</r:TiempoEsperaEnvio>", "<r:TiempoEsperaEnvio/>"])
def test_without_receipt_and_wait_the_first_wait_of_the_order_holds(wait: str) -> None:
    found = read_answer(answer(line("1", "Correcto"), head=wait))
    assert (found.csv, found.wait_s, FIRST_WAIT_S) == (None, 60, 60)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [("Correcta", "accepted"), ("AceptadaConErrores", "accepted_with_errors"), ("Anulada", "accepted")],
)
def test_a_duplicate_tells_what_the_agency_already_has(state: str, verdict: str) -> None:
    stored = (
        f"<r:RegistroDuplicado><f:EstadoRegistroDuplicado>{state}</f:EstadoRegistroDuplicado>"
        "<f:CodigoErrorRegistro>2001</f:CodigoErrorRegistro>"
        "<f:DescripcionErrorRegistro>Aviso</f:DescripcionErrorRegistro></r:RegistroDuplicado>"
    )
    error = "<r:CodigoErrorRegistro>3000</r:CodigoErrorRegistro>"
    (one,) = read_answer(answer(line("7", "Incorrecto", error=error, stored=stored))).lines
    assert (one.verdict, one.code, one.text) == ("rejected", 3000, "")
    assert one.stored is not None
    assert (one.stored.number, one.stored.kind, one.stored.verdict) == ("7", "Alta", verdict)
    assert (one.stored.code, one.stored.text, one.stored.stored) == (2001, "Aviso", None)
    assert one.settled(sent_before=True) is one.stored
    assert one.settled(sent_before=False) is one


def test_a_line_without_duplicate_settles_as_itself() -> None:
    one = Line("7", "Alta", "rejected", 1104, "x")
    assert one.settled(sent_before=True) is one


@pytest.mark.parametrize(("code", "server"), [("env:Server", True), ("env:Client", False)])
def test_a_fault_says_whether_the_same_message_may_be_sent_again(code: str, server: bool) -> None:
    fault = f"<e:Fault><faultcode>{code}</faultcode><faultstring>Codigo[4102]</faultstring></e:Fault>"
    with pytest.raises(AgencyFaultError) as caught:
        read_answer(soap(fault))
    assert str(caught.value) == f"{code}: Codigo[4102]"
    assert caught.value.server is server


def test_a_fault_without_words_is_a_fault() -> None:
    with pytest.raises(AgencyFaultError) as caught:
        read_answer(soap("<e:Fault/>"))
    assert (str(caught.value), caught.value.server) == (": ", False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "answer: not XML: "),
        (b"<html><p>502</html>", "answer: not XML: "),
        (b"<html/>", "answer html: has no SOAP body"),
        (soap(""), f"answer {{{NS_SOAP}}}Envelope: has no SOAP body"),
        (soap("<other/>"), "answer other: must be RespuestaRegFactuSistemaFacturacion"),
        (
            answer(line("1", "Quizas")),
            "answer: state 'Quizas' of a record: must be one of Correcto, AceptadoConErrores, Incorrecto, "
            "Correcta, AceptadaConErrores, Anulada",
        ),
    ],
)
def test_what_is_no_answer_is_refused_by_its_rule(content: bytes, words: str) -> None:
    with pytest.raises(FiscalError) as caught:
        read_answer(content)
    assert str(caught.value).startswith(words)
    assert not isinstance(caught.value, AgencyFaultError)


def test_an_answer_cannot_reach_files_of_this_machine() -> None:
    hostile = (
        f'<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/hostname">]><e:Envelope xmlns:e="{NS_SOAP}">'
        "<e:Body><said>&x;</said></e:Body></e:Envelope>"
    ).encode()
    assert not soap_content(hostile).text


def test_every_state_of_a_record_has_its_verdict() -> None:
    states = ("Correcto", "AceptadoConErrores", "Incorrecto")
    assert [verdict_of(state) for state in states] == ["accepted", "accepted_with_errors", "rejected"]
