"""A small correct tariff that each test breaks in one place."""

GOOD = """
tariff: XX-GOOD
place: Ejemplo
utility: Ejemplo
source: {title: Ordenanza de ejemplo, url: "https://example.org/o", certainty: read}
valid: {from: 2024-01-01}
defaults: {nature: price, beneficiary: Ejemplo, vat: 10}
components:
  - code: AGUA_SERV
    name: Cuota de servicio
    clause: artículo 1
    fee:
      per: month
      by: calibre_mm
      amounts: {13: 4.46, 15: 8.94}
  - code: AGUA_CONS
    name: Cuota de consumo
    clause: artículo 2
    consumption:
      per: month
      blocks:
        - {to: 5, price: 0.4375}
        - {price: 1.3673}
""".lstrip()


def broken(old: str, new: str) -> str:
    """The good tariff with one piece of text replaced."""
    assert GOOD.count(old) == 1, f"{old!r} must occur once"
    return GOOD.replace(old, new)
