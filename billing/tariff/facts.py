"""The vocabulary of supply facts: what a tariff may ask about a contract, and how each is called.

A tariff names facts in conditions, tables and formulas. A fact it needs and the case lacks is an error that names the
fact, unless the tariff itself says what to assume (``assume:``), as a levy does when a right must be applied for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from billing.tariff.errors import RatingError

Kind = Literal["integer", "decimal", "text", "flag", "set"]
FactValue = Fraction | str | bool | frozenset[str]


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: how it is written in a case and what people call it."""

    kind: Kind
    spanish: str


FACTS: dict[str, Fact] = {
    "use": Fact("text", "uso"),
    "calibre_mm": Fact("decimal", "calibre del contador (mm)"),
    "q3_m3h": Fact("decimal", "caudal permanente Q3 (m³/h)"),
    "dwellings": Fact("integer", "viviendas"),
    "premises": Fact("integer", "locales"),
    "persons": Fact("integer", "personas"),
    "disabled": Fact("integer", "personas con discapacidad superior al 75 %"),
    "zone": Fact("text", "zona"),
    "population": Fact("integer", "habitantes del municipio"),
    "dwelling_type": Fact("text", "tipo de vivienda"),
    "tariff_option": Fact("text", "modalidad de tarifa"),
    "groups": Fact("set", "colectivos"),
    "services": Fact("set", "servicios contratados"),
    "sewer": Fact("flag", "conectado al alcantarillado"),
    "public_sanitation": Fact("flag", "saneamiento público en servicio"),
    "leak": Fact("flag", "fuga reconocida"),
    "fire_hydrants": Fact("integer", "bocas de incendio"),
    "connection_mm": Fact("decimal", "diámetro de la acometida (mm)"),
    "connection_l_s": Fact("decimal", "caudal instalado (l/s)"),
}


class FactError(RatingError):
    """A fact that a tariff needs and the case lacks, or one that is not a fact."""

    def __init__(self, name: str, rule: str) -> None:
        self.name = name
        super().__init__(f"supply.{name}: {rule}")


@dataclass(slots=True)
class Facts:
    """The facts of one supply as one tariff sees them.

    ``used`` collects what was asked, ``assumed`` what the tariff supplied itself: both belong in the explanation.
    """

    known: Mapping[str, FactValue]
    assume: Mapping[str, FactValue] = field(default_factory=dict)
    used: dict[str, FactValue] = field(default_factory=dict)
    assumed: dict[str, FactValue] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether the case states the fact."""
        return name in self.known

    def need(self, name: str, why: str) -> FactValue:
        """The fact's value; absent sets are empty and absent leaks are none, any other absence is a FactError."""
        value = self.known.get(name)
        if value is None:
            value = self._absent(name, why)
        self.used[name] = value
        return value

    def number(self, name: str, why: str) -> Fraction:
        """A numeric fact."""
        value = self.need(name, why)
        if isinstance(value, Fraction):
            return value
        raise FactError(name, f"{value!r} is not a number, which {why} needs")

    def with_fact(self, name: str, value: FactValue) -> "Facts":
        """The same supply with one fact replaced, for the days another meter was there."""
        return Facts({**self.known, name: value}, self.assume)

    def _absent(self, name: str, why: str) -> FactValue:
        if name in self.assume:
            self.assumed[name] = self.assume[name]
            return self.assume[name]
        if FACTS[name].kind == "set":
            return frozenset()
        if name == "leak":
            return False
        raise FactError(name, f"missing; {why} needs it ({FACTS[name].spanish})")


def plain(value: FactValue) -> str | int | bool | list[str]:
    """A fact as JSON shows it."""
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else str(value)
    return sorted(value) if isinstance(value, frozenset) else value
