from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t

from protocols.wmbus.structs cimport Rec, Tele


cdef class Text:
    cdef char* data
    cdef size_t size
    cdef size_t room
    cdef void clear(self) noexcept
    cdef int grow(self, size_t more) except -1
    cdef int put_bytes(self, bytes text) except -1
    cdef bytes taken(self)

cdef int write_telegram(Text out, Tele* t, bytes ref) except -1
cdef int write_failure(Text out, bytes ref, object error) except -1
