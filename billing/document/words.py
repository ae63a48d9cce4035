"""The bill's language: texts from a catalogue, and numbers, money and dates as that language writes them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files

from babel.dates import format_date

from billing.money import rounded, shown

LANGUAGES = ("es", "ca", "gl", "eu", "en")
NBSP = "\u00a0"
# English in Europe: day before month.
LOCALES = {"en": "en_GB"}


class DocumentError(ValueError):
    """A document that cannot be made; the text names field, value and rule."""


@dataclass(frozen=True)
class Words:
    """One language. ``say("due.label")`` is a text of the catalogue with its gaps filled."""

    lang: str
    texts: Mapping[str, Mapping[str, str]]

    def say(self, key: str, **values: object) -> str:
        """The text ``section.name``; KeyError for a key that the catalogue lacks."""
        section, _, name = key.partition(".")
        return self.texts[section][name].format(**values)

    def known(self, key: str) -> str | None:
        """The text as it stands in the catalogue, or None."""
        section, _, name = key.partition(".")
        return self.texts[section].get(name)

    def number(self, value: Decimal) -> str:
        """A number with this language's marks; its decimals are kept."""
        text = f"{value:,f}"
        return text if self.lang == "en" else text.translate(_COMMA)

    def exact(self, value: Decimal) -> str:
        """A number without padding: ``24``, ``0,4436``."""
        return self.number(shown(value))

    def money(self, euros: Decimal) -> str:
        """An amount in euros with two decimals."""
        return self.price(rounded(euros))

    def price(self, euros: Decimal) -> str:
        """An amount in euros with the decimals it has, two at least."""
        decimals = len(str(euros).partition(".")[2])
        number = self.number(abs(rounded(euros, max(2, decimals))))
        sign = "−" if euros < 0 else ""
        return f"{sign}€{number}" if self.lang == "en" else f"{sign}{number}{NBSP}€"

    def m3(self, litres: int) -> str:
        """Cubic metres of whole litres, without padding."""
        return self.exact(Decimal(litres).scaleb(-3))

    def litres(self, litres: int) -> str:
        """Whole litres."""
        return self.number(Decimal(litres))

    def day(self, day: date) -> str:
        """A date in full: ``20 de marzo de 2026``."""
        return _formatted(day, "long", self.lang)

    def short_day(self, day: date) -> str:
        """A date in little room: ``20 mar 2026``, in Basque ``2026/03/20``."""
        return _formatted(day, "y/MM/dd" if self.lang == "eu" else "medium", self.lang)

    def month(self, day: date) -> str:
        """A month's short name without full stop: ``mar``."""
        return _formatted(day, "LLL", self.lang).rstrip(".")


# 1,234.5 becomes 1.234,5
_COMMA = str.maketrans(",.", ".,")


@cache
def words(lang: str) -> Words:
    """The catalogue of a language; DocumentError when there is none."""
    if lang not in LANGUAGES:
        raise DocumentError(f"lang {lang}: must be one of {', '.join(LANGUAGES)}")
    text = files("billing.document").joinpath("texts", f"{lang}.toml").read_text(encoding="utf-8")
    return Words(lang, tomllib.loads(text))


@lru_cache(maxsize=8192)
def _formatted(day: date, pattern: str, lang: str) -> str:
    return format_date(day, pattern, locale=LOCALES.get(lang, lang))
