"""Random tariffs and supplies, as text and cases: whatever the language can say, both raters must agree on."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from tests.billing.rating.samples import HEAD

CALIBRES = (13, 15, 20, 40)
START = date(2024, 1, 1)


def _price(draw: st.DrawFn, places: int = 4, most: int = 50_000) -> str:
    return f"{draw(st.integers(0, most)) / 10**places:.{places}f}"  # text only: the tariff never sees a float


@st.composite
def fee(draw: st.DrawFn) -> str:
    per = draw(st.sampled_from(["day", "month", "bimester", "quarter", "year"]))
    times = draw(st.sampled_from(["", ", times: dwellings"]))
    shape = draw(st.integers(0, 2))
    if shape == 0:
        return f"fee: {{per: {per}, amount: {_price(draw, 3)}{times}}}"
    rows = ", ".join(f"{calibre}: {_price(draw, 3)}" for calibre in CALIBRES)
    formula = ', amount: "max(amount(), premises * amount(15))"' if shape == 2 else ""
    return f"fee: {{per: {per}{formula}, by: calibre_mm, amounts: {{{rows}}}{times}}}"


@st.composite
def consumption(draw: st.DrawFn, volume: str = "all") -> str:
    per = draw(st.sampled_from(["day", "month", "bimester", "quarter", "year"]))
    limits = sorted(draw(st.sets(st.integers(1, 60), max_size=4)))
    blocks = [f"{{to: {limit}{draw(st.sampled_from(['', ' * dwellings']))}, {_prices(draw)}}}" for limit in limits]
    if any("*" in block for block in blocks):  # a mix of scaled and plain limits may fall: scale them all
        blocks = [f"{{to: {limit} * dwellings, {_prices(draw)}}}" for limit in limits]
    blocks.append(f"{{{_prices(draw)}}}")
    extra = draw(st.sampled_from(["", ", limits_times: dwellings"])) if not any("*" in b for b in blocks) else ""
    if draw(st.booleans()):
        extra += f", minimum: {draw(st.integers(1, 30))}"
    if draw(st.booleans()):
        upto = draw(st.sampled_from(["", ", up_to: 18"]))
        extra += f", rebates: [{{name: rebaja, price: {_price(draw, 4, 900)}{upto}}}]"
    if draw(st.booleans()):
        extra += ", coefficients: [{when: {use: domestic}, factor: 0.662}]"
    return f"consumption: {{per: {per}, volume: {volume}, blocks: [{', '.join(blocks)}]{extra}}}"


def _prices(draw: st.DrawFn) -> str:
    if draw(st.integers(0, 5)) == 0:
        return f"prices: {{uno: {_price(draw)}, dos: {_price(draw)}}}"
    return f"price: {_price(draw, draw(st.sampled_from([2, 4, 6])))}"


@st.composite
def rates(draw: st.DrawFn, charge: st.SearchStrategy[str]) -> str:
    """One price, or several that follow each other, or summer and winter prices."""
    shape = draw(st.integers(0, 3))
    if shape == 0:
        return draw(charge)
    if shape == 1:
        season = "season: {from: 06-01, to: 10-01}"
        return f"rates: [{{{season}, {draw(charge)}}}, {{{draw(charge)}}}]"
    days = sorted(draw(st.sets(st.integers(1, 700), min_size=1, max_size=3)))
    edges = [None, *(START + timedelta(day) for day in days), None]
    entries = []
    for low, high in pairwise(edges):
        dates = "".join([f"from: {low}, " if low else "", f"to: {high}, " if high else ""])
        exempt = draw(st.integers(0, 6)) == 0
        entries.append(f"{{{dates}{'exempt: moratoria' if exempt else draw(charge)}}}")
    return f"rates: [{', '.join(entries)}]"


@st.composite
def components(draw: st.DrawFn) -> str:
    lines = []
    for code in ("AGUA_SERV", "CONTADOR"):
        vat = draw(st.sampled_from(["10", "21", "NS"]))
        lines.append(f"  - {{code: {code}, name: Cuota, vat: {vat}, {draw(rates(fee()))}}}")
    volume = draw(st.sampled_from(["all", "without_leak"]))
    lines.append(f"  - {{code: AGUA_CONS, name: Consumo, {draw(rates(consumption(volume)))}}}")
    if volume == "without_leak":
        leak = draw(consumption("leak_excess"))
        lines.append(f"  - {{code: AGUA_FUGA, name: Fuga, when: {{leak: yes}}, {leak}}}")
    if draw(st.booleans()):
        percent = f"percent: {{of: 'AGUA_*', percent: {_price(draw, 2, 9_999)}}}"
        lines.append(f"  - {{code: ALCANT, name: Alcantarillado, {draw(rates(st.just(percent)))}}}")
    if draw(st.booleans()):
        blocks = draw(st.sampled_from(["", ", blocks: 1", ", blocks: [1, 2]"]))
        lines.append(f"  - {{code: BONO, name: Bono, bonus: {{of: [AGUA_CONS, ALCANT*]{blocks}, percent: 50}}}}")
        lines[-1] = lines[-1].replace(
            ", ALCANT*", "" if not any("ALCANT" in line for line in lines[:-1]) else ", ALCANT"
        )
    lines.append(f"  - {{code: CANON, name: Canon, vat: NS, {draw(rates(consumption()))}}}")
    return "\n".join(lines) + "\n"


@st.composite
def tariffs(draw: st.DrawFn) -> str:
    policy = draw(st.sampled_from(["", "", "{vat: line}", "{line_decimals: 9}", "{mode: half_even}", "{mode: down}"]))
    text = HEAD.format(id="XX-RANDOM", series="XX-RANDOM", start="2020-01-01") + draw(components())
    return (f"rounding: {policy}\n" if policy else "") + text.lstrip()


@st.composite
def periods(draw: st.DrawFn) -> dict[str, Any]:
    start = START + timedelta(draw(st.integers(0, 500)))
    if draw(st.booleans()):
        return {"from": str(start), "to": str(start + timedelta(draw(st.integers(1, 400))))}
    first = start.replace(day=1)
    months = draw(st.integers(1, 6))
    end = date(first.year + (first.month + months - 1) // 12, (first.month + months - 1) % 12 + 1, 1)
    return {"from": str(first), "to": str(end)}


@st.composite
def supplies(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "use": draw(st.sampled_from(["domestic", "industrial"])),
        "calibre_mm": draw(st.sampled_from(CALIBRES)),
        "dwellings": draw(st.sampled_from([1, 1, 2, 12])),
        "premises": draw(st.integers(1, 9)),
    }


litres = st.one_of(
    st.integers(0, 200).map(lambda m3: m3 * 1000),
    st.integers(0, 2_000_000),
    st.just(10**10),
)


@st.composite
def bonuses(draw: st.DrawFn) -> list[dict[str, Any]]:
    if draw(st.integers(0, 2)):
        return []
    blocks = draw(st.sampled_from([None, [1], [2, 3]]))
    components = draw(st.sampled_from([["AGUA_*"], ["*"], ["AGUA_SERV", "AGUA_CONS"]]))
    return [
        {
            "code": "BONUS",
            "pct": draw(st.sampled_from(["25", "50", "12.5"])),
            "components": components,
            "blocks": blocks,
        }
    ]
