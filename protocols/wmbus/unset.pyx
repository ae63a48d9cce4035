"""Marks what a family sends where there is nothing to send: listed as it came, but no field and no register."""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcmp

from protocols.wmbus.driver_tables cimport UNSET_QUANTITY, Alarm, Label
from protocols.wmbus.records cimport qualify
from protocols.wmbus.structs cimport FLAG_SYNTHETIC, KIND_NUMBER, Rec, Tele
from protocols.wmbus.vif cimport L_UNSET


cdef void mark_unset(Tele* t, const Alarm* rule, const Label* values) noexcept nogil:
    """Mark the records that a rule speaks of and whose unscaled number is one of its values."""
    cdef int32_t i, k, n
    cdef Rec* r
    for i in range(t.n_recs):
        r = &t.recs[i]
        n = r.data - r.head - (1 if r.coding == 0x0D else 0)
        if r.kind != KIND_NUMBER or r.flags & FLAG_SYNTHETIC:
            continue
        if rule.source == UNSET_QUANTITY:
            if r.quantity != rule.quantity:
                continue
        elif n != rule.header_size or memcmp(t.buf + r.head, rule.header, n) != 0:
            continue
        for k in range(rule.n_labels):
            if r.mantissa == <int64_t>values[k].value:
                qualify(r, L_UNSET)
