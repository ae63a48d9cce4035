"""What a printed bill shows beyond the invoice itself."""

from dataclasses import dataclass

from billing.fiscal import FiscalRecord
from billing.invoice import Invoice
from billing.volume import PastPeriod


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach the utility; empty fields are left out. Texts are printed as they are given."""

    phone: str = ""
    hours: str = ""
    email: str = ""
    web: str = ""
    office: str = ""
    iban: str = ""
    consumer_body: str = ""
    quality_url: str = ""
    answer_days: int = 15
    legal: str = ""


@dataclass(frozen=True, slots=True)
class Credit:
    """What the customer has in his favour, and what becomes of an invoice that is.

    ``before`` are the cents that are taken off this invoice. ``paid_back`` says that an invoice in the customer's
    favour is paid back, to ``iban`` (hidden in part; empty: to be told); else it is taken off the next bill.
    """

    before: int = 0
    paid_back: bool = False
    iban: str = ""


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """A numbered invoice, its fiscal record, and what the customer compares it with.

    ``history`` holds earlier billed periods of the supply, any order; the last twelve are drawn beside this
    bill. ``average_litres`` is the consumption of a comparable household over the same period. ``colour``
    is the utility's, dark enough to be read on white (``#rrggbb``).
    """

    invoice: Invoice
    fiscal: FiscalRecord | None
    history: tuple[PastPeriod, ...] = ()
    contact: Contact = Contact()
    average_litres: int | None = None
    colour: str = "#0b5a86"
    credit: Credit = Credit()
