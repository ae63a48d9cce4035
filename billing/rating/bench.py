"""``sgc bench rate``: the general kernel and a hand-written one on the same contracts, in the same run."""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from billing.rating import baseline
from billing.rating.batch import CHUNK, Contracts, Rater
from billing.rating.case import Case
from billing.tariff import Book

TARIFF: Final = """
tariff: BENCH-RATE
place: Banco de pruebas
utility: Banco de pruebas
source: {title: Cuatro bloques con un cambio de precio dentro del trimestre, certainty: read}
defaults: {nature: price, beneficiary: Banco de pruebas, vat: 10}
components:
  - code: AGUA_SERV
    name: Cuota fija
    rates:
      - {to: 2026-02-11, fee: {per: quarter, by: calibre_mm, amounts: {13: 7.20, 15: 8.46, 20: 13.74, 25: 19.05}}}
      - {from: 2026-02-11, fee: {per: quarter, by: calibre_mm, amounts: {13: 7.47, 15: 8.77, 20: 14.25, 25: 19.75}}}
  - code: AGUA_CONS
    name: Cuota variable
    rates:
      - to: 2026-02-11
        consumption:
          per: quarter
          blocks: [{to: 18, price: 0.42}, {to: 30, price: 0.84}, {to: 48, price: 1.18}, {price: 1.57}]
      - from: 2026-02-11
        consumption:
          per: quarter
          blocks: [{to: 18, price: 0.4355}, {to: 30, price: 0.871}, {to: 48, price: 1.2236}, {price: 1.628}]
"""
CALIBRES: Final = (13, 15, 20, 25)
ROUNDS: Final = 5
PASSES: Final = 16


@dataclass(frozen=True, slots=True)
class Bench:
    """Contracts of four classes and what the hand-written kernel needs to rate them."""

    rater: Rater
    contracts: Contracts
    fees: NDArray[np.int64]

    @classmethod
    def of(cls, count: int, seed: int = 1) -> "Bench":
        """``count`` contracts with a quarter's use spread over all four blocks."""
        rater = Rater([_case(calibre) for calibre in CALIBRES], Book.of({"BENCH-RATE": TARIFF}))
        random = np.random.default_rng(seed)
        klass = random.integers(0, len(CALIBRES), count, np.int32)
        litres = random.integers(0, 90_000, count, np.int64)
        contracts = Contracts(klass, litres, np.full(count, -1, np.int64))
        arrays = rater.arrays
        first = arrays.plans[:, 2]
        fees = np.column_stack([arrays.slots[first, 4], arrays.slots[first + 1, 4]])
        return cls(rater, contracts, np.ascontiguousarray(fees))

    def general(self) -> NDArray[np.int64]:
        """The general kernel's totals in cents."""
        return self.rater.rate(self.contracts).total

    def by_hand(self) -> NDArray[np.int64]:
        """The hand-written kernel's totals in cents."""
        count = len(self.contracts)
        base, vat, total = (np.empty(count, np.int64) for _ in range(3))
        lines = count * 10
        columns = np.empty(lines, np.int32), np.empty(lines, np.int64), np.empty(lines, np.int64)
        offsets = np.empty(count + 1, np.int64)
        baseline.run(self.contracts.klass, self.contracts.litres, self.fees, *columns, offsets, base, vat, total)
        return total


def _case(calibre: int) -> Case:
    supply = {"calibre_mm": calibre}
    period = {"from": "2026-01-01", "to": "2026-04-01"}
    return Case.parse({"tariffs": ["BENCH-RATE"], "supply": supply, "period": period, "litres": 0})


def measure(count: int = CHUNK) -> dict[str, Any]:
    """The bench's result: contracts per second of both, alternating, the best round of each."""
    bench = Bench.of(count)
    if not np.array_equal(bench.general(), bench.by_hand()):
        raise AssertionError("the kernels disagree")
    best = {"general": 0, "by_hand": 0}
    for _ in range(ROUNDS):
        for name, work in (("general", bench.general), ("by_hand", bench.by_hand)):
            best[name] = max(best[name], _rate(work, count))
    return {
        "bench": "rate",
        "value": best["general"],
        "unit": "contracts/s",
        "bound": {"name": "hand-written kernel, same tariff, same run", "value": best["by_hand"]},
        "ratio": round(best["general"] / best["by_hand"], 3),
        "n": count * PASSES,
        "python": platform.python_version(),
        "cpu": platform.processor() or platform.machine(),
    }


def _rate(work: Callable[[], object], count: int) -> int:
    start = time.perf_counter_ns()
    for _ in range(PASSES):
        work()
    return count * PASSES * 1_000_000_000 // (time.perf_counter_ns() - start)
