"""Telegrams, stops and routes for the tests of the edge."""

from edge.store import HeardTelegram, NewVisit
from protocols.sync import SCHEMA, ClockStamp, Route, RouteStop

DEVICE = "edge-001"
METER = "KAM-76348799-1B-16"


def telegram(number: int, meter: str | None = METER, litres: int | None = None) -> HeardTelegram:
    return HeardTelegram(
        at=ClockStamp(1_790_000_000_000 + number, number, True),
        receiver="van",
        mode="T1",
        rssi_dbm=-60,
        crc_checked_by="im871a",
        state="decrypted",
        frame=number.to_bytes(8, "big"),
        meter=meter,
        access_no=number % 256,
        litres=number if litres is None else litres,
        due=((20_000, number),),
        alarms=("leak", "tamper"),
        meter_time="2026-09-01T10:00:00",
        proof="2f2f",
    )


def visit(token: str, litres: int | None = 1234, code: str = "00") -> NewVisit:
    return NewVisit(token, "R1", "S-7", METER, litres, code, "lector", "junto al portal", True)


def stop(**changed: object) -> RouteStop:
    values: dict[str, object] = {
        "position": 1,
        "supply": "S-7",
        "street": "Calle Mayor",
        "number": "3",
        "detail": "bajo",
        "meter": METER,
        "serial": "76348799",
        "radio": True,
        "modulus_litres": 100_000_000,
        **changed,
    }
    return RouteStop(**values)  # type: ignore[arg-type]


def route(issued_ms: int = 1_790_000_000_000, code: str = "R1", *stops: RouteStop) -> Route:
    return Route(SCHEMA, DEVICE, code, "Centro", "2026-10-01", issued_ms, stops or (stop(),))
