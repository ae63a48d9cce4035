"""Tariffs for tests: the shipped ones, and some made here for what no published file shows."""

from pathlib import Path

from billing.tariff import TariffBook

EXAMPLES = Path(__file__).parents[3] / "examples" / "tariffs"


def shipped() -> TariffBook:
    """A fresh book of the shipped tariffs, so that every test reads them itself."""
    return TariffBook(EXAMPLES)


HEAD = """
tariff: {id}
series: {series}
place: Ejemplo
utility: Ejemplo
source: {{title: Ordenanza de ejemplo, certainty: read}}
valid: {{from: {start}}}
defaults: {{nature: price, beneficiary: Ejemplo, vat: 10}}
components:
"""


def tariff(tariff_id: str, components: str, start: str = "2020-01-01", series: str = "") -> str:
    """A tariff file with the given components."""
    return HEAD.format(id=tariff_id, series=series or tariff_id, start=start) + components


# Agost with its prices raised by five per cent and rounded to four decimals, in force from 1 February 2026.
AGOST_NEXT = tariff(
    "ES-AGOST-2026",
    """
  - code: AGUA_SERV
    name: Cuota de servicio
    fee: {per: month, by: calibre_mm, amounts: {13: 4.68}}
  - code: INCENDIO
    name: Boca de incendio
    when: {services: fire_hydrant}
    fee: {per: month, amount: 18.75, times: fire_hydrants}
  - code: AGUA_CONS
    name: Cuota de consumo
    rates:
      - when: {use: domestic}
        consumption: {per: month, blocks: [{to: 5, price: 0.4594}, {to: 13, price: 1.4357}, {price: 2.4884}]}
""",
    start="2026-02-01",
    series="ES-AGOST",
)

MIXED = tariff(
    "XX-MIXED",
    """
  - {code: AGUA_SERV, name: Cuota de servicio, fee: {per: month, by: calibre_mm, amounts: {13: 4.46}}}
  - code: INCENDIO
    name: Boca de incendio
    when: {services: fire_hydrant}
    fee: {per: month, amount: 17.86, times: fire_hydrants}
  - code: ALQ_CONT
    name: Alquiler de contador
    vat: 21
    when: {services: meter_rental}
    fee: {per: month, amount: 0.85}
  - code: BASURA
    name: Tasa de residuos
    nature: tasa
    beneficiary: Ayuntamiento
    vat: NS
    when: {services: waste}
    fee: {per: month, amount: 7.35}
""",
)

TRAP = tariff("XX-TRAP", "  - {code: AGUA_CONS, name: Consumo, consumption: {price: 0.2002}}\n")
