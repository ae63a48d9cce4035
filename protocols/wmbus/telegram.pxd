from libc.stdint cimport uint8_t

from protocols.wmbus.structs cimport Rec, Tele


cdef class Record:
    cdef Rec rec
    cdef Telegram telegram


cdef class Telegram:
    cdef Tele t
    cdef uint8_t* memory
    cdef tuple _records
    cdef object _meter
    cdef object _fields
    cdef void keep(self, const Tele* source) except *

cdef Record record_over(const Tele* t, const Rec* r)
