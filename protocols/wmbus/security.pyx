"""Opening what a telegram seals, and the proof that the right key did it.

Modes 5, 7 and 10 of the transport layer (EN 13757-7:2018, 7.6; OMS volume 2, 9), AES-CTR of the
extended link layer (EN 13757-4:2019, 12.2.4) and the old DES modes 2 and 3 (EN 13757-3:2004, 5.12).
Each function tries one key on a copy and replaces the buffer's bytes only where the proof holds.
"""

from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memcpy, memset

from protocols.wmbus.codes cimport D_BLOCKS, D_COUNTER_MISSING, D_MAC_UNCHECKED, D_MAC_WRONG
from protocols.wmbus.crypto cimport cbc_decrypt, ccm_decrypt, cmac, ctr_crypt, des_cbc_decrypt, same
from protocols.wmbus.link cimport crc16
from protocols.wmbus.structs cimport (
    BUFFER,
    PROOF_2F2F,
    PROOF_CRC,
    PROOF_MAC,
    PROOF_TAG,
    SEC_DECRYPTED,
    Tele,
    diag,
    le16,
)

cdef enum:
    BLOCK = 16
    CC_HOP = 0x10
    CC_RELAYED = 0x02
    # Domain of a derived key (OMS volume 2, 9.5.3): encryption or authentication, meter to other.
    DERIVE_ENC = 0
    DERIVE_MAC = 1


cdef inline bint is_filler(const uint8_t* p) noexcept nogil:
    return p[0] == 0x2F and p[1] == 0x2F


cdef inline const uint8_t* own_address(Tele* t) noexcept nogil:
    """The address that seals are bound to: the long header's, else the link layer's."""
    if t.header == 2:
        return t.meter
    return t.dll


cdef bint open_ell(Tele* t, const uint8_t* key, int size) noexcept nogil:
    """AES-CTR: the counter block is the link address, CC without the hop bits, and the session."""
    cdef uint8_t counter[16]
    cdef uint8_t plain[BUFFER]
    cdef int32_t n = t.end - t.ell_crc
    if size != 16 or n < 2 or n > BUFFER:
        return False
    memset(counter, 0, 16)
    memcpy(counter, t.dll, 8)
    counter[8] = t.ell_cc & <uint8_t>~(CC_HOP | CC_RELAYED)
    memcpy(counter + 9, t.ell_sn, 4)
    if not ctr_crypt(key, counter, t.buf + t.ell_crc, n, plain):
        return False
    if crc16(plain + 2, n - 2) != le16(plain):
        return False
    memcpy(t.buf + t.ell_crc, plain, n)
    t.security = SEC_DECRYPTED
    t.proof = PROOF_CRC
    return True


cdef void seal_of(Tele* t) noexcept nogil:
    """How many bytes of the application are encrypted, from the configuration field."""
    cdef int32_t left = t.end - t.sealed_at
    cdef int32_t n = ((t.cfg >> 4) & 0x0F) * BLOCK
    if t.mode == 10:
        t.sealed = left
        return
    if t.mode == 2 or t.mode == 3:
        n = t.cfg & 0xF0
    if n > left:
        diag(t, D_BLOCKS, n, left)
        n = left // BLOCK * BLOCK
    t.sealed = n


cdef void seal_all(Tele* t) noexcept nogil:
    """Take every whole block for encrypted: the configuration field counts none."""
    t.sealed = (t.end - t.sealed_at) // BLOCK * BLOCK


cdef bint plain_under_seal(Tele* t) noexcept nogil:
    """Whether the sealed part reads as if somebody had opened it before: it starts with 2F 2F."""
    return t.mode != 10 and t.sealed >= 2 and is_filler(t.buf + t.sealed_at)


cdef bint open_tpl(Tele* t, const uint8_t* key, int size) noexcept nogil:
    if t.mode == 5 and size == 16:
        return open_mode_5(t, key)
    if t.mode == 7 and size == 16:
        return open_mode_7(t, key)
    if t.mode == 10 and size == 16:
        return open_mode_10(t, key)
    if (t.mode == 2 or t.mode == 3) and size >= 8:
        return open_des(t, key)
    return False


cdef void took(Tele* t, const uint8_t* plain, int proof) noexcept nogil:
    memcpy(t.buf + t.sealed_at, plain, t.sealed)
    t.security = SEC_DECRYPTED
    t.proof = <uint8_t>proof


cdef bint open_mode_5(Tele* t, const uint8_t* key) noexcept nogil:
    """AES-CBC; the vector is the meter's address and eight times the access number."""
    cdef uint8_t iv[16]
    cdef uint8_t plain[BUFFER]
    if t.sealed < BLOCK:
        return False
    memcpy(iv, own_address(t), 8)
    memset(iv + 8, t.acc, 8)
    if not cbc_decrypt(key, iv, t.buf + t.sealed_at, t.sealed, plain) or not is_filler(plain):
        return False
    took(t, plain, PROOF_2F2F)
    return True


cdef bint derive(Tele* t, const uint8_t* key, int domain, uint8_t* out) noexcept nogil:
    """The message's own key from the meter's key, its counter and its identification."""
    cdef uint8_t block[16]
    memset(block, 0x07, 16)
    block[0] = <uint8_t>domain
    block[1] = <uint8_t>(t.counter & 0xFF)
    block[2] = <uint8_t>((t.counter >> 8) & 0xFF)
    block[3] = <uint8_t>((t.counter >> 16) & 0xFF)
    block[4] = <uint8_t>(t.counter >> 24)
    memcpy(block + 5, t.meter + 2, 4)
    return cmac(key, block, 16, NULL, 0, out)


cdef bint mac_holds(Tele* t, const uint8_t* key) noexcept nogil:
    """The AFL's CMAC over its message control, counter, length and the whole transport layer."""
    cdef uint8_t mac_key[16]
    cdef uint8_t mac[16]
    cdef uint8_t head[7]
    cdef int n = 5
    if not derive(t, key, DERIVE_MAC, mac_key):
        return False
    head[0] = t.afl_mcl
    head[1] = <uint8_t>(t.counter & 0xFF)
    head[2] = <uint8_t>((t.counter >> 8) & 0xFF)
    head[3] = <uint8_t>((t.counter >> 16) & 0xFF)
    head[4] = <uint8_t>(t.counter >> 24)
    if t.afl_fc & 0x1000:
        head[5] = <uint8_t>(t.afl_length & 0xFF)
        head[6] = <uint8_t>(t.afl_length >> 8)
        n = 7
    if not cmac(mac_key, head, n, t.buf + t.tpl_at, t.end - t.tpl_at, mac):
        return False
    return same(mac, t.buf + t.afl_mac, t.afl_mac_size)


cdef bint open_mode_7(Tele* t, const uint8_t* key) noexcept nogil:
    """AES-CBC with a derived key and a zero vector; a MAC, where sent, is checked first."""
    cdef uint8_t message_key[16]
    cdef uint8_t iv[16]
    cdef uint8_t plain[BUFFER]
    cdef bint has_mac = t.afl_mac_size >= 2
    cdef bint mac_agrees = False, opens
    if not t.has_counter:
        diag(t, D_COUNTER_MISSING, 7, 0)
        return False
    if t.sealed < BLOCK or not derive(t, key, DERIVE_ENC, message_key):
        return False
    if has_mac:
        mac_agrees = mac_holds(t, key)
    memset(iv, 0, 16)
    opens = cbc_decrypt(message_key, iv, t.buf + t.sealed_at, t.sealed, plain) and is_filler(plain)
    if has_mac and not mac_agrees:
        # Opened all the same, only to tell a wrong key from an altered telegram; nothing comes out.
        if opens:
            diag(t, D_MAC_WRONG, 0, 0)
        return False
    if not opens:
        return False
    took(t, plain, PROOF_MAC if has_mac else PROOF_2F2F)
    t.authentic = has_mac
    if not has_mac:
        diag(t, D_MAC_UNCHECKED, 0, 0)
    return True


cdef bint open_mode_10(Tele* t, const uint8_t* key) noexcept nogil:
    """AES-CCM (OMS profile D) with a derived key; the tag ends the telegram and is the proof."""
    cdef uint8_t message_key[16]
    cdef uint8_t nonce[13]
    cdef uint8_t aad[7]
    cdef uint8_t plain[BUFFER]
    cdef int tag = tag_bytes(t)
    cdef int n = t.end - t.sealed_at - tag
    if not t.has_counter or n < 0 or tag == 0:
        return False
    memcpy(nonce, own_address(t), 8)
    nonce[8] = 0
    nonce[9] = <uint8_t>(t.counter >> 24)
    nonce[10] = <uint8_t>((t.counter >> 16) & 0xFF)
    nonce[11] = <uint8_t>((t.counter >> 8) & 0xFF)
    nonce[12] = <uint8_t>(t.counter & 0xFF)
    aad[0] = t.ci
    memcpy(aad + 1, t.buf + t.cfg_at - 2, 6)
    if not derive(t, key, DERIVE_ENC, message_key):
        return False
    if not ccm_decrypt(message_key, nonce, aad, 7, t.buf + t.sealed_at, n, t.buf + t.end - tag, tag, plain):
        return False
    t.sealed = n
    t.tag_size = <uint8_t>tag
    took(t, plain, PROOF_TAG)
    t.authentic = True
    return True


cdef int tag_bytes(Tele* t) noexcept nogil:
    """Bytes of the authentication tag for its code in the configuration field extension."""
    cdef int code = (t.cfg_ext >> 8) & 0x0F
    if code == 0:
        return 12
    if code == 1:
        return 8
    if code == 2:
        return 12
    if code == 3:
        return 16
    return 0


cdef bint open_des(Tele* t, const uint8_t* key) noexcept nogil:
    """DES-CBC: mode 2 with a zero vector, mode 3 with the address' first bytes as vector."""
    cdef uint8_t iv[8]
    cdef uint8_t plain[BUFFER]
    cdef int32_t n = t.sealed // 8 * 8
    if n < 8:
        return False
    memset(iv, 0, 8)
    if t.mode == 3:
        memcpy(iv, own_address(t), 6)
    if not des_cbc_decrypt(key, iv, t.buf + t.sealed_at, n, plain) or not is_filler(plain):
        return False
    t.sealed = n
    took(t, plain, PROOF_2F2F)
    return True
