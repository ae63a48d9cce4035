"""From an invoice's view to the plain data that the page template prints."""

from decimal import Decimal
from typing import Any

from billing.document.charges import charges, drawings, unit_price, vat
from billing.document.qr import qr_svg
from billing.document.usage import chart, readings, usage
from billing.document.view import Contact, InvoiceView
from billing.document.words import Words
from billing.fiscal.verifactu import SILENT
from billing.invoice import Invoice, Party, PaymentMethod, PaymentTerms, Rectification
from billing.money import euros

Data = dict[str, Any]

# Fixed by the tax agency, whatever the bill's language (QR specification 0.4.7).
QR_ABOVE = "QR tributario:"
# Only an invoice whose record is submitted says so (Orden HAC/1177/2024, article 20).
QR_PHRASE = "VERI*FACTU"
# Rows of charges that fit on the page at each size of type, measured; a longer bill goes on to a second page.
CAPACITY = (12, 18, 25)
DESCRIPTION_WIDTH = 55


def layout(view: InvoiceView, words: Words) -> Data:
    """Everything the template prints, as texts and whole numbers."""
    invoice = view.invoice
    issued = invoice.reference.issued
    blocks = drawings(invoice, words)
    density = _density(invoice, len(blocks))
    return {
        "lang": words.lang,
        "colour": view.colour,
        "density": density,
        "title": f"{_heading(invoice, words)} {invoice.full_number}",
        "heading": _heading(invoice, words),
        "issued-on": [issued.year, issued.month, issued.day],
        "issuer": _issuer(invoice.issuer, words),
        "recipient": {"name": invoice.recipient.name, "lines": _recipient_lines(invoice.recipient, words)},
        "facts": _facts(invoice, words),
        "qr": _qr(view, words),
        "due": _due(view, words),
        "usage": usage(view, words),
        "chart": chart(view, words),
        "readings": readings(invoice, words),
        "charges": charges(invoice, blocks, density, words),
        "vat": vat(invoice, words),
        "price-lines": unit_price(invoice, words),
        "notes": _notes(invoice, words),
        "contact": _contact(view.contact, words),
        "legal": view.contact.legal,
    }


def _density(invoice: Invoice, drawings: int) -> int:
    """The largest type (0 to 3) at which everything fits, counted in rows of the table of charges."""
    rows = sum(1 + len(line.description) // DESCRIPTION_WIDTH for line in invoice.lines)
    rows += 3 * drawings + 2 * len({line.beneficiary for line in invoice.lines}) + len(invoice.vat)
    rows += 2 * len(invoice.pieces) + 2 * any(piece.estimated for piece in invoice.pieces)
    return sum(rows - 5 > capacity for capacity in CAPACITY)


def _heading(invoice: Invoice, words: Words) -> str:
    return words.say("header.heading_rectifying" if invoice.type.rectifies else "header.heading")


def _issuer(issuer: Party, words: Words) -> Data:
    lines = [words.say("header.nif", nif=issuer.nif)]
    if issuer.address is not None:
        lines += issuer.address.lines
    return {"name": issuer.name, "lines": lines}


def _recipient_lines(recipient: Party, words: Words) -> list[str]:
    lines = list(recipient.address.lines) if recipient.address else []
    if recipient.nif:
        lines.append(words.say("header.nif", nif=recipient.nif))
    return lines


def _facts(invoice: Invoice, words: Words) -> list[list[str]]:
    period = words.say(
        "header.period_value",
        start=words.short_day(invoice.period.start),
        last=words.short_day(invoice.period.last_day),
    )
    supply = invoice.supply
    facts = [
        ("number", invoice.full_number),
        ("issued", words.short_day(invoice.reference.issued)),
        ("period", period),
        ("contract", supply.contract),
        ("supply", supply.address.street),
    ]
    return [[words.say(f"header.{name}"), value] for name, value in facts]


def _qr(view: InvoiceView, words: Words) -> Data | None:
    if view.fiscal is None or not view.fiscal.qr_url:
        return None
    return {
        "above": QR_ABOVE,
        "phrase": "" if view.fiscal.system == SILENT else QR_PHRASE,
        "explained": words.say("header.qr_explained"),
        "alt": words.say("header.qr_alt", number=view.invoice.full_number),
        "svg": qr_svg(view.fiscal.qr_url),
    }


def _due(view: InvoiceView, words: Words) -> Data:
    invoice, contact = view.invoice, view.contact
    if invoice.total < 0:
        when, how = _in_favour(view, words)
        return {"label": words.say("due.credit"), "amount": words.money(-invoice.total), "when": when, "how": how}
    if invoice.total == 0:
        said = {"when": words.say("due.nothing"), "how": ""}
        return {"label": words.say("due.label"), "amount": words.money(invoice.total), **said}
    if view.credit.before > 0:
        return _less_credit(view, words)
    return _to_pay(invoice, invoice.total, contact, words)


def _in_favour(view: InvoiceView, words: Words) -> tuple[str, str]:
    """What becomes of an invoice in the customer's favour."""
    if not view.credit.paid_back:
        return words.say("due.net"), words.say("due.net_ask")
    if view.credit.iban:
        return words.say("due.refund"), words.say("due.refund_account", iban=view.credit.iban)
    return words.say("due.refund"), words.say("due.refund_ask", phone=view.contact.phone) if view.contact.phone else ""


def _less_credit(view: InvoiceView, words: Words) -> Data:
    """What is left to pay once the customer's credit is taken off."""
    total = view.invoice.total
    taken = min(euros(view.credit.before), total)
    note = words.say("due.credited", credit=words.money(taken))
    if taken == total:
        said = {"when": words.say("due.covered"), "how": note}
        return {"label": words.say("due.label"), "amount": words.money(total - taken), **said}
    left = _to_pay(view.invoice, total - taken, view.contact, words)
    return {**left, "how": ". ".join(text for text in (note, str(left["how"])) if text)}


def _to_pay(invoice: Invoice, amount: Decimal, contact: Contact, words: Words) -> Data:
    terms = invoice.terms
    debit = terms.method is PaymentMethod.DIRECT_DEBIT
    key = "due.direct_debit" if debit else "due.before"
    return {
        "label": words.say("due.label"),
        "amount": words.money(amount),
        "when": words.say(key, date=words.day(terms.due)),
        "how": _how(invoice, terms, contact, words),
    }


def _how(invoice: Invoice, terms: PaymentTerms, contact: Contact, words: Words) -> str:
    if terms.method is PaymentMethod.DIRECT_DEBIT:
        key = "due.direct_debit_mandate" if terms.mandate else "due.direct_debit_how"
        return words.say(key, iban=terms.iban, mandate=terms.mandate)
    return words.say(
        f"due.{terms.method.value}",
        iban=contact.iban,
        number=invoice.full_number,
        web=contact.web,
        office=contact.office,
    )


def _notes(invoice: Invoice, words: Words) -> list[str]:
    note = invoice.rectification
    if note is None:
        return []
    numbers = ", ".join(f"{one.number} ({words.short_day(one.issued)})" for one in note.originals)
    return [words.say("header.rectifies", numbers=numbers, reason=note.reason), _method(note, words)]


def _method(note: Rectification, words: Words) -> str:
    """How it rectifies; by substitution with the amounts that it replaces (RD 1619/2012, art. 15.5)."""
    if note.method == "I" or note.base is None or note.vat is None:
        return words.say("header.differences")
    return words.say("header.substitutes", base=words.money(note.base), vat=words.money(note.vat))


def _contact(contact: Contact, words: Words) -> list[Data]:
    columns = [
        ("pay", _pay_lines(contact, words)),
        ("complain", _complain_lines(contact, words)),
        ("quality", [words.say("contact.quality_link", url=contact.quality_url)] if contact.quality_url else []),
    ]
    return [{"heading": words.say(f"contact.{name}"), "lines": lines} for name, lines in columns if lines]


def _pay_lines(contact: Contact, words: Words) -> list[str]:
    lines = []
    if contact.web:
        lines.append(words.say("due.card", web=contact.web))
    if contact.iban:
        lines.append(words.say("contact.transfer", iban=contact.iban))
    if contact.office:
        lines.append(words.say("due.counter", office=contact.office))
    return lines


def _complain_lines(contact: Contact, words: Words) -> list[str]:
    lines = []
    if contact.phone:
        hours = f", {contact.hours}" if contact.hours else ""
        lines.append(words.say("contact.phone", phone=contact.phone) + hours)
    reach = [item for item in (contact.email, contact.web) if item]
    if reach:
        lines.append(" · ".join(reach))
    lines.append(words.say("contact.answer", days=contact.answer_days))
    if contact.consumer_body:
        lines.append(words.say("contact.consumer_body", body=contact.consumer_body))
    return lines
