"""The tax agency's answer to a message of records (RespuestaSuministro.xsd), read into values."""

from dataclasses import dataclass
from typing import Literal

from lxml import etree
from verifactu_sdk.xml import NS_SF, NS_SOAP

from billing.fiscal.port import FiscalError

NS_ANSWER = NS_SF.replace("SuministroInformacion", "RespuestaSuministro")
DUPLICATE = 3000
FIRST_WAIT_S = 60

Kind = Literal["Alta", "Anulacion"]
Verdict = Literal["accepted", "accepted_with_errors", "rejected"]

_VERDICTS: dict[str, Verdict] = {
    "Correcto": "accepted",
    "AceptadoConErrores": "accepted_with_errors",
    "Incorrecto": "rejected",
    # Of the record the agency already has, in RegistroDuplicado.
    "Correcta": "accepted",
    "AceptadaConErrores": "accepted_with_errors",
    "Anulada": "accepted",
}


class AgencyFaultError(FiscalError):
    """The whole message was refused; ``server`` says that the same message may be sent again."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.server = code.endswith("Server")


@dataclass(frozen=True, slots=True)
class Line:
    """The verdict on one record; ``stored`` is that on the record the agency already had, where it is a duplicate."""

    number: str
    kind: Kind
    verdict: Verdict
    code: int | None = None
    text: str = ""
    stored: "Line | None" = None

    def settled(self, *, sent_before: bool) -> "Line":
        """What holds for the record: a duplicate of our own lost message was taken the first time."""
        if sent_before and self.stored is not None:
            return self.stored
        return self


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict on a message: ``csv`` is its receipt, ``wait_s`` how long to wait before the next one."""

    verdict: str
    wait_s: int
    csv: str | None
    lines: tuple[Line, ...]


def read_answer(content: bytes) -> Answer:
    """Read a SOAP answer; AgencyFaultError where it is a fault, FiscalError where it is no answer at all."""
    inner = soap_content(content)
    if inner.tag != f"{{{NS_ANSWER}}}RespuestaRegFactuSistemaFacturacion":
        raise FiscalError(f"answer {inner.tag}: must be RespuestaRegFactuSistemaFacturacion")
    wait = _text(inner, NS_ANSWER, "TiempoEsperaEnvio")
    return Answer(
        _text(inner, NS_ANSWER, "EstadoEnvio"),
        int(wait) if wait.isdigit() else FIRST_WAIT_S,
        _text(inner, NS_ANSWER, "CSV") or None,
        tuple(_line(item) for item in inner.iter(f"{{{NS_ANSWER}}}RespuestaLinea")),
    )


def soap_content(content: bytes) -> etree._Element:
    """What a SOAP answer carries; AgencyFaultError where it is a fault, FiscalError where it is no answer at all."""
    try:
        root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise FiscalError(f"answer: not XML: {error}") from None
    body = root.find(f"{{{NS_SOAP}}}Body")
    inner = body[0] if body is not None and len(body) else None
    if inner is None:
        raise FiscalError(f"answer {root.tag}: has no SOAP body")
    if inner.tag == f"{{{NS_SOAP}}}Fault":
        raise AgencyFaultError(inner.findtext("faultcode") or "", inner.findtext("faultstring") or "")
    return inner


def _line(item: etree._Element) -> Line:
    number = _text(item, NS_ANSWER, "IDFactura", NS_SF, "NumSerieFactura")
    kind: Kind = "Anulacion" if _text(item, NS_ANSWER, "Operacion", NS_SF, "TipoOperacion") == "Anulacion" else "Alta"
    stored = item.find(f"{{{NS_ANSWER}}}RegistroDuplicado")
    return Line(
        number,
        kind,
        verdict_of(_text(item, NS_ANSWER, "EstadoRegistro")),
        _code(_text(item, NS_ANSWER, "CodigoErrorRegistro")),
        _text(item, NS_ANSWER, "DescripcionErrorRegistro"),
        None if stored is None else _stored(number, kind, stored),
    )


def _stored(number: str, kind: Kind, item: etree._Element) -> Line:
    return Line(
        number,
        kind,
        verdict_of(_text(item, NS_SF, "EstadoRegistroDuplicado")),
        _code(_text(item, NS_SF, "CodigoErrorRegistro")),
        _text(item, NS_SF, "DescripcionErrorRegistro"),
    )


def verdict_of(text: str) -> Verdict:
    """The agency's word for a record's state; FiscalError where it is none."""
    if text not in _VERDICTS:
        raise FiscalError(f"answer: state {text!r} of a record: must be one of {', '.join(_VERDICTS)}")
    return _VERDICTS[text]


def _code(text: str) -> int | None:
    return int(text) if text else None


def _text(item: etree._Element, *path: str) -> str:
    """The text at namespace, name, namespace, name, …; empty where there is none."""
    steps = zip(path[::2], path[1::2], strict=True)
    return (item.findtext("/".join(f"{{{space}}}{name}" for space, name in steps)) or "").strip()
