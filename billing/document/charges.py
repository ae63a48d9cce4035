"""Every charge by who receives it, the blocks drawn, the VAT and what a cubic metre costs in all."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

from billing.document.words import NBSP, Words
from billing.invoice import Invoice, InvoiceLine
from billing.money import rounded

Data = dict[str, Any]
FULL_WIDTH = 1000
MAX_DRAWINGS = 2
MAX_DECIMALS = 4
# Characters that surely fit on one line of each column of the table, by size of type.
ROOM = ((48, 13, 17, 11, 11), (52, 14, 19, 12, 12), (56, 15, 20, 13, 13), (60, 16, 22, 14, 14))


def charges(invoice: Invoice, blocks: list[Data], density: int, words: Words) -> Data:
    """The table of charges by who receives them, below the drawings of its blocks."""
    names = ("concept", "quantity", "price", "amount", "vat")
    groups = [_group(invoice, beneficiary, words) for beneficiary in _beneficiaries(invoice)]
    return {
        "heading": words.say("charges.heading"),
        "header": [words.say(f"charges.{name}") for name in names],
        "groups": groups,
        "fits": all(_fits(row, ROOM[density]) for group in groups for row in group["rows"]),
        "blocks": blocks,
    }


def _beneficiaries(invoice: Invoice) -> Sequence[str]:
    """The issuer first, then the others in the order of their charges."""
    return sorted(dict.fromkeys(line.beneficiary for line in invoice.lines), key=bool)


def _group(invoice: Invoice, beneficiary: str, words: Words) -> Data:
    own = not beneficiary
    name = (
        words.say("charges.own", issuer=invoice.issuer.name)
        if own
        else words.say("charges.third", beneficiary=beneficiary)
    )
    return {
        "name": name,
        "note": "" if own else words.say("charges.collected"),
        "rows": [_row(line, words) for line in invoice.lines if line.beneficiary == beneficiary],
    }


def _fits(row: Sequence[str], room: Sequence[int]) -> bool:
    return all(len(text) <= limit for text, limit in zip(row, room, strict=True))


def _row(line: InvoiceLine, words: Words) -> Sequence[str]:
    quantity, price = _terms(line, words)
    return (line.description, quantity, price, words.money(line.amount), rate_name(line.vat, words))


def _terms(line: InvoiceLine, words: Words) -> tuple[str, str]:
    """Quantity and unit price as people say them; a percentage is taken of an amount in euros."""
    if line.unit == "EUR":
        percent = words.exact(abs(line.unit_price) * 100)
        sign = "−" if line.unit_price < 0 else ""
        return words.money(line.quantity), sign + words.say("vat.rate", rate=percent)
    one = words.known(f"units.{line.unit}") or line.unit
    many = words.known(f"units_many.{line.unit}") or line.unit
    return (
        f"{_count(line, words)}{NBSP}{one if abs(line.quantity) == 1 else many}",
        f"{words.price(line.unit_price)}/{one}",
    )


def _count(line: InvoiceLine, words: Words) -> str:
    """The quantity; an endless one as the fraction it is, such as 59/365 of a year."""
    exact = str(line.why.get("quantity", ""))
    endless = len(str(line.quantity).partition(".")[2]) > MAX_DECIMALS
    return exact if endless and "/" in exact else words.exact(line.quantity)


def rate_name(code: str, words: Words) -> str:
    """``10 %``, ``No sujeto`` or ``Exento``."""
    return words.known(f"vat.{code}") or words.say("vat.rate", rate=code)


def vat(invoice: Invoice, words: Words) -> Data:
    """Base and VAT by rate, and the total."""
    rows = []
    for item in invoice.vat:
        amount = words.say("vat.none") if words.known(f"vat.{item.code}") else words.money(item.vat)
        rows.append([rate_name(item.code, words), words.money(item.base), amount])
    return {
        "header": [words.say("vat.heading"), words.say("vat.base"), words.say("vat.amount")],
        "rows": rows,
        "total": [words.say("vat.total"), words.money(invoice.total)],
    }


def unit_price(invoice: Invoice, words: Words) -> list[str]:
    """What a m3 and a litre cost with everything (Directive (EU) 2020/2184, art. 17.2.b)."""
    if invoice.litres <= 0 or invoice.total <= 0:
        return []
    per_m3 = rounded(invoice.total * 1000 / invoice.litres, 2)
    per_litre = rounded(invoice.total / invoice.litres, 5)
    return [words.say("vat.price", m3=words.price(per_m3), litre=words.price(per_litre))]


# ---- blocks ----------------------------------------------------------------------------------


def drawings(invoice: Invoice, words: Words) -> list[Data]:
    """One bar for each of the first components that are charged in two or more blocks."""
    codes = dict.fromkeys(line.code for line in invoice.lines if _limits(line) is not None and line.amount > 0)
    found = []
    for code in codes:
        lines = [line for line in invoice.lines if line.code == code and _limits(line) and line.quantity > 0]
        if len({line.why["block"] for line in lines}) > 1:
            found.append(_drawing(lines, words))
    return found[:MAX_DRAWINGS]


def _limits(line: InvoiceLine) -> tuple[int, int | None] | None:
    """Lower and upper limit of a line's block in litres, as rating explains them."""
    limits = line.why.get("limits_litres")
    if "block" not in line.why or not isinstance(limits, Sequence) or line.why.get("rebate"):
        return None
    lower, upper = cast("tuple[int, int | None]", limits)
    return lower, upper


def _drawing(lines: Sequence[InvoiceLine], words: Words) -> Data:
    total = sum((line.quantity for line in lines), Decimal(0))
    segments = []
    for line in lines:
        thousandths = line.quantity * FULL_WIDTH
        share = int(rounded(thousandths / total, 0))
        segments.append({"share": max(1, share), "text": _volume(line, words), "legend": _legend(line, words)})
    items = [
        words.say("charges.block_item", m3=words.exact(line.quantity), price=_price(line, words)) for line in lines
    ]
    name = lines[0].description.split(",")[0]
    alt = words.say("charges.blocks_alt", name=name, items="; ".join(items))
    return {"name": name, "alt": alt, "segments": segments}


def _volume(line: InvoiceLine, words: Words) -> str:
    return words.say("charges.block", m3=words.exact(line.quantity))


def _legend(line: InvoiceLine, words: Words) -> str:
    lower, upper = _limits(line) or (0, None)
    if upper is None:
        return words.say("charges.block_legend_beyond", lower=words.m3(lower), price=_price(line, words))
    return words.say("charges.block_legend_to", upper=words.m3(upper), price=_price(line, words))


def _price(line: InvoiceLine, words: Words) -> str:
    return f"{words.price(line.unit_price)}/{words.say('units.m3')}"
