"""A permanent flow (Q3) that meters of the calibre are not made with.

Usual pairs (ISO 4064 and the tables of Spanish utilities): 13 and 15 mm 2.5 m³/h, 20 mm 4, 25 mm 6.3, 30 mm 10,
40 mm 16, 50 mm 25, 65 mm 40.
"""

from collections.abc import Iterator

from sqlalchemy import and_, or_, select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Installation, Meter

USUAL = {13: 2_500, 15: 2_500, 20: 4_000, 25: 6_300, 30: 10_000, 40: 16_000, 50: 25_000, 65: 40_000}


def _find(asked: Asked) -> Iterator[Hit]:
    times = asked.numbers["times"]
    unusual = or_(
        *(
            and_(
                Meter.calibre_mm == calibre,
                or_(Meter.q3_litres_hour > usual * times, Meter.q3_litres_hour * times < usual),
            )
            for calibre, usual in USUAL.items()
        )
    )
    rows = asked.session.execute(
        select(Meter.address, Meter.calibre_mm, Meter.q3_litres_hour)
        .join(Installation, (Installation.utility_id == Meter.utility_id) & (Installation.meter_id == Meter.id))
        .where(asked.hangs(), unusual)
    )
    for address, calibre, flow in rows:
        yield Hit(address, f"{calibre} mm con Q3 de {flow} l/h; lo usual son {USUAL[calibre]}")


RULE = Rule(
    "flow_against_calibre",
    "Caudal impropio del calibre",
    "warning",
    "supervisor",
    _find,
    about="meter",
    advice="Lea la placa del contador y corrija calibre o Q3.",
    numbers={"times": 2},
)
