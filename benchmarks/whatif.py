"""A tariff studied on a million contracts, against rating them twice and nothing else, in the same run.

python benchmarks/whatif.py [CONTRACTS]
"""

import json
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np

from billing.rating import Case
from billing.rating.batch import Contracts, Rater
from billing.tariff import TariffBook
from billing.whatif import Change, Register, compare, report

TARIFFS = Path(__file__).parents[1] / "examples" / "tariffs"
PERIOD = {"from": "2026-01-01", "to": "2026-04-01"}


def register_of(count: int) -> Register:
    """Contracts of 144 kinds whose water spreads as people's does."""
    random = np.random.default_rng(1)
    kinds = product((13, 15, 20, 25, 30, 40), ("domestic", "commercial"), range(1, 7), ("nucleo", "emshi"))
    classes = [
        {
            "tariffs": ["ES-AGOST-2023"],
            "supply": {"calibre_mm": calibre, "use": use, "persons": persons, "dwellings": 1, "zone": zone},
            "period": PERIOD,
        }
        for calibre, use, persons, zone in kinds
    ]
    klass = random.integers(0, len(classes), count).astype(np.int32)
    litres = random.gamma(2, 12_000, count).astype(np.int64)
    bills = Contracts(klass, litres, np.full(count, -1, np.int64))
    names = [f"{number:07}" for number in range(count)]
    return Register(classes, bills, np.arange(count), np.zeros(count, np.int64), names)


def main(count: int) -> None:
    """Print one JSON object with the ratio."""
    book, register = TariffBook(TARIFFS), register_of(count)
    change = Change("ES-PATERNA", book)
    started = time.process_time()
    report(compare(register, book, change))
    studied = time.process_time() - started
    sides = (register.classes, [change.applied(case) for case in register.classes])
    raters = [Rater([Case.parse({**case, "litres": 0}) for case in side], book) for side in sides]
    started = time.process_time()
    for rater in raters:
        for _ in rater.parts(register.bills):
            pass
    bare = time.process_time() - started
    print(
        json.dumps(
            {
                "bench": "whatif",
                "value": round(count / studied),
                "unit": "contracts/s",
                "bound": {"name": "rating both sides and nothing else", "value": round(count / bare)},
                "ratio": round(bare / studied, 3),
                "n": count,
                "python": sys.version.split()[0],
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
