"""The bills of many cases at once: those that differ only in their litres are planned once and rated together."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from billing.rating import Case, Rated, rate
from billing.rating.batch import Batch, Contracts, Rater
from billing.rating.case import MAX_LITRES
from billing.tariff import Book, RatingError

# What sets two cases apart without another price: they are planned once.
UNRATED = ("ref", "litres", "derived")


class Ratings:
    """The rated bill of each case, in the order given; what cannot be rated raises when it is asked for."""

    def __init__(self, cases: Sequence[Mapping[str, Any]], book: Book) -> None:
        self._cases = cases
        self._book = book
        self._place: dict[int, int] = {}
        self._batch = self._rate_together()

    def rated(self, index: int) -> Rated:
        """One bill with its explained lines; RatingError or TariffError where it cannot be made."""
        place = self._place.get(index)
        if place is None:
            return rate(Case.parse(self._cases[index]), self._book)
        return self._batch.rated(place)

    def _rate_together(self) -> Batch:
        classes: list[Case] = []
        known: dict[bytes, int] = {}
        klass: list[int] = []
        litres: list[int] = []
        for index, case in enumerate(self._cases):
            if "readings" in case or case["litres"] > MAX_LITRES:
                continue
            key = msgspec.json.encode({name: value for name, value in case.items() if name not in UNRATED})
            if key not in known:
                try:
                    classes.append(Case.parse(case))
                except RatingError:
                    continue
                known[key] = len(classes) - 1
            self._place[index] = len(klass)
            klass.append(known[key])
            litres.append(case["litres"])
        return Rater(classes, self._book).rate(Contracts.of(klass, litres))
