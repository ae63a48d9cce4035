"""Link layer: which form a frame has, whether its CRCs agree, and its bytes without them.

EN 13757-4:2019 clause 12 (frame formats A and B, the CRC polynomial) and EN 13757-2 (wired frames).
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t
from libc.string cimport memcpy

from protocols.wmbus.codes cimport (
    D_TRAILING,
    E_CRC_B,
    E_CRC_BLOCK,
    E_EMPTY,
    E_LENGTH,
    E_LONG,
    E_SHORT,
    E_WIRED_LENGTH,
    E_WIRED_START,
    E_WIRED_STOP,
    E_WIRED_SUM,
)
from protocols.wmbus.structs cimport (
    CRC_ABSENT,
    CRC_BAD,
    CRC_OK,
    LINK_A,
    LINK_B,
    LINK_NONE,
    LINK_UNKNOWN,
    LINK_WIRED,
    Tele,
    diag,
    fail,
)

# What a byte does to the CRC register with 0 to 7 bytes behind it.
cdef uint16_t TABLE[8][256]
cdef uint16_t POLYNOMIAL = 0x3D65
# Format B puts its first CRC behind this many bytes (EN 13757-4, 12.4).
cdef enum:
    B_FIRST = 126
    HEADER = 10
    # More bytes than these behind a frame are not a receiver's own: the L field must be wrong.
    MOST_TRAILING = 7


cdef void build_table() noexcept:
    cdef int i, k, _
    cdef uint16_t value
    for i in range(256):
        value = <uint16_t>(i << 8)
        for _ in range(8):
            value = <uint16_t>((value << 1) ^ (POLYNOMIAL if value & 0x8000 else 0))
        TABLE[0][i] = value
    for k in range(1, 8):
        for i in range(256):
            value = TABLE[k - 1][i]
            TABLE[k][i] = <uint16_t>((value << 8) ^ TABLE[0][value >> 8])


build_table()


cdef uint16_t crc16_go_on(uint16_t state, const uint8_t* data, int32_t size) noexcept nogil:
    """The CRC register after some more bytes; start with 0, complement at the end."""
    cdef int32_t i
    while size >= 8:
        state = (
            TABLE[7][(state >> 8) ^ data[0]] ^ TABLE[6][(state & 0xFF) ^ data[1]]
            ^ TABLE[5][data[2]] ^ TABLE[4][data[3]] ^ TABLE[3][data[4]]
            ^ TABLE[2][data[5]] ^ TABLE[1][data[6]] ^ TABLE[0][data[7]]
        )
        data += 8
        size -= 8
    for i in range(size):
        state = <uint16_t>((state << 8) ^ TABLE[0][(state >> 8) ^ data[i]])
    return state


cdef uint16_t crc16(const uint8_t* data, int32_t size) noexcept nogil:
    return <uint16_t>~crc16_go_on(0, data, size)


cdef inline bint crc_holds(const uint8_t* data, int32_t size) noexcept nogil:
    """Whether the two bytes behind ``size`` bytes are their CRC, high byte first."""
    return crc16(data, size) == <uint16_t>((data[size] << 8) | data[size + 1])


cdef int32_t size_a(int32_t length) noexcept nogil:
    """Bytes a format A frame has on the air for its L field."""
    if length < HEADER - 1:
        return 0
    return 1 + length + 2 * (1 + (length - 9 + 15) // 16)


cdef bint b_holds(const uint8_t* frame, int32_t size) noexcept nogil:
    """Whether every CRC of a complete format B frame agrees."""
    if size <= B_FIRST + 2:
        return size >= HEADER + 2 and crc_holds(frame, size - 2)
    if size < B_FIRST + 2 + 3:
        return False
    return crc_holds(frame, B_FIRST) and crc_holds(frame + B_FIRST + 2, size - B_FIRST - 4)


cdef bint copy_a(Tele* t, const uint8_t* frame, int32_t size) noexcept nogil:
    """Check and strip format A; ``size`` is what arrived, the L field says what should have."""
    cdef int32_t length = frame[0]
    cdef int32_t at = HEADER + 2, out = HEADER, left = length + 1 - HEADER, block = 1, n
    t.link = LINK_A
    t.crc = CRC_OK
    if not crc_holds(frame, HEADER):
        t.crc = CRC_BAD
        fail(t, E_CRC_BLOCK, 1, 0)
        return False
    memcpy(t.buf, frame, HEADER)
    while left > 0:
        block += 1
        n = 16 if left > 16 else left
        if at + n + 2 > size or not crc_holds(frame + at, n):
            t.crc = CRC_BAD
            fail(t, E_CRC_BLOCK, block, at)
            return False
        memcpy(t.buf + out, frame + at, n)
        out += n
        at += n + 2
        left -= n
    t.size = out
    return True


cdef bint copy_b(Tele* t, const uint8_t* frame, int32_t size) noexcept nogil:
    t.link = LINK_B
    if not b_holds(frame, size):
        t.crc = CRC_BAD
        fail(t, E_CRC_B, size, 0)
        return False
    t.crc = CRC_OK
    if size <= B_FIRST + 2:
        t.size = size - 2
        memcpy(t.buf, frame, t.size)
        return True
    memcpy(t.buf, frame, B_FIRST)
    memcpy(t.buf + B_FIRST, frame + B_FIRST + 2, size - B_FIRST - 4)
    t.size = size - 4
    return True


cdef void read_wired(Tele* t, const uint8_t* frame, int32_t size) noexcept nogil:
    """Long, short and acknowledge frames of EN 13757-2; bytes are kept as they are."""
    cdef int32_t length, i
    cdef uint8_t total = 0
    t.link = LINK_WIRED
    t.crc = CRC_OK
    memcpy(t.buf, frame, size)
    t.size = size
    if frame[0] == 0xE5 and size == 1:
        t.body = t.end = 1
        return
    if frame[0] == 0x10 and size == 5:
        length, t.body, t.end = 2, 3, 3
    else:
        length, t.body, t.end = frame[1], 6, 4 + frame[1]
        if frame[1] == frame[2] and size > length + 6 and frame[length + 5] == 0x16:
            diag(t, D_TRAILING, size - length - 6, 0)
            t.size = size = length + 6
        if frame[0] != 0x68 or frame[3] != 0x68:
            t.crc = CRC_BAD
            fail(t, E_WIRED_START, frame[0], frame[3])
            return
        if frame[1] != frame[2] or size != length + 6 or length < 3:
            t.crc = CRC_BAD
            fail(t, E_WIRED_LENGTH, length, size)
            return
    if frame[size - 1] != 0x16:
        t.crc = CRC_BAD
        fail(t, E_WIRED_STOP, frame[size - 1], 0)
        return
    for i in range(t.end - length, t.end):
        total = <uint8_t>(total + frame[i])
    if total != frame[size - 2]:
        t.crc = CRC_BAD
        fail(t, E_WIRED_SUM, frame[size - 2], total)
        return
    t.c_field = frame[t.end - length]
    t.wired_address = frame[t.end - length + 1]


cdef inline bint looks_wired(const uint8_t* frame, int32_t size) noexcept nogil:
    if size == 1:
        return frame[0] == 0xE5
    if size == 5 and frame[0] == 0x10:
        return frame[4] == 0x16
    if size < 6 or frame[0] != 0x68 or frame[3] != 0x68:
        return False
    if frame[1] == frame[2] and size == frame[1] + 6:
        return True
    # One length byte may have been hit; a wireless frame of this very length is the better reading.
    return size != frame[0] + 1 and (
        frame[1] == frame[2] or size == frame[1] + 6 or size == frame[2] + 6
    )


cdef inline bint is_cut_a(const uint8_t* frame, int32_t size) noexcept nogil:
    """Whether bytes that an L field calls a frame without CRCs are format A, cut where the L field ends by chance."""
    cdef int32_t n = 16 if size >= HEADER + 2 + 18 else size - HEADER - 4
    return n > 0 and crc_holds(frame, HEADER) and crc_holds(frame + HEADER + 2, n)


cdef bint is_hit_a(const uint8_t* frame, int32_t size) noexcept nogil:
    """Whether bytes that an L field calls a frame without CRCs are format A with one bit of that field hit."""
    cdef uint8_t first[HEADER + 2]
    cdef int bit
    if size < HEADER + 2:
        return False
    memcpy(first, frame, HEADER + 2)
    for bit in range(8):
        first[0] = <uint8_t>(frame[0] ^ (1 << bit))
        if size_a(first[0]) == size and crc_holds(first, HEADER):
            return True
    return False


cdef bint damaged_link(const uint8_t* frame, int32_t size) noexcept nogil:
    """Whether a frame whose L field fits no form shows the CRCs of one whose L field was hit."""
    cdef int32_t at = HEADER + 2
    cdef uint8_t fixed[256]
    while at + 18 <= size:
        if crc_holds(frame + at, 16):
            return True
        at += 18
    if HEADER + 2 < size <= 256:
        memcpy(fixed, frame, size)
        fixed[0] = <uint8_t>(size - 1)
        return b_holds(fixed, size)
    return False


cdef void read_auto(Tele* t, const uint8_t* frame, int32_t size) noexcept nogil:
    """Find the form by the frame's length first and by its CRCs second (the form decides, not luck)."""
    cdef int32_t length = frame[0]
    cdef int32_t whole_a = size_a(length)
    if looks_wired(frame, size):
        read_wired(t, frame, size)
    elif length < HEADER - 1:
        fail(t, E_SHORT, length, HEADER)
    elif size == length + 1:
        if b_holds(frame, size):
            copy_b(t, frame, size)
        elif is_cut_a(frame, size) or is_hit_a(frame, size):
            fail(t, E_LENGTH, length, size)
        else:
            copy_plain(t, frame, size)
    elif size == whole_a or (size > HEADER + 2 and crc_holds(frame, HEADER) and size > length + 1):
        copy_a(t, frame, size)
        if t.error == 0 and size > whole_a:
            diag(t, D_TRAILING, size - whole_a, 0)
    elif size < length + 1 or size > length + 1 + MOST_TRAILING or damaged_link(frame, size):
        fail(t, E_LENGTH, length, size)
    else:
        copy_plain(t, frame, size)
        t.size = length + 1
        t.used = size
        t.extra = size - length - 1
        diag(t, D_TRAILING, t.extra, 0)


cdef void copy_plain(Tele* t, const uint8_t* frame, int32_t size) noexcept nogil:
    t.link = LINK_NONE
    t.crc = CRC_ABSENT
    t.size = size
    memcpy(t.buf, frame, size)


cdef void read_form(Tele* t, const uint8_t* frame, int32_t size, int form) noexcept nogil:
    """Read a frame whose form the receiver has told."""
    cdef int32_t length = frame[0]
    if form == LINK_WIRED:
        if size >= 6 or (size == 5 and frame[0] == 0x10) or (size == 1 and frame[0] == 0xE5):
            read_wired(t, frame, size)
        else:
            t.link = LINK_WIRED
            t.crc = CRC_BAD
            fail(t, E_WIRED_LENGTH, length, size)
        return
    t.link = <uint8_t>form
    if length < HEADER - 1:
        fail(t, E_SHORT, length, HEADER)
    elif form == LINK_A:
        if size < HEADER + 2:
            t.crc = CRC_BAD
            fail(t, E_LENGTH, length, size)
        else:
            copy_a(t, frame, size)
    elif size != length + 1:
        t.crc = CRC_BAD if form == LINK_B else CRC_ABSENT
        fail(t, E_LENGTH, length, size)
    elif form == LINK_B:
        copy_b(t, frame, size)
    else:
        copy_plain(t, frame, size)


cdef void read_link(Tele* t, const uint8_t* frame, int32_t size, int form) noexcept nogil:
    """Fill ``t.buf`` from a frame and check it; on failure ``t.error`` says why.

    ``form`` is a LinkFormat; LINK_UNKNOWN finds out. The buffer holds ``t.cap`` bytes.
    """
    t.received = size
    if size == 0:
        fail(t, E_EMPTY, 0, 0)
        return
    if size > t.cap:
        fail(t, E_LONG, size, t.cap)
        return
    if form == LINK_UNKNOWN:
        read_auto(t, frame, size)
    else:
        read_form(t, frame, size, form)
    if t.error or t.link == LINK_WIRED:
        return
    t.c_field = t.buf[1]
    memcpy(t.dll, t.buf + 2, 8)
    memcpy(t.meter, t.dll, 8)
    t.has_meter = True
    t.body = HEADER
    t.end = t.size


def crc(const uint8_t[::1] data not None):
    """The M-Bus CRC (EN 13757-4:2019, 12.5) of some bytes, for instance C2B7 of ``b"123456789"``."""
    return crc16(&data[0], <int32_t>data.shape[0]) if data.shape[0] else 0xFFFF
