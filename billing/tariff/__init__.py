"""The tariff language: schema, loader, linter, and the steps that rating reads.

A tariff is a dated YAML file that a municipal engineer can read beside the ordinance: components with their legal
nature, beneficiary, VAT and published source, and for each its prices over time and by condition. ``parse`` is pure;
``load`` and ``TariffBook`` read files (``billing.tariff.files`` is the only place in billing that does).
"""

from billing.tariff.book import Book
from billing.tariff.errors import MissingPriceError, Problem, RatingError, TariffError
from billing.tariff.files import TariffBook, load
from billing.tariff.model import Component, Rate, Source, TariffVersion
from billing.tariff.parse import parse

__all__ = [
    "Book",
    "Component",
    "MissingPriceError",
    "Problem",
    "Rate",
    "RatingError",
    "Source",
    "TariffBook",
    "TariffError",
    "TariffVersion",
    "load",
    "parse",
]
