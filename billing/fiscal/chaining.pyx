"""The chained hashes of a whole run: a million are made one after the other while nothing else of the run can go on.

The text that is hashed is that of billing.fiscal.hashing.hash_issue, which says where it comes from.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

# Linked by its run-time name, as in protocols/wmbus/crypto.pxd.
cdef extern from *:
    """
    #include <stddef.h>
    extern unsigned char *SHA256(const unsigned char *data, size_t size, unsigned char *digest);
    """
    uint8_t *SHA256(const uint8_t *data, size_t size, uint8_t *digest) nogil

cdef enum:
    DIGEST = 32
    LONGEST_AMOUNT = 24

cdef const char *HEX = "0123456789ABCDEF"


cdef inline uint8_t *put(uint8_t *to, bytes text) noexcept:
    memcpy(to, PyBytes_AS_STRING(text), len(text))
    return to + len(text)


cdef inline uint8_t *put_cents(uint8_t *to, int64_t cents) noexcept nogil:
    """Euros with a point and two decimals."""
    cdef uint64_t rest = <uint64_t>cents
    cdef uint8_t[LONGEST_AMOUNT] digits
    cdef int count = 0
    if cents < 0:
        rest = 0 - rest
        to[0] = c"-"
        to += 1
    while rest or count < 3:
        digits[count] = <uint8_t>(c"0" + rest % 10)
        rest //= 10
        count += 1
    while count:
        count -= 1
        to[0] = digits[count]
        to += 1
        if count == 2:
            to[0] = c"."
            to += 1
    return to


cdef inline uint8_t *put_hex(uint8_t *to, const uint8_t *digest) noexcept nogil:
    cdef int at
    for at in range(DIGEST):
        to[2 * at] = HEX[digest[at] >> 4]
        to[2 * at + 1] = HEX[digest[at] & 15]
    return to + 2 * DIGEST


def chain_amounts(
    str nif, list numbers, str issued, const int64_t[::1] vat, const int64_t[::1] total, str previous, str stamp
):
    """Digests (32 bytes each, end to end) of the records of issue (F1) of a run's invoices in order.

    Amounts are in cents, all else as ``hash_issue`` takes it. ValueError where there are not as many of each.
    """
    cdef Py_ssize_t count = len(numbers), at
    if vat.shape[0] != count or total.shape[0] != count:
        said = f"{vat.shape[0]} amounts of VAT and {total.shape[0]} totals"
        raise ValueError(f"numbers {count}: must be as many as amounts, {said}")
    cdef list texts = [number.encode() for number in numbers]
    cdef bytes head = f"IDEmisorFactura={nif}&NumSerieFactura=".encode()
    cdef bytes middle = f"&FechaExpedicionFactura={issued}&TipoFactura=F1&CuotaTotal=".encode()
    cdef bytes tail = f"&FechaHoraHusoGenRegistro={stamp}".encode()
    cdef bytes before_total = b"&ImporteTotal=", before_hash = b"&Huella=", first = previous.encode()
    cdef Py_ssize_t longest = max(map(len, texts), default=0)
    cdef bytes digests = PyBytes_FromStringAndSize(NULL, DIGEST * count)
    cdef uint8_t *out = <uint8_t *>PyBytes_AS_STRING(digests)
    cdef uint8_t *text = <uint8_t *>malloc(
        len(head) + len(middle) + len(tail) + len(before_total) + len(before_hash) + len(first)
        + longest + 2 * LONGEST_AMOUNT + 2 * DIGEST
    )
    cdef uint8_t *to
    if text == NULL:
        raise MemoryError
    for at in range(count):
        to = put(put(put(text, head), <bytes>texts[at]), middle)
        to = put(put_cents(to, vat[at]), before_total)
        to = put(put_cents(to, total[at]), before_hash)
        to = put_hex(to, out + DIGEST * (at - 1)) if at else put(to, first)
        to = put(to, tail)
        SHA256(text, to - text, out + DIGEST * at)
    free(text)
    return digests
