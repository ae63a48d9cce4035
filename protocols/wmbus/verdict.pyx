"""Texts about a telegram: why it is not ok, and units that it brings itself."""

from libc.stdint cimport uint8_t

from protocols.wmbus.structs cimport FLAG_PLAIN, Rec, Tele

from protocols.wmbus import messages


cdef object error_of(const Tele* t):
    """Why a telegram is not ok, or None."""
    cdef int i
    if t.error:
        return messages.error_text(t.error, t.error_a, t.error_b)
    if t.security <= 1 and not t.incomplete:
        return None
    for i in range(t.n_diags):
        code, text = messages.diagnostic(t.diags[i].code, t.diags[i].a, t.diags[i].b)
        if code in messages.FATAL:
            return text
    return "telegram: not read"


cdef list diagnostics_of(const Tele* t):
    """(code, text) of everything worth knowing about how a telegram was read; what stopped it comes first."""
    cdef int i
    found = []
    if t.error:
        found.append((messages.ERRORS[t.error][0], messages.error_text(t.error, t.error_a, t.error_b)))
    for i in range(t.n_diags):
        found.append(messages.diagnostic(t.diags[i].code, t.diags[i].a, t.diags[i].b))
    return found


cdef object unit_text(const Tele* t, const Rec* r):
    """A unit that was sent as text (its length, then its letters, the last one first), or None."""
    cdef const uint8_t* p = t.buf + r.vif + 1
    return p[1 : 1 + p[0]][::-1].decode("latin-1") if r.flags & FLAG_PLAIN else None
