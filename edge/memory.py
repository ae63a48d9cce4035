"""What the decoder remembers between telegrams, with what of it is new since it was last stored."""

from edge.store import Format, Learned
from protocols.wmbus import Address, CounterStore, FormatStore, Telegram


class Formats(FormatStore):
    """Formats of compact frames; keeps a note of each new one."""

    def __init__(self) -> None:
        super().__init__()
        self.new: list[Format] = []

    def learn(self, manufacturer: str, device_type: int, signature: int, headers: bytes) -> None:
        """Remember a format, and that it is new."""
        super().learn(manufacturer, device_type, signature, headers)
        self.new.append(Format(manufacturer, device_type, signature, headers))


class Counters(CounterStore):
    """Authenticated message counters; keeps a note of each meter whose counter rose."""

    def __init__(self) -> None:
        super().__init__()
        self.new: dict[Address, int] = {}

    def see(self, meter: Address, counter: int) -> bool:
        """Note a counter, and that it rose if it did."""
        rose = super().see(meter, counter)
        if rose:
            self.new[meter] = counter
        return rose


class Memory:
    """Formats and counters: loaded when the agent starts, told in pieces to whoever stores them."""

    def __init__(self, known: Learned | None = None) -> None:
        self.formats = Formats()
        self.counters = Counters()
        known = known or Learned()
        self.formats.load(known.formats)
        self.counters.load((Address.parse(meter), counter) for meter, counter in known.counters)
        self.take_new()

    def take_new(self) -> Learned:
        """What has been learnt since this was last asked."""
        counters = tuple((str(meter), counter) for meter, counter in self.counters.new.items())
        learned = Learned(tuple(self.formats.new), counters)
        self.formats.new = []
        self.counters.new = {}
        return learned

    def is_replay(self, telegram: Telegram) -> bool:
        """Whether an authentic telegram is older than another of its meter.

        The same one again is not: a repeater or a second receiver brings that.
        """
        counter, meter = telegram.security.counter, telegram.meter
        if not telegram.security.authentic or counter is None or meter is None:
            return False
        last = self.counters.last(meter)
        return last is not None and counter < last
