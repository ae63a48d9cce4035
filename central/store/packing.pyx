"""Rows in PostgreSQL's binary COPY format, put together from columns."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

VARIABLE = -2

cdef struct Column:
    const uint8_t *data
    const int64_t *ends
    int64_t width
    int64_t step


cdef inline void put_length(uint8_t *out, int64_t width) noexcept nogil:
    out[0] = (width >> 24) & 0xFF
    out[1] = (width >> 16) & 0xFF
    out[2] = (width >> 8) & 0xFF
    out[3] = width & 0xFF


def pack_rows(int64_t count, list columns):
    """The rows of ``columns``: for each column its bytes, its width (-1: NULL), the step from one row to the next
    (0: the same for all) and, where the width is VARIABLE, an int64 array of count + 1 offsets."""
    cdef Py_ssize_t fields = len(columns)
    cdef Column *known = <Column *>malloc(fields * sizeof(Column))
    cdef int64_t row, total, width, start
    cdef Py_ssize_t field
    cdef const int64_t[::1] ends
    cdef bytes out
    cdef uint8_t *to
    if known == NULL:
        raise MemoryError
    try:
        total = count * (2 + 4 * fields)
        for field in range(fields):
            data, width, start, offsets = columns[field]
            known[field].data = <const uint8_t *>PyBytes_AS_STRING(data)
            known[field].width = width
            known[field].step = start
            known[field].ends = NULL
            if width == -2:
                ends = offsets
                if ends.shape[0] != count + 1 or ends[count] > len(data) or ends[0] < 0:
                    raise ValueError(f"column {field}: {ends.shape[0]} offsets do not fit {count} rows")
                known[field].ends = &ends[0]
                total += ends[count] - ends[0]
            elif width >= 0:
                if len(data) < (width + start * (count - 1) if count else 0):
                    raise ValueError(f"column {field}: {len(data)} bytes are too few for {count} rows")
                total += count * width
        out = PyBytes_FromStringAndSize(NULL, total)
        to = <uint8_t *>PyBytes_AS_STRING(out)
        with nogil:
            for row in range(count):
                to[0] = (fields >> 8) & 0xFF
                to[1] = fields & 0xFF
                to += 2
                for field in range(fields):
                    width = known[field].width
                    start = row * known[field].step
                    if width == -2:
                        start = known[field].ends[row]
                        width = known[field].ends[row + 1] - start
                    put_length(to, width)
                    to += 4
                    if width > 0:
                        memcpy(to, known[field].data + start, width)
                        to += width
        return out
    finally:
        free(known)
