"""The address of a meter: manufacturer, identification, version and device type (EN 13757-7:2018, 7.3)."""

import re

from libc.stdint cimport uint8_t, uint64_t

from protocols.wmbus.tables import MEDIA

cdef object CANONICAL = re.compile(r"([@-_]{3})-([0-9A-F]{8})-([0-9A-F]{2})-([0-9A-F]{2})")
cdef object LETTERS = re.compile(r"[@-_]{3}")
cdef object DIGITS = re.compile(r"[0-9A-F]{8}")
cdef list HEX2 = [f"{i:02X}" for i in range(256)]
cdef dict MAKERS = {}
cdef dict MAKERS_JSON = {}


cdef uint64_t pack(const uint8_t* p) noexcept nogil:
    """Eight bytes in link-layer order (M, id, version, type) as a number that orders like the text."""
    return (
        (<uint64_t>((p[0] | p[1] << 8) & 0x7FFF)) << 48
        | (<uint64_t>p[5]) << 40
        | (<uint64_t>p[4]) << 32
        | (<uint64_t>p[3]) << 24
        | (<uint64_t>p[2]) << 16
        | (<uint64_t>p[6]) << 8
        | p[7]
    )


cdef str maker(int code):
    """Three letters of 5 bits each, A = 1."""
    name = MAKERS.get(code)
    if name is None:
        name = MAKERS[code] = "".join(chr(64 + (code >> shift & 31)) for shift in (10, 5, 0))
    return name


cdef bytes maker_bytes(int code):
    """The three letters as a JSON string."""
    text = MAKERS_JSON.get(code)
    if text is None:
        text = MAKERS_JSON[code] = b'"' + maker(code).replace("\\", "\\\\").encode() + b'"'
    return text


cdef Address unpack(uint64_t packed):
    cdef Address address = Address.__new__(Address)
    address.packed = packed
    address.manufacturer = maker(packed >> 48)
    address.id = (
        HEX2[packed >> 40 & 0xFF] + HEX2[packed >> 32 & 0xFF] + HEX2[packed >> 24 & 0xFF] + HEX2[packed >> 16 & 0xFF]
    )
    address.version = packed >> 8 & 0xFF
    address.type = packed & 0xFF
    return address


cdef Address address_of(const uint8_t* p):
    return unpack(pack(p))


cdef class Address:
    """One meter: three letters, eight digits, version and device type.

    Frozen, hashable and ordered. ``str(address)`` is the canonical text ``KAM-76348799-1B-16`` (version
    and type as two hexadecimal digits), which ``Address.parse`` reads. Two meters that share their
    eight digits differ in the rest and are two addresses.

    Raises ValueError naming the field, its value and the rule.
    """

    def __init__(self, str manufacturer, str id, int version, int type):
        manufacturer, id = manufacturer.upper(), id.upper()
        if not LETTERS.fullmatch(manufacturer):
            raise ValueError(f"manufacturer: {manufacturer!r} is not three letters")
        if not DIGITS.fullmatch(id):
            raise ValueError(f"id: {id!r} is not eight digits")
        if not 0 <= version <= 255:
            raise ValueError(f"version: {version} is not one byte")
        if not 0 <= type <= 255:
            raise ValueError(f"type: {type} is not one byte")
        self.manufacturer = manufacturer
        self.id = id
        self.version = version
        self.type = type
        code = 0
        for letter in manufacturer:
            code = code << 5 | ord(letter) - 64
        self.packed = <uint64_t>code << 48 | <uint64_t>int(id, 16) << 16 | <uint64_t>version << 8 | type

    @staticmethod
    def parse(str text):
        """The address of a canonical text. Raises ValueError."""
        match = CANONICAL.fullmatch(text)
        if match is None:
            raise ValueError(f"meter address: {text!r} is not of the form KAM-76348799-1B-16")
        return Address(match[1], match[2], int(match[3], 16), int(match[4], 16))

    @staticmethod
    def from_int(value):
        """The address that ``int(address)`` stands for. Raises ValueError."""
        if not 0 <= value < 1 << 63:
            raise ValueError(f"meter address: {value} is not a number of 63 bits")
        return unpack(value)

    @property
    def medium(self):
        """What the device type says the meter measures, for instance ``cold water``."""
        return MEDIA.get(self.type, "unknown")

    def __int__(self):
        return self.packed

    def __hash__(self):
        return hash(self.packed)

    def __eq__(self, other):
        return isinstance(other, Address) and self.packed == (<Address>other).packed

    def __lt__(self, Address other not None):
        return self.packed < other.packed

    def __le__(self, Address other not None):
        return self.packed <= other.packed

    def __gt__(self, Address other not None):
        return self.packed > other.packed

    def __ge__(self, Address other not None):
        return self.packed >= other.packed

    def __str__(self):
        return f"{self.manufacturer}-{self.id}-{HEX2[self.version]}-{HEX2[self.type]}"

    def __repr__(self):
        return f"Address({self.manufacturer!r}, {self.id!r}, 0x{self.version:02X}, 0x{self.type:02X})"

    def __reduce__(self):
        return Address, (self.manufacturer, self.id, self.version, self.type)
