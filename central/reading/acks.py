"""What the centre answers: how far a device's batches are committed, and which it refused and why."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from central.store.models import IngestBatch
from protocols.sync import SCHEMA, Ack, Refusal

_PER_QUERY = 500


@dataclass
class Answer:
    """What is to be said to one device about one of its boots."""

    device: str
    boot: str
    committed: int = 0
    also: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)

    def ack(self) -> Ack:
        """The message. A batch is named even below ``committed``: a device keeps a refused one until it is."""
        refusals = tuple(Refusal(number, self.refused[number]) for number in sorted(self.refused))
        return Ack(SCHEMA, self.device, self.boot, self.committed, tuple(sorted(self.also)), refusals)


class Heads:
    """The number up to which every batch of a boot is committed. It only grows, so it is remembered."""

    def __init__(self) -> None:
        self._heads: dict[tuple[int, int, str], int] = {}

    def read(self, connection: Connection, boots: Iterable[tuple[int, int, str]]) -> dict[tuple[int, int, str], int]:
        """The heads of (utility, device, boot), as the connection's transaction sees them."""
        return {boot: self._head(connection, *boot) for boot in sorted(set(boots))}

    def remember(self, heads: dict[tuple[int, int, str], int]) -> None:
        """Take heads in; only those of a committed transaction."""
        self._heads |= heads

    def _head(self, connection: Connection, utility_id: int, device_id: int, boot: str) -> int:
        head = self._heads.get((utility_id, device_id, boot), 0)
        while numbers := _after(connection, utility_id, device_id, boot, head):
            contiguous = sum(number == head + place for place, number in enumerate(numbers, 1))
            head += contiguous
            if contiguous < len(numbers):
                break
        return head


def _after(connection: Connection, utility_id: int, device_id: int, boot: str, head: int) -> list[int]:
    """The next committed numbers behind ``head``, ascending."""
    query = select(IngestBatch.number).where(
        IngestBatch.utility_id == utility_id,
        IngestBatch.device_id == device_id,
        IngestBatch.boot == boot,
        IngestBatch.number > head,
    )
    return list(connection.scalars(query.order_by(IngestBatch.number).limit(_PER_QUERY)))
