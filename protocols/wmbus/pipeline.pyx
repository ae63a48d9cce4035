"""From a frame to its records, one layer after the other, pausing where a key is wanted.

``begin`` reads until a key is needed or everything is read and says which (``Step``). The caller then
``offer``s keys until one fits or gives up with ``go_without_key``.
"""

from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memset

from protocols.wmbus.afl cimport read_afl
from protocols.wmbus.air cimport air_form, from_air, has_damaged_sync
from protocols.wmbus.codes cimport (
    D_ALARM,
    D_ALREADY_DECRYPTED,
    D_ELL_CRC,
    D_FRAGMENT,
    D_KEY_MISSING,
    D_KEY_WRONG,
    D_MODE_UNSUPPORTED,
    D_NO_PAYLOAD,
    D_RECEPTION,
    D_SOFT_ADDRESS,
    D_COMPACT_UNKNOWN,
    E_APPLICATION,
    E_CRC_LIKELY,
    E_LINK_FORM,
    E_NO_CI,
)
from protocols.wmbus.compact cimport expand, read_compact, read_format
from protocols.wmbus.ell cimport ell_crc_holds, is_ell, read_ell
from protocols.wmbus.guard cimport is_damaged_b, reads_well
from protocols.wmbus.layout cimport find_driver, is_sealed, open_seal, replaces_records, run_layouts
from protocols.wmbus.link cimport read_link
from protocols.wmbus.nwl cimport read_nwl
from protocols.wmbus.prios cimport diehl_kind, open_prios, turn_address
from protocols.wmbus.records cimport walk, walks_clean
from protocols.wmbus.security cimport open_ell, open_tpl, plain_under_seal, seal_all, seal_of
from protocols.wmbus.structs cimport (
    AIR_C1B,
    AIR_NONE,
    APP_ALARM,
    APP_COMPACT,
    APP_ERROR,
    APP_FIXED,
    APP_FORMAT,
    APP_MANUFACTURER,
    APP_RECORDS,
    CRC_ABSENT,
    CRC_BAD,

    FORMAT_WAITING,
    LINK_A,
    LINK_B,
    LINK_NONE,
    LINK_UNKNOWN,
    LINK_WIRED,
    MODE_DRIVER,
    MODE_ELL,
    MODE_PRIOS,
    MODE_REAL_DATA,
    Rec,
    SEC_KEY_MISSING,
    SEC_KEY_WRONG,
    SEC_UNSUPPORTED,
    STEP_DONE,
    STEP_FAILED,
    STEP_FORMAT,
    STEP_KEY_ELL,
    STEP_KEY_TPL,
    Tele,
    diag,
    fail,
)
from protocols.wmbus.tpl cimport read_tpl
from protocols.wmbus.wired cimport read_fixed

cdef enum:
    CI_AFL = 0x90
    CI_NWL = 0x81
    ELL_AES_CTR = 1
    AIR_ROOM = 300


cdef void prepare(Tele* t, uint8_t* buf, int32_t cap, Rec* recs, int32_t max_recs) noexcept nogil:
    """Set up a telegram over buffers that the caller owns."""
    memset(t, 0, sizeof(Tele))
    t.buf = buf
    t.cap = cap
    t.recs = recs
    t.max_recs = max_recs
    t.driver = -1


cdef int begin(Tele* t, const uint8_t* frame, int32_t size, int form) noexcept nogil:
    """Read a frame as far as no key is needed; a Step.

    ``form`` is a LinkFormat, or 16 plus an AirForm.
    """
    cdef uint8_t link[AIR_ROOM]
    cdef int air = form - 16 if form >= 16 else AIR_NONE
    cdef int32_t n
    if form == LINK_UNKNOWN:
        air = air_form(frame, size)
    if air:
        n = from_air(t, frame, size, air, link, AIR_ROOM)
        if n > 0:
            read_link(t, link, n, LINK_B if air == AIR_C1B else LINK_A)
            t.received = size
    elif form == LINK_UNKNOWN and has_damaged_sync(frame, size):
        fail(t, E_LINK_FORM, 0, 0)
    else:
        read_link(t, frame, size, form)
    if t.error:
        return STEP_FAILED
    if form == LINK_UNKNOWN and t.link == LINK_NONE and t.extra == 0 and is_damaged_b(frame, size):
        t.link = LINK_B
        t.crc = CRC_BAD
        fail(t, E_CRC_LIKELY, size, 0)
        return STEP_FAILED
    return begin_body(t)


cdef int begin_body(Tele* t) noexcept nogil:
    """Read on from a link frame that is in the buffer without its CRCs."""
    cdef int diehl = diehl_kind(t) if t.link != LINK_WIRED else 0
    if t.has_meter and t.dll[1] & 0x80:
        diag(t, D_SOFT_ADDRESS, 0, 0)
    if diehl:
        turn_address(t)
        t.security_mode = <uint8_t>diehl
        if diehl == MODE_PRIOS or t.buf[t.body] == 0x71:
            read_tpl(t, t.body)
            t.app = APP_MANUFACTURER if diehl == MODE_PRIOS else APP_RECORDS
            t.payload = t.sealed_at = 15
            return STEP_KEY_TPL
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
                    t.incomplete = True
                    t.security = SEC_UNSUPPORTED if t.ell_security else 0
                    return finish(t)
        elif ci == CI_AFL and not t.afl:
            at = read_afl(t, at)
            if at >= 0 and (t.afl_more or t.afl_fragment > 1):
                t.incomplete = True
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
    if t.security_mode == MODE_REAL_DATA:
        return STEP_KEY_TPL
    if t.mode == 0 or t.header == 0:
        return read_application(t)
    t.security_mode = t.mode
    if t.mode >= 16:
        # Manufacturer-specific modes: nothing says which bytes they seal.
        if not walks_clean(t.buf, t.payload, t.end):
            t.app = APP_MANUFACTURER
        return read_application(t)
    seal_of(t)
    if t.sealed == 0 and counts_no_block_of_many(t):
        seal_all(t)
    if t.sealed == 0:
        return read_application(t)
    # Ciphertext begins with 2F 2F once in 65,536 telegrams, and one in ten of those even reads as records to the end:
    # where there are keys to try, they are tried first.
    if plain_under_seal(t) and t.mode not in (2, 3, 5, 7):
        diag(t, D_ALREADY_DECRYPTED, t.mode, 0)
        return read_application(t)
    if t.mode not in (2, 3, 5, 7, 10):
        t.security = SEC_UNSUPPORTED
        diag(t, D_MODE_UNSUPPORTED, t.mode, 0)
        return finish(t)
    return STEP_KEY_TPL


cdef bint counts_no_block_of_many(const Tele* t) noexcept nogil:
    """Whether a mode is set whose blocks are not counted while the content reads as no plain records do.

    A count of 0 says that nothing is encrypted; some meters leave it 0 all the same, and their ciphertext must
    not be read as records.
    """
    if t.app != APP_RECORDS or t.mode not in (2, 3, 5, 7):
        return False
    if t.payload >= t.end or (t.buf[t.payload] & 0x0F) == 0x0F:
        return False
    return not reads_well(t.buf, t.payload, t.end)


cdef int offer(Tele* t, const uint8_t* key, int size, bint strict) noexcept nogil:
    """Try a key for what ``begin`` paused at; STEP_DONE or a later Step if it fits, else the same Step.

    ``strict`` matters only where the proof is weak (PRIOS): it asks for a plausible content too.
    """
    if t.tpl_at == 0:
        if not open_ell(t, key, size):
            return STEP_KEY_ELL
        return read_layers(t, t.ell_crc + 2)
    if t.security_mode == MODE_PRIOS or t.security_mode == MODE_REAL_DATA:
        if not open_prios(t, key, size, strict):
            return STEP_KEY_TPL
    elif t.security_mode == MODE_DRIVER:
        if not open_seal(t, key, size):
            return STEP_KEY_TPL
    elif not open_tpl(t, key, size):
        return STEP_KEY_TPL
    return read_application(t)


cdef int go_without_key(Tele* t, int keys_tried) noexcept nogil:
    """Give up on what is sealed, saying whether a key was missing or did not fit."""
    if t.security_mode == MODE_REAL_DATA and walks_clean(t.buf, t.payload, t.end):
        diag(t, D_ALREADY_DECRYPTED, t.security_mode, 0)
        return read_application(t)
    if t.tpl_at and t.sealed and plain_under_seal(t):
        diag(t, D_ALREADY_DECRYPTED, t.mode, 0)
        return read_application(t)
    if keys_tried:
        t.security = SEC_KEY_WRONG
        diag(t, D_KEY_WRONG, keys_tried, t.security_mode)
        if t.crc == CRC_ABSENT:
            diag(t, D_RECEPTION, 0, 0)
    else:
        t.security = SEC_KEY_MISSING
        diag(t, D_KEY_MISSING, t.security_mode, 0)
    return finish(t)


cdef int read_application(Tele* t) noexcept nogil:
    t.driver = find_driver(t)
    if t.app == APP_RECORDS and replaces_records(t):
        t.app = APP_MANUFACTURER
    if t.app == APP_MANUFACTURER:
        if is_sealed(t) and t.security_mode != MODE_DRIVER and t.security_mode != MODE_PRIOS:
            t.security_mode = MODE_DRIVER
            return STEP_KEY_TPL
    elif t.app == APP_RECORDS:
        walk(t, t.payload, t.end - t.tag_size)
        if t.n_recs == 0 and t.mfct == 0:
            diag(t, D_NO_PAYLOAD, t.end - t.payload, 0)
    elif t.app == APP_COMPACT:
        if read_compact(t):
            return STEP_FORMAT
        t.incomplete = True
    elif t.app == APP_FORMAT:
        t.incomplete = not read_format(t)
    elif t.app == APP_FIXED:
        read_fixed(t)
    elif t.app == APP_ERROR:
        fail(t, E_APPLICATION, t.buf[t.payload] if t.payload < t.end else 0, 0)
    elif t.app == APP_ALARM and t.payload < t.end:
        diag(t, D_ALARM, t.buf[t.payload], 0)
    return STEP_FAILED if t.error else finish(t)


cdef bint give_format(Tele* t, const uint8_t* headers, int32_t size) noexcept nogil:
    """Read a compact frame with these headers; False where they do not fit."""
    if not expand(t, headers, size):
        return False
    finish(t)
    return True


cdef int wait_for_format(Tele* t) noexcept nogil:
    """Leave a compact frame unread: no known format fits."""
    t.format = FORMAT_WAITING
    t.incomplete = True
    diag(t, D_COMPACT_UNKNOWN, t.signature, 0)
    return finish(t)


cdef int finish(Tele* t) noexcept nogil:
    """End the reading: what the meter's driver adds comes last."""
    if t.tpl_at and t.security < SEC_KEY_MISSING and not t.incomplete:
        if t.driver < 0:
            t.driver = find_driver(t)
        run_layouts(t)
    t.step = STEP_DONE
    return STEP_DONE
