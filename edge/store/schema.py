"""The store's tables and the steps that lead from one version to the next.

A released step never changes: a new need is a new function below the last one.
"""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("edge")

_STAMP = {"wall_ms": int, "mono_ns": int, "trusted": int}


@migrations()
def m001_boots_items_and_batches(db: Database) -> None:
    """What was recorded, what of it was sealed, and what the centre refused.

    ``boot.last_id`` is the newest item of a boot, ``boot.sealed_id`` the newest one that a batch holds; ids have no
    gaps, so their difference is what waits.
    """
    db.table("boot").create(
        {
            "seq": int,
            "boot": str,
            "os_boot": str,
            **_STAMP,
            "last_id": int,
            "sealed_id": int,
            "last_number": int,
            "last_digest": bytes,
        },
        pk="seq",
        not_null={"boot", "os_boot", "last_id", "sealed_id", "last_number", "last_digest"},
    ).create_index(["boot"], unique=True)
    db.table("telegram").create(
        {
            "id": int,
            **_STAMP,
            "receiver": str,
            "mode": str,
            "rssi_dbm": int,
            "crc_checked_by": str,
            "state": str,
            "frame": bytes,
            "meter": str,
            "access_no": int,
            "litres": int,
            "due": bytes,
            "alarms": str,
            "meter_time": str,
            "proof": str,
        },
        pk="id",
        not_null={"wall_ms", "mono_ns", "trusted", "receiver", "mode", "state", "frame"},
    )
    db.table("event").create({"id": int, **_STAMP, "kind": str, "data": str}, pk="id", not_null={"kind", "data"})
    db.table("batch").create(
        {
            "boot": int,
            "number": int,
            "first_id": int,
            "last_id": int,
            "items": int,
            "envelope": bytes,
            "refused": str,
        },
        pk=("boot", "number"),
        not_null={"first_id", "last_id", "items", "envelope"},
        foreign_keys=[("boot", "boot", "seq")],
    )
    tally = db.table("tally").create(
        {"id": int, "telegrams": int, "readings": int, "typed": int, "events": int, "acknowledged": int},
        pk="id",
    )
    tally.insert({"id": 1, "telegrams": 0, "readings": 0, "typed": 0, "events": 0, "acknowledged": 0})


@migrations()
def m002_route_and_visits(db: Database) -> None:
    """What the reader walks, what was heard on the way and what the reader recorded.

    A visit is never changed: a correction is a new row that names the one it ``replaces``. ``token`` is the form's,
    so that a form sent twice is one visit.
    """
    db.table("route").create(
        {"code": str, "name": str, "planned_on": str, "issued_ms": int}, pk="code", not_null={"name", "issued_ms"}
    )
    db.table("stop").create(
        {
            "route": str,
            "position": int,
            "supply": str,
            "street": str,
            "number": str,
            "detail": str,
            "meter": str,
            "serial": str,
            "radio": int,
            "modulus_litres": int,
            "last_litres": int,
            "last_at_ms": int,
            "low_litres": int,
            "high_litres": int,
            "lat_e7": int,
            "lon_e7": int,
            "hint": str,
        },
        pk=("route", "supply", "meter"),
        not_null={"position", "street", "number", "serial", "radio", "modulus_litres"},
    )
    db.table("heard").create(
        {"meter": str, **_STAMP, "litres": int, "rssi_dbm": int, "alarms": str, "receiver": str},
        pk="meter",
        not_null={"wall_ms", "mono_ns", "trusted", "litres"},
    )
    visit = db.table("visit").create(
        {
            "id": int,
            **_STAMP,
            "route": str,
            "supply": str,
            "meter": str,
            "litres": int,
            "code": str,
            "reader": str,
            "note": str,
            "replaces": int,
            "confirmed": int,
            "token": str,
        },
        pk="id",
        not_null={"route", "supply", "meter", "code", "reader", "note", "confirmed", "token"},
    )
    visit.create_index(["token"], unique=True)
    visit.create_index(["supply", "meter"])


@migrations()
def m003_what_the_decoder_learnt(db: Database) -> None:
    """Formats of compact frames and the highest authenticated message counter of each meter."""
    db.table("format").create(
        {"manufacturer": str, "device_type": int, "signature": int, "headers": bytes},
        pk=("manufacturer", "device_type", "signature"),
        not_null={"headers"},
    )
    db.table("counter").create({"meter": str, "value": int}, pk="meter", not_null={"value"})


@migrations()
def m004_work_orders(db: Database) -> None:
    """What the centre wants done, what the reader recorded of it, and the photos that belong to it.

    ``work_order`` keeps an order that the centre withdrew for a while. An outcome is never changed, but that a meter's
    key is wiped once the centre has it.
    """
    db.table("order_list").create({"issued_ms": int}, not_null={"issued_ms"})
    db.table("work_order").create(
        {
            "code": str,
            "kind": str,
            "supply": str,
            "street": str,
            "number": str,
            "detail": str,
            "meter": str,
            "serial": str,
            "modulus_litres": int,
            "instructions": str,
            "day": str,
            "planned_on": str,
            "due_ms": int,
            "last_litres": int,
            "low_litres": int,
            "high_litres": int,
            "lat_e7": int,
            "lon_e7": int,
            "withdrawn_ms": int,
        },
        pk="code",
        not_null={"kind", "supply", "meter", "modulus_litres"},
    )
    outcome = db.table("outcome").create(
        {
            "id": int,
            **_STAMP,
            "order": str,
            "outcome": str,
            "supply": str,
            "meter": str,
            "reader": str,
            "reason": str,
            "litres": int,
            "new_serial": str,
            "new_address": str,
            "new_litres": int,
            "new_key": bytes,
            "seal": str,
            "note": str,
            "photos": str,
            "lat_e7": int,
            "lon_e7": int,
            "token": str,
        },
        pk="id",
        not_null={"order", "outcome", "supply", "photos", "token"},
    )
    outcome.create_index(["token"], unique=True)
    outcome.create_index(["order"])
    db.table("photo").create(
        {"digest": str, "wall_ms": int, "content": bytes}, pk="digest", not_null={"wall_ms", "content"}
    )
    db.table("route").add_column("closed", int, not_null_default=0)
