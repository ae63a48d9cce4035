"""Which documents a case needs: a list of rules, the Spanish usual ones unless the utility states its own.

A utility's own stand in ``utility.settings["lifecycle"]["documents"]``, in the shape of :class:`ChecklistItem`; one
with the code of a usual one replaces it, ``"procedures": []`` takes it away.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from central.lifecycle.procedures import Procedure
from central.register.errors import RegisterError

_ALL = tuple(Procedure)
_UP, _CHANGE, _SUBROGATION, _DOWN = _ALL
_PEOPLE, _BODIES = ("person",), ("company", "community", "public_body")


class ChecklistItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A document that is asked for where all that is stated holds; an empty list asks in every case of that kind.

    ``kinds`` are kinds of holder, ``when`` facts of the case: ``first_supply``, ``direct_debit``, ``representative``,
    ``self_reading``, ``agreed_reading``, ``domestic``, ``other_use``. One that is not ``required`` holds nothing up.
    """

    code: str
    title: str
    procedures: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    required: bool = True


class CaseFacts(msgspec.Struct, frozen=True):
    """What rules look at."""

    procedure: str
    cause: str
    kind: str
    facts: frozenset[str]

    def asks(self, item: ChecklistItem) -> bool:
        """Whether a rule asks for its document here."""
        return (
            self.procedure in item.procedures
            and (not item.kinds or self.kind in item.kinds)
            and (not item.causes or self.cause in item.causes)
            and self.facts.issuperset(item.when)
        )


USUAL = (
    ChecklistItem("identity", "Documento de identidad (DNI, NIE o pasaporte) del titular", _ALL, kinds=_PEOPLE),
    ChecklistItem("tax_card", "Tarjeta del NIF de la entidad", (_UP, _CHANGE, _SUBROGATION), kinds=_BODIES),
    ChecklistItem("deeds", "Escritura de constitución de la sociedad", (_UP, _CHANGE), kinds=("company",)),
    ChecklistItem("minutes", "Acta de nombramiento del presidente", (_UP, _CHANGE), kinds=("community",)),
    ChecklistItem("powers", "Poder o nombramiento de quien firma por la entidad", _ALL, kinds=_BODIES),
    ChecklistItem(
        "representation", "Autorización del titular y documento de identidad de quien la presenta", _ALL,
        when=("representative",),
    ),
    ChecklistItem(
        "title", "Título de ocupación: escritura, contrato de arrendamiento u otro", (_UP, _CHANGE)
    ),
    ChecklistItem(
        "first_occupation", "Licencia de primera ocupación, cédula de habitabilidad o declaración responsable", (_UP,),
        when=("first_supply", "domestic"),
    ),
    ChecklistItem(
        "activity_licence", "Licencia de apertura o de actividad, o declaración responsable", (_UP,),
        when=("other_use",),
    ),
    ChecklistItem(
        "installation_certificate", "Certificado de la instalación interior de agua (boletín)", (_UP,),
        when=("first_supply",),
    ),
    ChecklistItem(
        "mandate", "Orden de domiciliación SEPA firmada", (_UP, _CHANGE, _SUBROGATION), when=("direct_debit",)
    ),
    ChecklistItem(
        "death_certificate", "Certificado de defunción del titular", (_SUBROGATION, _DOWN), causes=("death",)
    ),
    ChecklistItem(
        "heirship", "Título de heredero: testamento, declaración de herederos o libro de familia",
        (_SUBROGATION, _DOWN),
        causes=("death",),
    ),
    ChecklistItem(
        "separation", "Sentencia o convenio regulador que atribuye el uso de la vivienda", (_SUBROGATION,),
        causes=("separation",),
    ),
    ChecklistItem(
        "succession", "Escritura de fusión, escisión o sucesión de la empresa", (_SUBROGATION,), causes=("succession",)
    ),
    ChecklistItem(
        "meter_photo", "Fotografía del contador con su número y su lectura", (_CHANGE, _SUBROGATION, _DOWN),
        when=("self_reading",),
    ),
    ChecklistItem(
        "reading_agreement", "Acuerdo sobre la lectura, firmado por las dos partes", (_CHANGE, _SUBROGATION, _DOWN),
        when=("agreed_reading",),
    ),
    ChecklistItem("previous_bill", "Última factura del titular anterior", (_CHANGE, _SUBROGATION), required=False),
)  # fmt: skip


def rules(utility_settings: Mapping[str, Any]) -> tuple[ChecklistItem, ...]:
    """The rules of a utility: the usual ones with its own on top; :class:`RegisterError` where its own are not such."""
    stated = utility_settings.get("lifecycle", {}).get("documents", [])
    try:
        own = msgspec.convert(stated, tuple[ChecklistItem, ...])
    except msgspec.ValidationError as error:
        raise RegisterError("utility.settings.lifecycle.documents", "…", str(error)) from error
    return tuple({item.code: item for item in (*USUAL, *own)}.values())


def items_for(rules_of_utility: Iterable[ChecklistItem], case: CaseFacts) -> list[ChecklistItem]:
    """The documents a case is asked for, in the order of the rules."""
    return [item for item in rules_of_utility if case.asks(item)]
