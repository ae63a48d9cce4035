# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The rating kernel: flat integer tables in, lines and totals of many contracts out, no Python inside the loop.

Amounts are whole units of 10^-decimals euros (cents by default), water is whole litres. A price is an exact ratio n/d
of units per litre, so every line is one integer division. Bounds are proven when the tables are made
(billing.rating.tables), so nothing here can overflow.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    static inline uint64_t sgc_mulhi(uint64_t a, uint64_t b) {
        return (uint64_t)(((unsigned __int128)a * b) >> 64);
    }
    """
    uint64_t sgc_mulhi(uint64_t a, uint64_t b) nogil

# Kinds of steps, volumes, rounding modes and outcomes; billing.rating.tables uses the same numbers.
cdef enum:
    FIXED = 0
    WATER = 1
    PERCENT = 2

cdef enum:
    ALL = 0
    WITHOUT_LEAK = 1
    LEAK_EXCESS = 2

cdef enum:
    HALF_UP = 0
    HALF_EVEN = 1
    DOWN = 2
    UP = 3

cdef enum:
    OK = 0
    MISSING_PRICE = 1
    MISSING_REFERENCE = 2
    SLOW = 3

# Columns of the tables.
cdef enum:
    S_KIND = 0
    S_VAT = 1
    S_FIRST = 2
    S_LAST = 3
    S_WHOLE = 4
    S_VOLUME = 5
    S_MINIMUM = 6
    S_SLOT = 7
    S_REBATE = 8
    S_END = 9
    S_TERM = 10
    S_TERM_END = 11
    S_MAGIC = 12
    S_LIMIT = 13

cdef enum:
    L_LOWER = 0
    L_UPPER = 1
    L_N = 2
    L_D = 3
    L_FULL = 4
    L_MISSING = 5
    L_MAGIC = 6
    L_LIMIT = 7

cdef enum:
    P_STEP = 0
    P_END = 1
    P_SLOT = 2
    P_SLOTS = 3
    P_MODE = 4
    P_CENT = 5
    P_PER_LINE = 6
    P_PERCENTS = 7
    P_REFERENCE = 8
    P_SLOW = 9
    P_LEAK = 10

cdef int VATS = 6
cdef int64_t[6] RATES
RATES[:] = [21, 10, 4, 0, 0, 0]


cdef inline int64_t divide(int64_t numerator, int64_t denominator, int64_t mode) noexcept nogil:
    """A ratio as a whole number; ties of HALF_UP go away from zero."""
    cdef int64_t size = -numerator if numerator < 0 else numerator
    cdef int64_t quotient = size / denominator
    cdef int64_t twice = 2 * (size - quotient * denominator)
    if mode == HALF_UP:
        quotient += twice >= denominator
    elif mode == HALF_EVEN:
        quotient += twice > denominator or (twice == denominator and (quotient & 1) == 1)
    elif mode == UP:
        quotient += twice > 0
    return -quotient if numerator < 0 else quotient


cdef inline int64_t quick(
    int64_t numerator, int64_t denominator, int64_t magic, int64_t limit, int64_t mode
) noexcept nogil:
    """``divide`` without a division where that is proven equal.

    Half up of x/d is floor((2x + d) / 2d). With m = floor(2^64 / 2d) + 1 the high word of y * m is floor(y / 2d) for
    every y below 2^64 / 2d, which ``limit`` holds.
    """
    cdef uint64_t doubled
    if mode == HALF_UP and numerator >= 0:
        doubled = 2 * <uint64_t>numerator + <uint64_t>denominator
        if doubled < <uint64_t>limit:
            return <int64_t>sgc_mulhi(doubled, <uint64_t>magic)
    return divide(numerator, denominator, mode)


cdef inline int64_t chosen(int64_t volume, int64_t litres, int64_t reference) noexcept nogil:
    """The litres a step bills; without a reference there is no leak."""
    cdef int64_t usual = litres
    if volume == ALL:
        return litres
    if 0 <= reference < litres:
        usual = reference
    return usual if volume == WITHOUT_LEAK else litres - usual


cdef inline int64_t part(const int64_t[:, ::1] steps, Py_ssize_t s, int64_t litres) noexcept nogil:
    """The litres that fall in a step's stretch of time, by days."""
    cdef int64_t whole = steps[s, S_WHOLE]
    cdef int64_t upto = litres
    cdef int64_t before = 0
    if steps[s, S_LAST] != whole:
        upto = quick(litres * steps[s, S_LAST], whole, steps[s, S_MAGIC], steps[s, S_LIMIT], HALF_UP)
    if steps[s, S_FIRST] != 0:
        before = quick(litres * steps[s, S_FIRST], whole, steps[s, S_MAGIC], steps[s, S_LIMIT], HALF_UP)
    return upto - before


cdef inline int64_t priced(const int64_t[:, ::1] slots, Py_ssize_t slot, int64_t litres, int64_t mode) noexcept nogil:
    """The amount of some litres at one slot's price."""
    return quick(litres * slots[slot, L_N], slots[slot, L_D], slots[slot, L_MAGIC], slots[slot, L_LIMIT], mode)


cdef class Writer:
    """Where the lines of a batch go, one after another, and the totals of each contract."""

    cdef int32_t[::1] slots
    cdef int64_t[::1] quantities
    cdef int64_t[::1] amounts
    cdef int64_t[::1] scratch
    cdef int64_t[6] base
    cdef int64_t[6] vat
    cdef Py_ssize_t at

    def __init__(
        self, int32_t[::1] slots, int64_t[::1] quantities, int64_t[::1] amounts, int64_t[::1] scratch
    ) -> None:
        self.slots = slots
        self.quantities = quantities
        self.amounts = amounts
        self.scratch = scratch
        self.at = 0


cdef inline void emit(
    Writer out,
    const int64_t[:, ::1] plans,
    Py_ssize_t plan,
    int64_t vat,
    Py_ssize_t slot,
    int64_t quantity,
    int64_t amount,
) noexcept nogil:
    """Write one line and add it to its VAT rate."""
    out.slots[out.at] = <int32_t>slot
    out.quantities[out.at] = quantity
    out.amounts[out.at] = amount
    out.at += 1
    out.base[vat] += amount
    if plans[plan, P_PER_LINE]:
        out.vat[vat] += divide(amount * RATES[vat], 100 * plans[plan, P_CENT], HALF_UP)
    if plans[plan, P_PERCENTS]:
        out.scratch[slot - plans[plan, P_SLOT]] = amount


cdef inline int water(
    Writer out,
    const int64_t[:, ::1] plans,
    Py_ssize_t plan,
    const int64_t[:, ::1] steps,
    Py_ssize_t s,
    const int64_t[:, ::1] slots,
    int64_t litres,
    int64_t reference,
) noexcept nogil:
    """The lines of one component's blocks; MISSING_PRICE when they reach a price that was never published."""
    cdef int64_t mode = plans[plan, P_MODE]
    cdef int64_t vat = steps[s, S_VAT]
    cdef int64_t billed = part(steps, s, chosen(steps[s, S_VOLUME], litres, reference))
    cdef int64_t lower, upper, amount
    cdef Py_ssize_t slot
    if billed < steps[s, S_MINIMUM]:
        billed = steps[s, S_MINIMUM]
    for slot in range(steps[s, S_SLOT], steps[s, S_REBATE]):
        lower = slots[slot, L_LOWER]
        upper = slots[slot, L_UPPER]
        if billed <= lower:
            break
        if lower == upper:
            continue
        if slots[slot, L_MISSING]:
            return MISSING_PRICE
        if 0 <= upper <= billed:
            emit(out, plans, plan, vat, slot, upper - lower, slots[slot, L_FULL])
        else:
            amount = priced(slots, slot, billed - lower, mode)
            emit(out, plans, plan, vat, slot, billed - lower, amount)
    for slot in range(steps[s, S_REBATE], steps[s, S_END]):
        if billed > 0 and (slots[slot, L_UPPER] < 0 or billed <= slots[slot, L_UPPER]):
            emit(out, plans, plan, vat, slot, billed, priced(slots, slot, billed, mode))
    return OK


cdef inline void percent(
    Writer out,
    const int64_t[:, ::1] plans,
    Py_ssize_t plan,
    const int64_t[:, ::1] steps,
    Py_ssize_t s,
    const int64_t[:, ::1] slots,
    const int64_t[:, ::1] terms,
) noexcept nogil:
    """A percentage of lines already written: sum of amount times weight, one rounding."""
    cdef int64_t base = 0
    cdef Py_ssize_t t
    cdef Py_ssize_t slot = steps[s, S_SLOT]
    for t in range(steps[s, S_TERM], steps[s, S_TERM_END]):
        base += out.scratch[terms[t, 0]] * terms[t, 1]
    if base != 0:
        emit(
            out, plans, plan, steps[s, S_VAT], slot, base,
            divide(base * slots[slot, L_N], slots[slot, L_D], plans[plan, P_MODE]),
        )


cdef inline int contract(
    Writer out,
    const int64_t[:, ::1] plans,
    Py_ssize_t plan,
    const int64_t[:, ::1] steps,
    const int64_t[:, ::1] slots,
    const int64_t[:, ::1] terms,
    int64_t litres,
    int64_t reference,
) noexcept nogil:
    """Every step of one contract; what came out of it."""
    cdef Py_ssize_t s
    cdef int outcome
    if plans[plan, P_SLOW]:
        return SLOW
    if plans[plan, P_REFERENCE] and reference < 0:
        return MISSING_REFERENCE
    for s in range(plans[plan, P_STEP], plans[plan, P_END]):
        if steps[s, S_KIND] == FIXED:
            emit(out, plans, plan, steps[s, S_VAT], steps[s, S_SLOT], 0, slots[steps[s, S_SLOT], L_FULL])
        elif steps[s, S_KIND] == WATER:
            outcome = water(out, plans, plan, steps, s, slots, litres, reference)
            if outcome != OK:
                return outcome
        else:
            percent(out, plans, plan, steps, s, slots, terms)
    return OK


def run(
    const int64_t[:, ::1] plans not None,
    const int64_t[:, ::1] steps not None,
    const int64_t[:, ::1] slots not None,
    const int64_t[:, ::1] terms not None,
    const int32_t[::1] klass not None,
    const int64_t[::1] litres not None,
    const int64_t[::1] reference not None,
    Writer out not None,
    int64_t[::1] offsets not None,
    int64_t[:, ::1] base not None,
    int64_t[:, ::1] vat not None,
    int64_t[::1] total not None,
    int32_t[::1] status not None,
) -> int:
    """Rate every contract; lines go to ``out``, line ``offsets[i]`` to ``offsets[i + 1]`` being contract ``i``'s.

    ``base``, ``vat`` (one column for each VAT code) and ``total`` are whole cents. ``status`` is 0, or why a contract
    has no lines: 1 a price missing from the source, 2 a leak without reference, 3 a formula only the explained path
    knows. Returns the number of lines.
    """
    cdef Py_ssize_t i, v, plan, start, local
    cdef int64_t cent, usual
    with nogil:
        for i in range(klass.shape[0]):
            plan = klass[i]
            start = out.at
            offsets[i] = start
            for v in range(VATS):
                out.base[v] = 0
                out.vat[v] = 0
            if plans[plan, P_PERCENTS]:
                for local in range(plans[plan, P_SLOTS]):
                    out.scratch[local] = 0
            usual = reference[i] if plans[plan, P_LEAK] else -1
            status[i] = contract(out, plans, plan, steps, slots, terms, litres[i], usual)
            if status[i] != OK:
                out.at = start
                continue
            cent = plans[plan, P_CENT]
            total[i] = 0
            for v in range(VATS):
                base[i, v] = out.base[v] if cent == 1 else divide(out.base[v], cent, HALF_UP)
                if plans[plan, P_PER_LINE]:
                    vat[i, v] = out.vat[v]
                elif RATES[v] != 0:
                    vat[i, v] = divide(out.base[v] * RATES[v], 100 * cent, HALF_UP)
                else:
                    vat[i, v] = 0
                total[i] += base[i, v] + vat[i, v]
        offsets[klass.shape[0]] = out.at
    return out.at
