"""Which of the batches that arrived are new: the claim that makes each of them be applied once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from central.reading import quarantine
from central.reading.arrivals import Arrival, Opened, Refused, signature_refusal
from central.reading.quarantine import Entry
from central.register.devices import Enrolled
from central.store import new_id
from central.store.models import Device, IngestBatch, Quarantine
from central.store.parts import in_parts
from protocols.sync import Header

COMMITTED, REPEATED, REFUSED, KEPT = "committed", "repeated", "refused", "kept"


@dataclass(frozen=True)
class Outcome:
    """What became of one arrival.

    ``committed`` now, or ``repeated`` because it was before; ``refused`` and kept in quarantine; or only ``kept``
    there, because its bytes were damaged and the device's own copy may be whole: it is told nothing the first time.
    """

    fate: str
    device: str
    boot: str | None = None
    number: int | None = None
    reason: str = ""
    items: int = 0
    enrolled: Enrolled | None = None


@dataclass(frozen=True)
class Claim:
    """A new batch of an enrolled device, to be applied in the transaction that claimed it."""

    opened: Opened
    device: Enrolled
    id: int


class Claims:
    """Sorts arrivals within one transaction; ``outcomes`` are in the order of the arrivals."""

    def __init__(self, connection: Connection, opened: Sequence[Opened | Refused]) -> None:
        self._connection = connection
        self._opened = opened
        self._outcomes: dict[int, Outcome] = {}
        self.new: list[Claim] = []
        self._devices = _devices(connection, {one.arrival.device for one in opened})
        self._sort()

    @property
    def outcomes(self) -> list[Outcome]:
        """What became of each arrival."""
        return [self._outcomes[place] for place in range(len(self._opened))]

    def _sort(self) -> None:
        candidates = []
        for place, one in enumerate(self._opened):
            device = self._devices.get(one.arrival.device)
            if isinstance(one, Refused):
                self._refuse(place, one, device)
            elif device is None:
                self._refuse(place, _refused(one, f"device: {one.arrival.device!r}, is not enrolled"), None)
            elif device.revoked_at is not None:
                day = device.revoked_at.date().isoformat()
                self._refuse(place, _refused(one, f"device: {device.name!r}, was revoked on {day}"), device)
            elif device.public_key is not None and (reason := signature_refusal(one, device.public_key)):
                self._refuse(place, replace(_refused(one, reason), forged=True), device)
            else:
                candidates.append((device, one, place))
        self._claim(candidates)
        self._resolve()

    def _claim(self, candidates: list[tuple[Enrolled, Opened, int]]) -> None:
        # In one order everywhere: two workers with the same batches wait for each other instead of for ever.
        candidates.sort(key=lambda one: (one[0].id, one[1].batch.boot, one[1].batch.number, one[2]))
        recorded = self._recorded(candidates)
        first: dict[tuple[int, str, int], Claim] = {}
        for device, one, _ in candidates:
            if (key := _key(device, one)) not in recorded and key not in first:
                first[key] = Claim(one, device, new_id())
        claimed = self._insert(list(first.values()))
        late = [
            (device, one, place) for device, one, place in candidates if _key(device, one) in first.keys() - claimed
        ]
        recorded |= self._recorded(late)
        for device, one, place in candidates:
            key = _key(device, one)
            claim = first.get(key)
            if claim is not None and claim.opened is one and key in claimed:
                self.new.append(claim)
                self._outcomes[place] = _outcome(COMMITTED, one, device)
                recorded[key] = one.envelope.digest
            else:
                self._settle(place, one, device, recorded[key])

    def _settle(self, place: int, one: Opened, device: Enrolled, recorded: bytes) -> None:
        """A batch whose number is committed: again the same, or another."""
        if recorded == one.envelope.digest:
            self._outcomes[place] = _outcome(REPEATED, one, device)
            return
        digest, number = one.envelope.digest, one.batch.number
        reason = f"batch.digest: {digest.hex()}, batch {number} is committed with {recorded.hex()}"
        self._refuse(place, _refused(one, reason), device)

    def _recorded(self, candidates: list[tuple[Enrolled, Opened, int]]) -> dict[tuple[int, str, int], bytes]:
        """Digests of those of the batches that are committed."""
        boots: dict[tuple[int, int, str], list[int]] = {}
        for device, one, _ in candidates:
            boots.setdefault((device.utility_id, device.id, one.batch.boot), []).append(one.batch.number)
        return {
            (device_id, boot, number): digest
            for (utility_id, device_id, boot), numbers in boots.items()
            for number, digest in _digests(self._connection, utility_id, device_id, boot, numbers)
        }

    def _insert(self, claims: list[Claim]) -> set[tuple[int, str, int]]:
        """Insert the claims; returns those that no other worker committed meanwhile."""
        if not claims:
            return set()
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        statement = (
            dialect.insert(IngestBatch)
            .on_conflict_do_nothing()
            .returning(IngestBatch.device_id, IngestBatch.boot, IngestBatch.number)
        )
        rows = [
            {
                "utility_id": claim.device.utility_id,
                "id": claim.id,
                "device_id": claim.device.id,
                "boot": claim.opened.batch.boot,
                "os_boot": claim.opened.batch.os_boot,
                "number": claim.opened.batch.number,
                "digest": claim.opened.envelope.digest,
                "items": claim.opened.count,
                "received_at": claim.opened.arrival.received_at,
            }
            for claim in claims
        ]
        return {(row[0], row[1], row[2]) for row in self._connection.execute(statement, rows)}

    def _refuse(self, place: int, refused: Refused, device: Enrolled | None) -> None:
        header = refused.header
        entry = _entry(refused, device)
        quarantine.keep_arrival(self._connection, entry)
        fate = REFUSED
        if (
            header is None
            or refused.forged
            or (refused.damaged and quarantine.arrivals(self._connection, entry.key) < 2)
        ):
            fate = KEPT
        self._outcomes[place] = Outcome(
            fate,
            refused.arrival.device,
            header.boot if header else None,
            header.number if header else None,
            refused.reason,
            enrolled=device,
        )

    def _resolve(self) -> None:
        """Close the quarantine entries of batches that are committed after all."""
        done = {(claim.device.name, claim.opened.batch.boot, claim.opened.batch.number): claim for claim in self.new}
        query = select(Quarantine.id, Quarantine.device, Quarantine.boot, Quarantine.number).where(
            quarantine.OPEN, Quarantine.kind == "batch", Quarantine.device.in_({device for device, _, _ in done})
        )
        for entry_id, device, boot, number in self._connection.execute(query).all() if done else ():
            claim = None if boot is None or number is None else done.get((device, boot, number))
            if claim is not None:
                at = claim.opened.arrival.received_at
                quarantine.resolve(self._connection, entry_id, f"batch {number} arrived whole and is committed", at)


def _devices(connection: Connection, names: set[str]) -> dict[str, Enrolled]:
    query = select(Device.utility_id, Device.id, Device.name, Device.revoked_at, Device.public_key).where(
        Device.name.in_(names)
    )
    return {
        name: Enrolled(utility_id, device_id, name, revoked_at, public_key)
        for utility_id, device_id, name, revoked_at, public_key in connection.execute(query).all()
    }


def _key(device: Enrolled, one: Opened) -> tuple[int, str, int]:
    return device.id, one.batch.boot, one.batch.number


def _digests(
    connection: Connection, utility_id: int, device_id: int, boot: str, numbers: list[int]
) -> Iterator[tuple[int, bytes]]:
    for part in in_parts(numbers):
        query = select(IngestBatch.number, IngestBatch.digest).where(
            IngestBatch.utility_id == utility_id,
            IngestBatch.device_id == device_id,
            IngestBatch.boot == boot,
            IngestBatch.number.in_(part),
        )
        for number, digest in connection.execute(query).all():
            yield number, bytes(digest)


def _outcome(fate: str, one: Opened, device: Enrolled) -> Outcome:
    return Outcome(fate, device.name, one.batch.boot, one.batch.number, items=one.count, enrolled=device)


def _refused(one: Opened, reason: str) -> Refused:
    return Refused(one.arrival, reason, one.envelope.header)


def _entry(refused: Refused, device: Enrolled | None) -> Entry:
    arrival: Arrival = refused.arrival
    header: Header | None = refused.header
    return Entry(
        kind="batch",
        key=arrival.key,
        device=arrival.device[:64],
        reason=refused.reason,
        payload=arrival.payload,
        received_at=arrival.received_at,
        utility_id=device.utility_id if device else None,
        boot=header.boot[:36] if header else None,
        number=header.number if header and 0 <= header.number < 1 << 63 else None,
    )
