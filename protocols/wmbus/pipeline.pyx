"""From a frame to its records, one layer after the other, pausing where a key is wanted.

``begin`` reads until a key is needed or everything is read and says which (``Step``). The caller then
``offer``s keys until one fits or gives up with ``go_without_key``.
"""

from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memset

from protocols.wmbus.afl cimport read_afl
from protocols.wmbus.codes cimport (
    D_ALREADY_DECRYPTED,
    D_ELL_CRC,
    D_FRAGMENT,
    D_INCONSISTENT,
    D_KEY_MISSING,
    D_KEY_WRONG,
    D_MODE_UNSUPPORTED,
    D_NO_PAYLOAD,
    D_RECEPTION,
    D_SOFT_ADDRESS,
    D_UNAUTHENTICATED,
    E_NO_CI,
)
from protocols.wmbus.ell cimport ell_crc_holds, is_ell, read_ell
from protocols.wmbus.link cimport read_link
from protocols.wmbus.nwl cimport read_nwl
from protocols.wmbus.records cimport walk
from protocols.wmbus.security cimport open_ell, open_tpl, plain_under_seal, seal_of
from protocols.wmbus.structs cimport (
    APP_MANUFACTURER,
    APP_RECORDS,
    CRC_ABSENT,
    LINK_WIRED,
    Rec,
    SEC_KEY_MISSING,
    SEC_KEY_WRONG,
    SEC_UNSUPPORTED,
    STEP_DONE,
    STEP_FAILED,
    STEP_KEY_ELL,
    STEP_KEY_TPL,
    Tele,
    diag,
    fail,
)
from protocols.wmbus.tpl cimport read_tpl

cdef enum:
    CI_AFL = 0x90
    CI_NWL = 0x81
    ELL_AES_CTR = 1
    MODE_ELL = 100


cdef void prepare(Tele* t, uint8_t* buf, int32_t cap, Rec* recs, int32_t max_recs) noexcept nogil:
    """Set up a telegram over buffers that the caller owns."""
    memset(t, 0, sizeof(Tele))
    t.buf = buf
    t.cap = cap
    t.recs = recs
    t.max_recs = max_recs


cdef int begin(Tele* t, const uint8_t* frame, int32_t size, int form) noexcept nogil:
    """Read a frame as far as no key is needed; a Step."""
    read_link(t, frame, size, form)
    if t.error:
        return STEP_FAILED
    if t.has_meter and t.dll[1] & 0x80:
        diag(t, D_SOFT_ADDRESS, 0, 0)
    return read_layers(t, t.body)


cdef int read_layers(Tele* t, int32_t at) noexcept nogil:
    """The layers from the CI field at ``at`` on."""
    cdef int ci
    while at < t.end:
        ci = t.buf[at]
        if is_ell(ci) and not t.ell:
            at = read_ell(t, at)
            if at >= 0 and t.ell_crc:
                if ell_crc_holds(t):
                    if t.ell_security:
                        diag(t, D_ALREADY_DECRYPTED, MODE_ELL, 0)
                elif t.ell_security == ELL_AES_CTR:
                    t.security_mode = MODE_ELL
                    return STEP_KEY_ELL
                else:
                    diag(t, D_ELL_CRC, t.ell_security, 0)
                    t.security = SEC_UNSUPPORTED if t.ell_security else 0
                    return finish(t)
        elif ci == CI_AFL and not t.afl:
            at = read_afl(t, at)
            if at >= 0 and (t.afl_more or t.afl_fragment > 1):
                diag(t, D_FRAGMENT, t.afl_fragment, t.afl_more)
                return finish(t)
        elif ci == CI_NWL and not t.nwl:
            at = read_nwl(t, at)
        else:
            return read_transport(t, at)
        if at < 0:
            return STEP_FAILED
    if t.link == LINK_WIRED:
        return finish(t)
    fail(t, E_NO_CI, t.body, t.end)
    return STEP_FAILED


cdef int read_transport(Tele* t, int32_t at) noexcept nogil:
    read_tpl(t, at)
    if t.error:
        return STEP_FAILED
    if t.mode == 0 or t.header == 0:
        return read_application(t)
    t.security_mode = t.mode
    if t.mode >= 16:
        # Manufacturer-specific modes: nothing says which bytes they seal.
        return read_application(t)
    seal_of(t)
    if t.sealed == 0:
        return read_application(t)
    if plain_under_seal(t):
        diag(t, D_ALREADY_DECRYPTED, t.mode, 0)
        return read_application(t)
    if t.mode not in (2, 3, 5, 7, 10):
        t.security = SEC_UNSUPPORTED
        diag(t, D_MODE_UNSUPPORTED, t.mode, 0)
        return finish(t)
    return STEP_KEY_TPL


cdef int offer(Tele* t, const uint8_t* key, int size) noexcept nogil:
    """Try a key for what ``begin`` paused at; STEP_DONE or a later Step if it fits, else the same Step."""
    if t.tpl_at == 0:
        if not open_ell(t, key, size):
            return STEP_KEY_ELL
        return read_layers(t, t.ell_crc + 2)
    if not open_tpl(t, key, size):
        return STEP_KEY_TPL
    return read_application(t)


cdef void go_without_key(Tele* t, int keys_tried) noexcept nogil:
    """Give up on what is sealed, saying whether a key was missing or did not fit."""
    if keys_tried:
        t.security = SEC_KEY_WRONG
        diag(t, D_KEY_WRONG, keys_tried, t.security_mode)
        if t.crc == CRC_ABSENT:
            diag(t, D_RECEPTION, 0, 0)
    else:
        t.security = SEC_KEY_MISSING
        diag(t, D_KEY_MISSING, t.security_mode, 0)
    finish(t)


cdef int read_application(Tele* t) noexcept nogil:
    if t.app == APP_RECORDS:
        walk(t, t.payload, t.end - t.tag_size)
        if t.n_recs == 0 and t.mfct == 0:
            diag(t, D_NO_PAYLOAD, t.end - t.payload, 0)
    return finish(t)


cdef int finish(Tele* t) noexcept nogil:
    t.step = STEP_DONE
    return STEP_DONE
