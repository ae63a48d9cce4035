"""The least that any decoder of encrypted telegrams does: find the key, expand it, decrypt, look at each byte."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, uint8_t, uint16_t
from libc.string cimport memcpy, memset

from protocols.wmbus.address cimport pack
from protocols.wmbus.crypto cimport cbc_decrypt
from protocols.wmbus.keyring cimport Keyring, Slot
from protocols.wmbus.link cimport crc16

cdef enum:
    HEADER = 15             # link layer and short transport header


def aes_and_memory(list frames, Keyring ring not None):
    """Do just that for frames in mode 5 with a short header; a checksum keeps it from being left out."""
    cdef bytes frame
    cdef const uint8_t* p
    cdef const Slot* slot
    cdef uint8_t iv[16]
    cdef uint8_t plain[256]
    cdef int32_t size
    cdef uint16_t total = 0
    for frame in frames:
        p = <const uint8_t*>PyBytes_AS_STRING(frame)
        size = <int32_t>PyBytes_GET_SIZE(frame)
        slot = ring.find(pack(p + 2))
        if slot == NULL:
            continue
        memcpy(iv, p + 2, 8)
        memset(iv + 8, p[11], 8)
        cbc_decrypt(slot.key, iv, p + HEADER, size - HEADER, plain)
        total ^= crc16(plain, size - HEADER)
    return total
