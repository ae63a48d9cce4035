# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The bench's tariff written by hand, every number a constant: the bound that the general kernel is measured against.

Two prices of one quarter (41 and 49 days), a fixed fee by calibre and four blocks, VAT 10 % on the sum: the tariff of
billing.rating.bench, itemised like the kernel does. Only the bench and its test use it.
"""

from libc.stdint cimport int32_t, int64_t

# Limits in litres for each part of the quarter: 18, 30 and 48 m³ times 41/90 and 49/90.
cdef enum:
    A1 = 8200
    A2 = 13667
    A3 = 21867
    B1 = 9800
    B2 = 16333
    B3 = 26133


cdef inline int64_t cents(int64_t litres, int64_t micro) noexcept nogil:
    """Litres at micro-euros a m³, half up to the cent."""
    return (2 * litres * micro + 10_000_000) / 20_000_000


cdef inline Py_ssize_t put(
    int32_t[::1] slots, int64_t[::1] quantities, int64_t[::1] amounts, Py_ssize_t at, int32_t slot, int64_t litres,
    int64_t amount,
) noexcept nogil:
    slots[at] = slot
    quantities[at] = litres
    amounts[at] = amount
    return at + 1


def run(
    const int32_t[::1] klass not None,
    const int64_t[::1] litres not None,
    const int64_t[:, ::1] fees not None,
    int32_t[::1] slots not None,
    int64_t[::1] quantities not None,
    int64_t[::1] amounts not None,
    int64_t[::1] offsets not None,
    int64_t[::1] base not None,
    int64_t[::1] vat not None,
    int64_t[::1] total not None,
) -> int:
    """Rate every contract; ``fees[klass]`` are the two parts of the fixed fee in cents. Returns the number of lines."""
    cdef Py_ssize_t i, at, first
    cdef int64_t a, b, q, sum_
    at = 0
    with nogil:
        for i in range(klass.shape[0]):
            first = at
            offsets[i] = first
            at = put(slots, quantities, amounts, at, 0, 0, fees[klass[i], 0])
            at = put(slots, quantities, amounts, at, 1, 0, fees[klass[i], 1])
            a = (2 * litres[i] * 41 + 90) / 180
            b = litres[i] - a
            if a > 0:
                q = a if a < A1 else A1
                at = put(slots, quantities, amounts, at, 2, q, cents(q, 420_000))
            if a > A1:
                q = (a if a < A2 else A2) - A1
                at = put(slots, quantities, amounts, at, 3, q, cents(q, 840_000))
            if a > A2:
                q = (a if a < A3 else A3) - A2
                at = put(slots, quantities, amounts, at, 4, q, cents(q, 1_180_000))
            if a > A3:
                at = put(slots, quantities, amounts, at, 5, a - A3, cents(a - A3, 1_570_000))
            if b > 0:
                q = b if b < B1 else B1
                at = put(slots, quantities, amounts, at, 6, q, cents(q, 435_500))
            if b > B1:
                q = (b if b < B2 else B2) - B1
                at = put(slots, quantities, amounts, at, 7, q, cents(q, 871_000))
            if b > B2:
                q = (b if b < B3 else B3) - B2
                at = put(slots, quantities, amounts, at, 8, q, cents(q, 1_223_600))
            if b > B3:
                at = put(slots, quantities, amounts, at, 9, b - B3, cents(b - B3, 1_628_000))
            sum_ = 0
            for first in range(first, at):
                sum_ += amounts[first]
            base[i] = sum_
            vat[i] = (2 * sum_ * 10 + 100) / 200
            total[i] = sum_ + vat[i]
        offsets[klass.shape[0]] = at
    return at
