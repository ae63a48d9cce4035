"""The words for cases of contracts, and the form that states one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict

from central.lifecycle import Asked, Bank, Closing, Details, Person, TermsAsked
from portal.formats import decimal_text
from portal.typed import cents, day, given, litres, whole

PROCEDURES = {
    "sign_up": "Alta",
    "change_of_holder": "Cambio de titular",
    "subrogation": "Subrogación",
    "cancellation": "Baja",
}
PATHS = {
    "alta": "sign_up",
    "cambio-de-titular": "change_of_holder",
    "subrogacion": "subrogation",
    "baja": "cancellation",
}
CAUSES = {
    "new_supply": "Suministro nuevo",
    "reopening": "Vuelve a haber suministro",
    "sale": "Compraventa",
    "lease": "Alquiler",
    "other": "Otra",
    "death": "Fallecimiento del titular",
    "separation": "Separación o divorcio",
    "succession": "Sucesión de empresa",
    "leaves": "Deja la vivienda o el local",
    "demolition": "Derribo",
    "closure": "Cierre de la actividad",
}
STATES = {
    "open": "faltan datos",
    "waiting": "faltan documentos",
    "ready": "listo",
    "done": "hecho",
    "rejected": "rechazado",
    "withdrawn": "desistido",
}
TONES = {"open": "warn", "waiting": "warn", "ready": "ok", "done": "ok", "rejected": "bad", "withdrawn": ""}
STEPS = {
    "data": "Completa los datos que faltan.",
    "documents": "Reúne los documentos que faltan, o dispénsalos con un motivo.",
    "problem": "Resuelve lo que impide completarlo.",
    "complete": "Está todo: complétalo.",
}
MISSING = {
    "holder": "quién será el titular",
    "terms": "el uso y las demás condiciones del contrato",
    "closing": "la lectura del contador al empezar ese día",
}
VERDICTS = {"missing": "falta", "received": "recibido", "waived": "dispensado", "refused": "devuelto"}
KINDS = {
    "person": "Persona",
    "company": "Empresa",
    "community": "Comunidad de propietarios",
    "public_body": "Administración pública",
}
SOURCES = {
    "real": "leída en el sitio",
    "self": "comunicada por el titular, con fotografía",
    "agreed": "acordada entre las partes, sin leer",
    "remote": "la del telegrama más próximo",
}
CHANNELS = {"office": "Oficina", "phone": "Teléfono", "portal": "Oficina virtual", "api": "Otro programa"}
USES = {
    "domestic": "Doméstico",
    "commercial": "Comercial",
    "industrial": "Industrial",
    "municipal": "Municipal",
    "works": "Obra",
    "irrigation": "Riego",
}
ACTIONS = {
    "open": "Se abrió",
    "amend": "Se corrigieron sus datos",
    "document.received": "Se recibió un documento",
    "document.waived": "Se dispensó un documento",
    "document.refused": "Se devolvió un documento",
    "complete": "Se completó",
    "closing_bill": "Se hizo la factura de cierre",
    "rejected": "Se rechazó",
    "withdrawn": "Se desistió",
}
LITRES_A_CUBIC_METRE = 1000


class CaseForm(BaseModel):
    """The form as it was filled in: everything is text, and an empty field says nothing."""

    model_config = ConfigDict(extra="ignore")
    suministro: str = ""
    contrato: str = ""
    fecha: str = ""
    causa: str = ""
    canal: str = "office"
    nif: str = ""
    nombre: str = ""
    tipo: str = "person"
    correo: str = ""
    telefono: str = ""
    direccion: str = ""
    cp: str = ""
    municipio: str = ""
    cliente: str = ""
    solicitante_nif: str = ""
    solicitante_nombre: str = ""
    iban: str = ""
    uso: str = ""
    viviendas: str = "1"
    personas: str = ""
    habitual: str = ""
    vulnerable: str = ""
    origen: str = ""
    lectura: str = ""
    fianza: str = ""
    deuda: str = ""
    fin: str = ""
    nota: str = ""

    def asked(self, procedure: str) -> Asked:
        """The request; ValueError names the field that cannot be read."""
        return Asked(
            procedure,
            day("fecha", self.fecha),
            self.details(),
            self.suministro.strip(),
            self.contrato.strip(),
            self.causa,
            self.canal,
        )

    def details(self, before: Details | None = None) -> Details:
        """What the form says; what it has no field for stays as it was before."""
        kept = before or Details()
        return Details(
            holder=self._holder(),
            applicant=_person(self.solicitante_nif, self.solicitante_nombre),
            bank=Bank(self.iban, kept.bank.mandate_signed_on if kept.bank else None) if self.iban.strip() else None,
            terms=self._terms(kept.terms) if self.uso else None,
            closing=self._closing(),
            contract_code=kept.contract_code,
            deposit_cents=given(cents, "fianza", self.fianza),
            charges=kept.charges,
            assume_debt=bool(self.deuda),
            ended_on=given(day, "fin", self.fin),
            note=self.nota.strip(),
        )

    def _holder(self) -> Person | None:
        address = {"street": self.direccion, "postal_code": self.cp, "town": self.municipio}
        return _person(
            self.nif,
            self.nombre,
            kind=self.tipo,
            email=self.correo.strip() or None,
            phone=self.telefono.strip() or None,
            address={key: value.strip() for key, value in address.items() if value.strip()},
            customer=self.cliente.strip() or None,
        )

    def _terms(self, before: TermsAsked | None) -> TermsAsked:
        return TermsAsked(
            use=self.uso,
            dwellings=given(whole, "viviendas", self.viviendas) or 0,
            persons=given(whole, "personas", self.personas),
            groups=before.groups if before else (),
            parameters=before.parameters if before else {},
            habitual_home=bool(self.habitual),
            vulnerable=bool(self.vulnerable),
        )

    def _closing(self) -> Closing | None:
        if not self.origen:
            return None
        return Closing(self.origen, None if self.origen == "remote" else given(litres, "lectura", self.lectura))


@dataclass(frozen=True)
class Prefill:
    """The form of a case that exists."""

    details: Details
    effective_on: date

    def form(self) -> CaseForm:
        """Every field with what the case says."""
        holder, applicant = self.details.holder, self.details.applicant
        terms, closing, bank = self.details.terms, self.details.closing, self.details.bank
        deposit, ended = self.details.deposit_cents, self.details.ended_on
        address: Mapping[str, str] = holder.address if holder else {}
        said: dict[str, Any] = {
            "fecha": self.effective_on.isoformat(),
            "nif": holder and holder.nif,
            "nombre": holder and holder.name,
            "tipo": holder.kind if holder else "person",
            "correo": holder and holder.email,
            "telefono": holder and holder.phone,
            "cliente": holder and holder.customer,
            "direccion": address.get("street"),
            "cp": address.get("postal_code"),
            "municipio": address.get("town"),
            "solicitante_nif": applicant and applicant.nif,
            "solicitante_nombre": applicant and applicant.name,
            "iban": bank and bank.iban,
            "uso": terms and terms.use,
            "viviendas": terms and str(terms.dwellings),
            "personas": str(terms.persons) if terms and terms.persons is not None else "",
            "habitual": "si" if terms and terms.habitual_home else "",
            "vulnerable": "si" if terms and terms.vulnerable else "",
            "origen": closing and closing.source,
            "lectura": _metres(closing.litres) if closing and closing.litres is not None else "",
            "fianza": decimal_text(Decimal(deposit).scaleb(-2)) if deposit is not None else "",
            "deuda": "si" if self.details.assume_debt else "",
            "fin": ended.isoformat() if ended else "",
            "nota": self.details.note,
        }
        return CaseForm(**{name: value for name, value in said.items() if value})


def case_number(number: int) -> str:
    """How a case is called."""
    return f"EXP-{number:06d}"


def _person(nif: str, name: str, **said: Any) -> Person | None:
    return Person(nif=nif.strip(), name=name.strip(), **said) if nif.strip() or name.strip() else None


def _metres(litres: int) -> str:
    """Litres as cubic metres, as a person writes them in the form: ``14000`` → ``14``, ``14500`` → ``14,5``."""
    whole, rest = divmod(litres, LITRES_A_CUBIC_METRE)
    return f"{whole},{rest:03d}".rstrip("0") if rest else str(whole)
