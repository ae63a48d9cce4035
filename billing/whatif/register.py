"""Bills as they were rated, in columns: cases that share everything but their litres form a class."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from billing.rating.batch import NO_REFERENCE, Contracts

OWN = ("ref", "litres", "reference_litres", "expected", "derived")


@dataclass(frozen=True, slots=True)
class Register:
    """``count`` bills: the class, litres, contract and billed cents of each.

    ``classes`` are cases without their own litres; ``contracts`` are the codes that ``contract`` points into. A bill
    over several calibres has ``readings`` and therefore a class of its own.
    """

    classes: list[dict[str, Any]]
    bills: Contracts
    contract: NDArray[np.int64]
    billed: NDArray[np.int64]
    contracts: list[str]

    @property
    def count(self) -> int:
        """How many bills."""
        return len(self.bills)


@dataclass(slots=True)
class RegisterBuilder:
    """Takes bills one by one, each with the case it was rated with and what it came to."""

    _classes: list[dict[str, Any]] = field(default_factory=list)
    _known: dict[str, int] = field(default_factory=dict)
    _names: dict[str, int] = field(default_factory=dict)
    _klass: list[int] = field(default_factory=list)
    _litres: list[int] = field(default_factory=list)
    _reference: list[int] = field(default_factory=list)
    _contract: list[int] = field(default_factory=list)
    _billed: list[int] = field(default_factory=list)

    def add(self, contract: str, case: Mapping[str, Any], billed_cents: int) -> None:
        """One bill of a contract."""
        shared = {name: value for name, value in case.items() if name not in OWN}
        key = json.dumps(shared, sort_keys=True)
        klass = self._known.setdefault(key, len(self._classes))
        if klass == len(self._classes):
            self._classes.append(shared)
        reference = case.get("reference_litres")
        self._klass.append(klass)
        self._litres.append(case["litres"])
        self._reference.append(NO_REFERENCE if reference is None else reference)
        self._contract.append(self._names.setdefault(contract, len(self._names)))
        self._billed.append(billed_cents)

    def register(self) -> Register:
        """Everything added so far."""
        bills = Contracts(
            np.array(self._klass, np.int32), np.array(self._litres, np.int64), np.array(self._reference, np.int64)
        )
        return Register(
            list(self._classes),
            bills,
            np.array(self._contract, np.int64),
            np.array(self._billed, np.int64),
            list(self._names),
        )
