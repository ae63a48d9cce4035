"""SEPA credit transfers: money paid back, as the file a bank takes (ISO 20022 pain.001.001.09).

EPC132-08 (credit transfer, customer to bank): amounts in euros, the Latin characters of the SEPA set, at most 70 of a
name and 140 of the text. The file is checked against its official schema before it is given out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import lxml.etree as xml
from sepaxml import SepaTransfer
from stdnum import iban as iban_rules

SCHEMA: Final = "pain.001.001.09"
MAX_CODE: Final = 35
MAX_CENTS: Final = 99_999_999_999


class TransferError(ValueError):
    """An order that a bank would refuse: field, value and rule."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One payment in cents; ``end_to_end`` comes back with the bank's answer and its returns."""

    end_to_end: str
    name: str
    iban: str
    cents: int
    text: str


@dataclass(frozen=True, slots=True)
class Order:
    """Transfers from one account on one day; ``code`` identifies the message for the bank for ever."""

    code: str
    name: str
    iban: str
    execute_on: date
    made_at: datetime
    transfers: Sequence[Transfer]

    @property
    def cents(self) -> int:
        """What it pays in all."""
        return sum(transfer.cents for transfer in self.transfers)


def credit_transfer(order: Order) -> bytes:
    """The file of an order; TransferError names what a bank would refuse. The same order gives the same bytes."""
    _check(order)
    config = {"name": order.name, "IBAN": order.iban, "batch": True, "currency": "EUR"}
    message = SepaTransfer(config, schema=SCHEMA, clean=True)
    for transfer in order.transfers:
        message.add_payment(
            {
                "name": transfer.name,
                "IBAN": transfer.iban,
                "amount": transfer.cents,
                "execution_date": order.execute_on,
                "description": transfer.text,
                "endtoend_id": transfer.end_to_end,
            }
        )
    return _dated(message.export(validate=True, pretty_print=False), order)


def _dated(written: bytes, order: Order) -> bytes:
    """The library states the moment it runs at and ids drawn by lot; an order is made once, with ids of its own."""
    root = xml.fromstring(written)
    for name, text in (("MsgId", order.code), ("CreDtTm", order.made_at.isoformat(timespec="seconds"))):
        (element,) = root.findall(f".//{{*}}GrpHdr/{{*}}{name}")
        element.text = text
    for number, information in enumerate(root.findall(".//{*}PmtInfId"), 1):
        information.text = f"{order.code}-{number}"
    for agent in root.findall(".//{*}FinInstnId"):
        # EPC132-08 AT-06: without a BIC the bank is told that none is given.
        if not len(agent):
            space = xml.QName(agent).namespace
            xml.SubElement(xml.SubElement(agent, f"{{{space}}}Othr"), f"{{{space}}}Id").text = "NOTPROVIDED"
    return xml.tostring(root, xml_declaration=True, encoding="UTF-8")


def _check(order: Order) -> None:
    if not order.transfers:
        raise TransferError(f"order {order.code}: transfers: (none): must pay somebody")
    if not 0 < len(order.code) <= MAX_CODE - 2 or not order.code.isascii():
        raise TransferError(f"order.code: {order.code!r}: must be 1 to {MAX_CODE - 2} ASCII characters")
    if order.made_at.tzinfo is None:
        raise TransferError(f"order {order.code}: made_at {order.made_at.isoformat()}: must carry a time zone")
    for field, value in (
        ("order.iban", order.iban),
        *((f"transfer {t.end_to_end}: iban", t.iban) for t in order.transfers),
    ):
        if not iban_rules.is_valid(value):
            raise TransferError(f"{field}: {value!r}: must be an IBAN (ISO 13616, mod 97-10)")
    for transfer in order.transfers:
        if not 0 < transfer.cents <= MAX_CENTS:
            raise TransferError(f"transfer {transfer.end_to_end}: cents: {transfer.cents}: must be 1 to {MAX_CENTS}")
        if not transfer.name.strip():
            raise TransferError(f"transfer {transfer.end_to_end}: name: (empty): must name who is paid")
