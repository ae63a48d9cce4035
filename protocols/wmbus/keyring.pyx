"""Where a meter's key comes from: the exact meter, a rule for a fleet, or a default.

The exact meters are in one open-addressing table of C structs, so that finding a key costs the same
with one meter and with a million.
"""

import re

from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from protocols.wmbus.address cimport Address, unpack

cdef extern from *:
    """
    #include <stdint.h>
    #include <stdlib.h>
    #include <sys/mman.h>

    /* Zeroed memory. A look-up in a big table meets another page each time: big pages keep that cheap. */
    static void* sgc_table(size_t bytes)
    {
        void* table = calloc(1, bytes);
    #ifdef MADV_HUGEPAGE
        const uintptr_t big = (uintptr_t)1 << 21;
        if (table != NULL && bytes >= 2 * big) {
            uintptr_t first = ((uintptr_t)table + big - 1) & ~(big - 1);
            uintptr_t last = ((uintptr_t)table + bytes) & ~(big - 1);
            madvise((void*)first, last - first, MADV_HUGEPAGE);
        }
    #endif
        return table;
    }
    """
    void* sgc_table(size_t) nogil
    void __builtin_prefetch(const void*) nogil


cdef object DIGITS = re.compile(r"[0-9A-F]{8}")


cdef inline uint64_t spread(uint64_t value) noexcept nogil:
    value ^= value >> 32
    value *= <uint64_t>0x9E3779B97F4A7C15
    return value ^ (value >> 29)


cdef bytes from_digits(str key):
    try:
        return bytes.fromhex(key)
    except ValueError:
        raise ValueError("key: not hexadecimal digits") from None


cdef bytes checked(object key):
    """A key as bytes. Raises TypeError or ValueError naming the rule, never the key."""
    if isinstance(key, str):
        key = from_digits(key)
    if not isinstance(key, (bytes, bytearray, memoryview)):
        raise TypeError(f"key: {type(key).__name__}, must be bytes")
    key = bytes(key)
    if len(key) not in (8, 16):
        raise ValueError(f"key: {len(key)} bytes, must be 16 (AES) or 8 (DES, PRIOS)")
    return key


cdef class Keyring:
    """Keys by meter, by fleet rule and by default.

    ``Keyring({address: key, "KAM-76348799-1B-16": key})`` takes addresses or their text and keys as bytes
    or hexadecimal digits. Order of use: the keys of the exact meter, those of its eight digits, every rule
    that covers it (in the order they were added), the default.

    Raises ValueError for a key of a wrong length or an address of a wrong form.
    """

    def __cinit__(self):
        self.mask = 63
        self.slots = <Slot*>sgc_table((self.mask + 1) * sizeof(Slot))
        if self.slots == NULL:
            raise MemoryError
        self.more = {}
        self.numbers = {}
        self.rules = []

    def __init__(self, keys=None, default=None):
        if default is not None:
            self.default = checked(default)
        if keys is not None:
            for address, key in keys.items():
                self.add(address, key)

    def __dealloc__(self):
        free(self.slots)

    def __len__(self):
        return self.meters

    def add(self, address, key):
        """Add a key for one meter; a second one for the same meter is tried after the first."""
        cdef Address exact = Address.parse(address) if isinstance(address, str) else address
        self.put(exact.packed, checked(key))

    def add_number(self, key, id, *, manufacturer=None, version=None, type=None):
        """Add a key for the meter with these eight digits, where a list tells no more than that."""
        if not DIGITS.fullmatch(id):
            raise ValueError(f"id: {id!r} is not eight digits")
        known = self.numbers.setdefault(id, [])
        known.append((checked(key), manufacturer, version, type, None))

    def add_rule(self, key, *, manufacturer=None, version=None, type=None, ids=None):
        """Add a key for every meter with this manufacturer, version, type and id in ``ids`` (first, last)."""
        if ids is not None and not ids[0] <= ids[1]:
            raise ValueError(f"ids: {ids[0]} to {ids[1]} is no range")
        self.rules.append((checked(key), manufacturer, version, type, ids))

    def keys_for(self, Address address not None):
        """Every key to try for a meter, in order."""
        cdef const Slot* slot = self.find(address.packed)
        found = [] if slot == NULL else [slot.key[: slot.size]]
        return found + self.others(address.packed)

    cdef const Slot* find(self, uint64_t packed) noexcept nogil:
        cdef uint64_t at = spread(packed) & self.mask
        while self.slots[at].meter:
            if self.slots[at].meter == packed + 1:
                return &self.slots[at]
            at = (at + 1) & self.mask
        return NULL

    cdef void expect(self, uint64_t packed) noexcept nogil:
        """Bring a meter's place in the table nearer: it will be asked for soon."""
        __builtin_prefetch(&self.slots[spread(packed) & self.mask])

    cdef object others(self, uint64_t packed):
        """The keys of a meter behind its first one."""
        found = []
        if self.more:
            found += self.more.get(packed, ())
        if self.numbers or self.rules:
            address = unpack(packed)
            found += [rule[0] for rule in self.numbers.get(address.id, ()) if covers(rule, address)]
            found += [rule[0] for rule in self.rules if covers(rule, address)]
        if self.default is not None:
            found.append(self.default)
        return found

    cdef void put(self, uint64_t packed, bytes key) except *:
        cdef uint64_t at
        if 2 * (self.meters + 1) > <Py_ssize_t>self.mask:
            self.grow()
        at = spread(packed) & self.mask
        while self.slots[at].meter:
            if self.slots[at].meter == packed + 1:
                if key != <bytes>self.slots[at].key[: self.slots[at].size]:
                    self.more.setdefault(packed, []).append(key)
                return
            at = (at + 1) & self.mask
        self.slots[at].meter = packed + 1
        self.slots[at].index = <int32_t>self.meters
        self.slots[at].size = <uint8_t>len(key)
        memcpy(self.slots[at].key, <const uint8_t*>key, len(key))
        self.meters += 1

    cdef void grow(self) except *:
        cdef uint64_t i, at, mask = 2 * self.mask + 1
        cdef Slot* slots = <Slot*>sgc_table((mask + 1) * sizeof(Slot))
        if slots == NULL:
            raise MemoryError
        for i in range(self.mask + 1):
            if self.slots[i].meter:
                at = spread(self.slots[i].meter - 1) & mask
                while slots[at].meter:
                    at = (at + 1) & mask
                slots[at] = self.slots[i]
        free(self.slots)
        self.slots = slots
        self.mask = mask


cdef bint covers(tuple rule, Address address):
    _, manufacturer, version, type, ids = rule
    return (
        (manufacturer is None or manufacturer == address.manufacturer)
        and (version is None or version == address.version)
        and (type is None or type == address.type)
        and (ids is None or ids[0] <= address.id <= ids[1])
    )


cdef object keys_of(object provider, uint64_t packed):
    """The keys that any kind of provider has for a meter: bytes, mapping, or ``keys_for(address)``."""
    cdef Address address
    if provider is None:
        return ()
    if isinstance(provider, bytes):
        return (provider,)
    address = unpack(packed)
    if hasattr(provider, "keys_for"):
        return tuple(provider.keys_for(address))
    for name in (address, str(address), address.id):
        key = provider.get(name)
        if key is not None:
            return (key,) if isinstance(key, (bytes, str)) else tuple(key)
    return ()
