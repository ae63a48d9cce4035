"""Network layer of repeated telegrams (EN 13757-5, CI 81): skipped to the transport layer behind it."""

from libc.stdint cimport int32_t

from protocols.wmbus.codes cimport E_LAYER_SHORT
from protocols.wmbus.structs cimport Tele, fail


cdef int32_t read_nwl(Tele* t, int32_t at) noexcept nogil:
    """Read the layer whose CI field is at ``at``; the offset of the next CI field, or -1.

    One control byte is taken to follow the CI field, as for a hop without a listed route. No public telegram shows
    this layer, and what follows is only read where it starts with a known CI field.
    """
    cdef int32_t next_at
    t.nwl = t.buf[at]
    t.nwl_at = at
    if at + 2 > t.end:
        fail(t, E_LAYER_SHORT, t.nwl, t.end - at)
        return -1
    next_at = at + 2
    t.nwl_end = next_at
    return next_at
