"""Wireless and wired M-Bus (EN 13757-2/-3/-4/-7, OMS): telegrams to values.

One telegram
    >>> from protocols import wmbus
    >>> frame = bytes.fromhex("1844AE4C4455223368077A55000000041389E20100023B0000")
    >>> telegram = wmbus.decode(frame)
    >>> telegram.ok, str(telegram.meter), telegram.medium
    (True, 'SEN-33225544-68-07', 'water')
    >>> telegram.total_litres
    123529
    >>> telegram.fields
    {'total_m3': '123.529', 'max_flow_m3h': '0.000'}
    >>> [(record.quantity, record.value, record.unit) for record in telegram]
    [('volume', '123.529', 'm3'), ('volume_flow', '0.000', 'm3/h')]

    ``decode`` never raises on any bytes: ``telegram.ok`` tells, ``telegram.error`` says why not, naming field,
    value and rule, and ``telegram.diagnostics`` what else is worth knowing. A frame comes with its CRCs
    (formats A and B), without them, as it was on the air (T1, C1, S1 from the sync word on), or wired. The
    form is found by length and CRCs; ``link=`` fixes it, and is wiser where the receiver knows it.

What a telegram says
    meter, medium       ``Address`` (manufacturer, id, version, type) and what it measures
    total_litres        main volume index in whole litres, floor; None if absent, invalid or in error state
    due_litres          list of (date, litres): index values at due dates
    meter_time          the meter's own clock (naive), if it sends it
    records             every value: quantity, unit, exact decimal or ISO date as text, function (instantaneous,
                        maximum, minimum, error), storage, tariff, subunit, qualifiers; made when asked for
    fields              the same by name, ``total_m3``, ``flow_temperature_c``: names end in their unit
    alarms              names of what the meter complains of
    driver              the meter family that named fields and alarms, or None (``drivers/README.md``)
    link, security      how it came in; what sealed it, whether it opened, and the proof: 2F2F, CRC, MAC or tag
    to_json()           all of it, in the shape of ``sgc decode``

    A value is an integer and a decimal exponent until it is shown. What a meter marks as invalid, and what it
    measured in its error state, never becomes a number.

Keys
    ``keys`` is one key (16 bytes or their hexadecimal digits), a mapping of addresses (or their text) to keys, a
    ``Keyring``, or any object with ``keys_for(address)``. A Keyring holds keys by meter, by number, by fleet rule
    and a default, and costs the same with a million meters as with one:

    >>> ring = wmbus.Keyring({"KAM-76348799-1B-16": "000102030405060708090A0B0C0D0E0F"})
    >>> ring.add_rule(bytes(16), manufacturer="AAA", type=0x07, ids=("61000000", "61999999"))
    >>> len(ring)
    1

    ``keyfiles.load`` reads them from CSV, XML, KEM and Diehl files. Security modes 5, 7 and 10, AES-CTR of the
    extended link layer, DES modes 2 and 3 and Diehl's PRIOS are opened; 8, 9 and 13 are recognised and refused.
    A wrong key is a state of that telegram (``key_wrong``); no meter is ever muted.

Memory between telegrams
    ``formats=FormatStore()`` learns the layout of compact frames from full ones, ``counters=CounterStore()``
    reports replayed message counters, ``fragments=FragmentStore()`` puts long messages together. Each has
    ``items()`` and ``load()``, so that its owner can keep it over a restart (fragments are not worth it).

Many telegrams
    ``decode_batch(frames, keys, link=...)`` returns ``Columns`` of numpy arrays (address, meter, litres, watt_hours,
    meter_time, status, access_no, state, authentic), one row a frame, without an object for any of them.

Every byte
    ``explain(frame, keys)`` lists spans (offset, length, hex, layer, meaning) that cover a frame; the meanings are
    English, or Spanish with ``lang="es"``.
"""

from typing import TYPE_CHECKING, Any

from protocols.wmbus.address import Address
from protocols.wmbus.decoding import decode
from protocols.wmbus.explain import Span, explain
from protocols.wmbus.keyring import Keyring
from protocols.wmbus.naming import Diagnostic, Link, Security
from protocols.wmbus.provider import KeyProvider
from protocols.wmbus.stores import CounterStore, FormatStore, FragmentStore
from protocols.wmbus.telegram import Record, Telegram

if TYPE_CHECKING:
    from protocols.wmbus.batch import decode_batch
    from protocols.wmbus.columns import Columns

__all__ = [
    "Address",
    "Columns",
    "CounterStore",
    "Diagnostic",
    "FormatStore",
    "FragmentStore",
    "KeyProvider",
    "Keyring",
    "Link",
    "Record",
    "Security",
    "Span",
    "Telegram",
    "decode",
    "decode_batch",
    "explain",
]


def __getattr__(name: str) -> Any:
    """Batches need numpy, which takes longer to load than all the rest: only who asks for them waits."""
    if name == "decode_batch":
        from protocols.wmbus.batch import decode_batch

        return decode_batch
    if name == "Columns":
        from protocols.wmbus.columns import Columns

        return Columns
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
