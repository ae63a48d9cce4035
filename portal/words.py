"""The words for codes that bills and readings carry."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from central.store.models import ReadingKind
from portal.formats import decimal_text

KINDS: dict[ReadingKind, str] = {
    ReadingKind.RADIO: "telelectura",
    ReadingKind.RADIO_DUE: "telelectura a fecha fija",
    ReadingKind.TYPED: "leída por el lector",
    ReadingKind.SELF: "comunicada por ti",
    ReadingKind.THIRD_PARTY: "facilitada por un tercero",
    ReadingKind.INSTALLATION: "al instalar el contador",
    ReadingKind.REMOVAL: "al retirar el contador",
    ReadingKind.FINAL: "lectura final",
    ReadingKind.ESTIMATED: "estimada",
    ReadingKind.AGREED: "acordada entre las partes, sin leer el contador",
}
UNITS = {"m3": "m³", "month": "mes", "day": "día", "year": "año", "quarter": "trimestre", "bimester": "bimestre"}
PLURALS = {"mes": "meses", "día": "días", "año": "años", "trimestre": "trimestres", "bimestre": "bimestres"}
VAT = {"NS": "no sujeto a IVA", "EX": "exento de IVA"}
NATURES = {
    "price": "precio privado",
    "ppnt": "prestación patrimonial de carácter público no tributario",
    "tasa": "tasa",
    "levy": "canon o impuesto",
}
STATES = {
    "none": "sin cifrar",
    "decrypted": "descifrado con la clave del contador",
    "key_missing": "cifrado, sin clave",
    "key_wrong": "la clave no corresponde",
}
PROOFS = {
    "2f2f": "los dos primeros bytes descifrados son 2F 2F",
    "crc": "el CRC interior coincide",
    "mac": "el código de autenticación coincide",
    "tag": "la etiqueta de autenticación coincide",
}
RUN_STATES = {
    "created": "creada",
    "simulating": "simulando",
    "review": "en revisión",
    "approved": "aprobada",
    "numbered": "numerada",
    "issued": "emitida",
    "delivered": "entregada",
    "cancelled": "anulada",
}


def kind(value: ReadingKind) -> str:
    """How a reading was taken."""
    return KINDS[value]


def unit(code: str, quantity: Decimal = Decimal(1)) -> str:
    """A unit's name, in the plural where the quantity is not one."""
    name = UNITS.get(code, code)
    return name if quantity == 1 else PLURALS.get(name, name)


def vat(code: str) -> str:
    """A VAT code in words."""
    return VAT.get(code, f"IVA {decimal_text(code)} %" if code.replace(".", "").isdigit() else code)


def nature(code: str) -> str:
    """What a charge is in law."""
    return NATURES.get(code, code)


def block_limits(why: Mapping[str, Any]) -> str:
    """The limits of a block, as published and as scaled to the bill's time."""
    limits = why.get("limits_litres")
    if limits is None:
        return ""
    low, high = (None if end is None else decimal_text((Decimal(end) / 1000).normalize()) for end in limits)
    return f"de {low} a {high} m³" if high is not None else f"más de {low} m³"


def state(code: str) -> str:
    """A telegram's security state in words."""
    return STATES.get(code, code)


def proof(code: str | None) -> str:
    """What proved that the key was right."""
    return PROOFS.get(code or "", "")


def run_state(code: str) -> str:
    """A billing run's state in words."""
    return RUN_STATES.get(code, code)


FILTERS = {
    "kind": kind,
    "unit": unit,
    "vat": vat,
    "nature": nature,
    "block_limits": block_limits,
    "security": state,
    "proof": proof,
    "run_state": run_state,
}
