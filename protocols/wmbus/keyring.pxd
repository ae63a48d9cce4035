from libc.stdint cimport int32_t, uint8_t, uint64_t

cdef struct Slot:
    uint64_t meter          # packed address + 1; 0 marks a free slot
    int32_t index           # how many meters were added before
    uint8_t size
    uint8_t key[16]


cdef class Keyring:
    cdef Slot* slots
    cdef uint64_t mask
    cdef readonly Py_ssize_t meters
    cdef dict more
    cdef dict numbers
    cdef list rules
    cdef readonly bytes default
    cdef const Slot* find(self, uint64_t packed) noexcept nogil
    cdef void expect(self, uint64_t packed) noexcept nogil
    cdef object others(self, uint64_t packed)
    cdef void put(self, uint64_t packed, bytes key) except *
    cdef void grow(self) except *

cdef bytes from_digits(str key)
cdef bytes checked(object key)
cdef object keys_of(object provider, uint64_t packed)
