"""What a case says: who asks, who will hold, how they pay, on what terms, and what the meter showed."""

import re
from datetime import date
from typing import Any

import msgspec

from central.register import identifiers as check
from central.register.contracts import Terms
from central.register.customers import KINDS, LANGUAGES
from central.register.errors import RegisterError

CLOSING_SOURCES = ("real", "remote", "self", "agreed")
_PHONE = re.compile(r"\+?[0-9 ]{6,31}")
_ADDRESS = ("street", "postal_code", "town", "province", "country")


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Somebody with a checked NIF. ``customer`` is their code where the register has several of that NIF."""

    nif: str
    name: str
    kind: str = "person"
    email: str | None = None
    phone: str | None = None
    language: str = "es"
    address: dict[str, str] = {}
    customer: str | None = None

    def checked(self, field: str) -> "Person":
        """The same person in normal form."""
        if self.phone is not None and not _PHONE.fullmatch(self.phone):
            raise RegisterError(f"{field}.phone", self.phone, "must be 6 to 31 digits, with a + before if foreign")
        for key, value in self.address.items():
            check.one_of(f"{field}.address", key, _ADDRESS)
            check.name(f"{field}.address.{key}", value)
        return msgspec.structs.replace(
            self,
            nif=check.nif(f"{field}.nif", self.nif),
            name=check.name(f"{field}.name", self.name),
            kind=check.one_of(f"{field}.kind", self.kind, KINDS),
            email=check.optional(check.email, f"{field}.email", self.email),
            language=check.one_of(f"{field}.language", self.language, LANGUAGES),
            customer=check.optional(check.code, f"{field}.customer", self.customer),
        )


class Bank(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The account for direct debit; the mandate's reference is made when the case is done."""

    iban: str
    mandate_signed_on: date | None = None


class TermsAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the tariff needs to know of the contract from the effective day on."""

    use: str = "domestic"
    dwellings: int = 1
    premises: int = 1
    persons: int | None = None
    groups: tuple[str, ...] = ()
    parameters: dict[str, str] = {}
    habitual_home: bool = False
    vulnerable: bool = False

    def terms(self) -> Terms:
        """The terms as the register takes them."""
        return Terms(
            use=self.use,
            dwellings=self.dwellings,
            premises=self.premises,
            persons=self.persons,
            groups=self.groups,
            parameters=dict(self.parameters),
            habitual_home=self.habitual_home,
            vulnerable=self.vulnerable,
        )


class Closing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The index at the start of the effective day.

    ``source``: ``real`` (read on the spot), ``self`` (read by the holder, with a photo among the documents),
    ``agreed`` (an estimate both sides accept) or ``remote`` (the telegram nearest to that instant; no litres).
    """

    source: str
    litres: int | None = None

    def checked(self) -> "Closing":
        """The same closing, with litres where its source has them and only there."""
        check.one_of("closing.source", self.source, CLOSING_SOURCES)
        if self.source == "remote" and self.litres is not None:
            raise RegisterError("closing.litres", self.litres, "a remote closing takes the index of the telegram")
        if self.source != "remote":
            if self.litres is None:
                raise RegisterError("closing.litres", "", f"{self.source} needs the index, in litres")
            check.at_least("closing.litres", self.litres, 0)
        return self


class Details(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All a case says. ``holder`` is who will hold the contract; a cancellation has none: the register knows.

    ``applicant`` is somebody else who asks in the holder's name. ``deposit_cents`` replaces the tariff's deposit (0:
    none). ``charges`` are codes of one-off charges of the tariff. ``assume_debt``: the new holder of a subrogation
    takes over what the old one owes. ``ended_on``: the day the old holder died or was dissolved.
    """

    holder: Person | None = None
    applicant: Person | None = None
    bank: Bank | None = None
    terms: TermsAsked | None = None
    closing: Closing | None = None
    contract_code: str | None = None
    deposit_cents: int | None = None
    charges: tuple[str, ...] = ()
    assume_debt: bool = False
    ended_on: date | None = None
    note: str = ""

    def checked(self) -> "Details":
        """The same with every value checked; raises :class:`RegisterError`."""
        bank = self.bank
        if self.terms is not None:
            self.terms.terms().checked()
        if self.deposit_cents is not None:
            check.at_least("deposit_cents", self.deposit_cents, 0)
        if len(self.note) > 2_000:
            raise RegisterError("note", f"{len(self.note)} characters", "must have at most 2000")
        return msgspec.structs.replace(
            self,
            holder=self.holder.checked("holder") if self.holder else None,
            applicant=self.applicant.checked("applicant") if self.applicant else None,
            bank=msgspec.structs.replace(bank, iban=check.iban("bank.iban", bank.iban)) if bank else None,
            closing=self.closing.checked() if self.closing else None,
            contract_code=check.optional(check.code, "contract_code", self.contract_code),
            charges=tuple(check.code("charges", code) for code in self.charges),
        )


def stored(details: Details) -> dict[str, Any]:
    """The details as the database and the audit keep them."""
    kept: dict[str, Any] = msgspec.to_builtins(details)
    return kept


def read(data: Any) -> Details:
    """The details that were stored, or that come from outside; :class:`RegisterError` where they have another shape."""
    try:
        return msgspec.convert(data, Details)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at ")
        raise RegisterError("details", where.strip("`") or "$", text) from error
