"""Incidence codes of a visit, as Spanish readers' handhelds use them."""

from typing import NamedTuple


class Code(NamedTuple):
    """A code with its words. ``no_index`` codes say why there is no reading; the others go with one."""

    code: str
    words: str
    no_index: bool


READ, METER_CHANGED, BELOW_LAST, EXCESSIVE, ZERO = "00", "07", "08", "09", "10"

CODES = {
    code.code: code
    for code in (
        Code(READ, "Sin incidencia", no_index=False),
        Code("01", "Ausente", no_index=True),
        Code("02", "Cerrado o sin acceso", no_index=True),
        Code("03", "Contador parado", no_index=False),
        Code("04", "Roto o empañado", no_index=True),
        Code("05", "No lo encuentro", no_index=True),
        Code("06", "No hay contador", no_index=True),
        Code(METER_CHANGED, "Contador cambiado", no_index=True),
        Code(BELOW_LAST, "Lectura inferior a la anterior", no_index=False),
        Code(EXCESSIVE, "Consumo excesivo", no_index=False),
        Code(ZERO, "Consumo nulo", no_index=False),
        Code("11", "Posible fuga", no_index=False),
        Code("12", "Manipulado o precinto roto", no_index=False),
        Code("13", "Contador invertido", no_index=False),
        Code("14", "Perro o peligro", no_index=True),
        Code("15", "Obra o derribo", no_index=True),
        Code("16", "Contador que ha dado la vuelta", no_index=False),
        Code("17", "Dejo nota de autolectura", no_index=True),
        Code("18", "Inundado o arqueta", no_index=True),
        Code("19", "Telelectura sin señal", no_index=True),
        Code("20", "Batería agotada", no_index=True),
    )
}

# Eight fit the first page as big keys; the rest is one key further.
FIRST_REASONS = ("01", "02", "04", "05", "06", "07", "14", "18")
MORE_REASONS = tuple(c.code for c in CODES.values() if c.no_index and c.code not in FIRST_REASONS)


def words(code: str) -> str:
    """What the reader sees for a code."""
    found = CODES.get(code)
    return found.words if found else f"Código {code}"
