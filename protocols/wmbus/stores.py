"""What a decoder remembers between telegrams: compact-frame formats and message counters.

Both live in memory; ``items`` and ``load`` let their owner keep them wherever it keeps things.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from protocols.wmbus.address import Address


class FormatStore:
    """Record headers of full frames by their signature, so that compact frames can be read.

    A signature is 16 bits, so formats are kept by manufacturer and device type as well; the CRC over
    the full frame that each compact frame carries is the final check.
    """

    def __init__(self) -> None:
        self._formats: dict[tuple[str, int, int], bytes] = {}

    def __len__(self) -> int:
        return len(self._formats)

    def learn(self, manufacturer: str, device_type: int, signature: int, headers: bytes) -> None:
        """Remember the concatenated DIF/VIF bytes behind a signature."""
        self._formats[manufacturer, device_type, signature] = headers

    def find(self, manufacturer: str, device_type: int, signature: int) -> bytes | None:
        """The headers behind a signature, or None."""
        return self._formats.get((manufacturer, device_type, signature))

    def items(self) -> Iterator[tuple[str, int, int, bytes]]:
        """Everything known: (manufacturer, device type, signature, headers)."""
        for (manufacturer, device_type, signature), headers in self._formats.items():
            yield manufacturer, device_type, signature, headers

    def load(self, items: Iterable[tuple[str, int, int, bytes]]) -> None:
        """Take over what ``items`` gave."""
        for manufacturer, device_type, signature, headers in items:
            self.learn(manufacturer, device_type, signature, headers)


class CounterStore:
    """The highest authenticated message counter of each meter, to report replayed telegrams."""

    def __init__(self) -> None:
        self._counters: dict[Address, int] = {}

    def __len__(self) -> int:
        return len(self._counters)

    def last(self, meter: Address) -> int | None:
        """The highest counter seen from a meter, or None."""
        return self._counters.get(meter)

    def see(self, meter: Address, counter: int) -> bool:
        """Note a counter; False if it is not above the last one (a replay)."""
        last = self._counters.get(meter)
        if last is not None and counter <= last:
            return False
        self._counters[meter] = counter
        return True

    def items(self) -> Iterator[tuple[Address, int]]:
        """Everything known: (meter, counter)."""
        yield from self._counters.items()

    def load(self, items: Iterable[tuple[Address, int]]) -> None:
        """Take over what ``items`` gave; a lower counter never replaces a higher one."""
        for meter, counter in items:
            self.see(meter, counter)


class FragmentStore:
    """Fragments of messages that are longer than a frame, by meter, until a message is whole."""

    # Meters whose unfinished messages are kept at a time, and fragments of one message.
    METERS = 1024
    FRAGMENTS = 32

    def __init__(self) -> None:
        self._parts: dict[int, dict[int, tuple[bool, int, bytes, bytes]]] = {}

    def __len__(self) -> int:
        return len(self._parts)

    def add(self, meter: int, number: int, more: bool, control: int, fields: bytes, body: bytes) -> bytes | None:
        """Note a fragment; the whole message behind one authentication layer, or None while it is open.

        ``number`` counts from 1; ``control`` and ``fields`` are the fragment's own authentication layer.
        A first fragment starts a new message.
        """
        parts = self._parts.setdefault(meter, {})
        if number <= 1:
            parts.clear()
        if len(parts) < self.FRAGMENTS:
            parts[number] = (more, control, fields, body)
        if len(self._parts) > self.METERS:
            del self._parts[next(iter(self._parts))]
        last = next((key for key, part in parts.items() if not part[0]), None)
        if last is None or set(parts) != set(range(1, last + 1)):
            return None
        del self._parts[meter]
        return self._joined([parts[key] for key in range(1, last + 1)])

    @staticmethod
    def _joined(parts: list[tuple[bool, int, bytes, bytes]]) -> bytes | None:
        presence, fields = 0, b""
        for _, control, own, _ in parts:
            presence |= control & 0x3E00
            fields += own
        if len(fields) > 253:
            return None
        head = bytes((0x90, 2 + len(fields))) + presence.to_bytes(2, "little") + fields
        return head + b"".join(body for *_, body in parts)
