"""The ciphers of EN 13757-7 and OMS volume 2: modes 5, 7 and 10, the old DES modes, the extended link layer's CTR."""

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.cmac import CMAC

BLOCK = 16
FILLER = 0x2F
PROOF = bytes((FILLER, FILLER))

DERIVE_ENCRYPTION = 0x00
DERIVE_MAC = 0x01

# AFL message control: kind of MAC -> its length in bytes (EN 13757-7 table 12).
CMAC_LENGTHS = {3: 2, 4: 4, 5: 8, 6: 12, 7: 16}
# Code in the configuration field extension -> bytes of the CCM tag (OMS volume 2, 7.2.4.7).
CCM_TAGS = {1: 8, 2: 12, 3: 16}


def padded(plain: bytes) -> bytes:
    """Filled with 2F to whole blocks."""
    return plain + PROOF[:1] * (-len(plain) % BLOCK)


def cbc_encrypt(key: bytes, initial: bytes, plain: bytes) -> bytes:
    """AES-128-CBC over whole blocks."""
    encryptor = Cipher(algorithms.AES128(key), modes.CBC(initial)).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def des_encrypt(key: bytes, initial: bytes, plain: bytes) -> bytes:
    """Single DES in CBC over whole blocks of eight bytes (modes 2 and 3 of EN 13757-3:2004, 5.12)."""
    encryptor = Cipher(TripleDES(key * 3), modes.CBC(initial)).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def mode5_initial(link_address: bytes, access_no: int) -> bytes:
    """IV of mode 5: M, id, version, type, then eight times the access number (OMS 9.2.4)."""
    return link_address + bytes((access_no,)) * 8


def mode5_encrypt(key: bytes, link_address: bytes, access_no: int, plain: bytes, blocks: int) -> bytes:
    """The first ``blocks`` blocks encrypted; what lies beyond them stays clear."""
    covered = blocks * BLOCK
    return cbc_encrypt(key, mode5_initial(link_address, access_no), plain[:covered]) + plain[covered:]


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC, 16 bytes (NIST SP 800-38B)."""
    engine = CMAC(algorithms.AES128(key))
    engine.update(message)
    return engine.finalize()


def derive(key: bytes, purpose: int, counter: int, identification: bytes) -> bytes:
    """Ephemeral key of a message from the meter (OMS 9.5.4): CMAC over purpose, counter, id, seven 07."""
    return cmac(key, bytes((purpose,)) + counter.to_bytes(4, "little") + identification + b"\x07" * 7)


def mode7_encrypt(key: bytes, counter: int, identification: bytes, plain: bytes, blocks: int) -> bytes:
    """CBC under the derived key with a zero IV; bytes beyond the blocks stay clear."""
    covered = blocks * BLOCK
    derived = derive(key, DERIVE_ENCRYPTION, counter, identification)
    return cbc_encrypt(derived, bytes(BLOCK), plain[:covered]) + plain[covered:]


def mode7_mac(key: bytes, counter: int, identification: bytes, message: bytes, kind: int) -> bytes:
    """The authentication field of the AFL, cut to the length of its kind."""
    return cmac(derive(key, DERIVE_MAC, counter, identification), message)[: CMAC_LENGTHS[kind]]


def mode10_encrypt(key: bytes, counter: int, link_address: bytes, header: bytes, plain: bytes, tag: int) -> bytes:
    """AES-CCM (OMS profile D): ciphertext and a tag of so many bytes; ``header`` is authenticated too.

    The nonce is the address in link order, a zero and the message counter, high byte first.
    """
    derived = derive(key, DERIVE_ENCRYPTION, counter, link_address[2:6])
    nonce = link_address + b"\x00" + counter.to_bytes(4, "big")
    return AESCCM(derived, tag_length=tag).encrypt(nonce, plain, header)


def ctr_crypt(key: bytes, link_address: bytes, control: int, session: bytes, data: bytes) -> bytes:
    """AES-CTR of the extended link layer (EN 13757-4 clause 12.2.8.5).

    The counter block leaves out the hop and relayed bits, which a repeater may change.
    """
    block = link_address + bytes((control & 0xED,)) + session + b"\x00\x00\x00"
    encryptor = Cipher(algorithms.AES128(key), modes.CTR(block)).encryptor()
    return encryptor.update(data) + encryptor.finalize()
