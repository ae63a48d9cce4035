"""What protects a message: nothing, mode 5, mode 7 with its AFL, mode 10, or the old DES modes."""

from dataclasses import dataclass
from typing import Protocol

from firmware_sim.telegram import address as addresses
from firmware_sim.telegram import afl, security
from firmware_sim.telegram.address import MeterAddress
from firmware_sim.telegram.transport import Transport

KDF_EXTENSION = 0x10
MAX_BLOCKS = 15


class Protection(Protocol):
    """Turns a header and an application payload into transport bytes, with an AFL where one is due."""

    def apply(self, transport: Transport, link: MeterAddress, payload: bytes) -> bytes:
        """Everything from the first CI field (AFL or transport) to the end of the message."""


@dataclass(frozen=True, slots=True)
class Plain:
    """Mode 0: the payload as it is."""

    def apply(self, transport: Transport, link: MeterAddress, payload: bytes) -> bytes:
        """Header and payload; an empty configuration field where there is a header."""
        head = transport.head(link)
        if transport.header == "none":
            return head + payload
        return head + transport.configuration(0, 0) + payload


@dataclass(frozen=True, slots=True)
class Mode5:
    """AES-CBC with the meter's key. ``blocks`` None covers all; bytes beyond them stay clear.

    ``proof`` puts 2F 2F before the records, as the standard asks for.
    """

    key: bytes
    blocks: int | None = None
    proof: bool = True

    def apply(self, transport: Transport, link: MeterAddress, payload: bytes) -> bytes:
        """Header, then the encrypted blocks and any clear rest."""
        plain, blocks = blocked(payload, self.blocks, proof=self.proof)
        sender = addresses.link_bytes(transport.sender(link))
        hidden = security.mode5_encrypt(self.key, sender, transport.access_no, plain, blocks)
        return transport.head(link) + transport.configuration(5, blocks) + hidden


@dataclass(frozen=True, slots=True)
class Mode7:
    """AES-CBC under a derived key, authenticated by the AFL's CMAC (OMS profile B).

    ``counter`` must grow with each message; ``mac_kind`` is the AFL's code (5: eight bytes).
    """

    key: bytes
    counter: int
    mac_kind: int = 5
    key_info: int | None = None
    with_length: bool = False
    blocks: int | None = None
    proof: bool = True

    def apply(self, transport: Transport, link: MeterAddress, payload: bytes) -> bytes:
        """AFL, header with its extension byte, encrypted blocks."""
        fields, message, mac = self._sealed(transport, link, payload)
        return fields.whole(mac) + message

    def fragments(self, transport: Transport, link: MeterAddress, payload: bytes, size: int) -> list[bytes]:
        """The same message in pieces of at most ``size`` bytes, each behind its own AFL."""
        fields, message, mac = self._sealed(transport, link, payload)
        return fields.fragments(message, mac, size)

    def _sealed(self, transport: Transport, link: MeterAddress, payload: bytes) -> tuple[afl.Fields, bytes, bytes]:
        plain, blocks = blocked(payload, self.blocks, proof=self.proof)
        sender = addresses.identification_bytes(transport.sender(link).id)
        message = (
            transport.head(link)
            + transport.configuration(7, blocks)
            + bytes((KDF_EXTENSION,))
            + security.mode7_encrypt(self.key, self.counter, sender, plain, blocks)
        )
        fields = afl.Fields(
            counter=self.counter,
            mac_kind=self.mac_kind,
            key_info=self.key_info,
            length=len(message) if self.with_length else None,
        )
        mac = security.mode7_mac(self.key, self.counter, sender, fields.authenticated() + message, self.mac_kind)
        return fields, message, mac


@dataclass(frozen=True, slots=True)
class Mode10:
    """AES-CCM under a derived key (OMS profile D); no 2F 2F, no padding. ``tag`` is the code of the tag's size."""

    key: bytes
    counter: int
    tag: int = 1

    def apply(self, transport: Transport, link: MeterAddress, payload: bytes) -> bytes:
        """Header with extension and message counter, ciphertext, tag."""
        head = transport.head(link)
        configuration = bytes((0xFF, transport.flags(10), KDF_EXTENSION, self.tag))
        sender = addresses.link_bytes(transport.sender(link))
        # The authenticated header leaves out a long header's address: the nonce carries it already.
        bound = head[:1] + head[-2:] + configuration
        hidden = security.mode10_encrypt(self.key, self.counter, sender, bound, payload, security.CCM_TAGS[self.tag])
        return head + configuration + self.counter.to_bytes(4, "little") + hidden


@dataclass(frozen=True, slots=True)
class Des:
    """Modes 2 (zero vector) and 3 (the address as vector): DES-CBC with a key of eight bytes."""

    key: bytes
    mode: int = 2

    def apply(self, transport: Transport, link: MeterAddress, payload: bytes) -> bytes:
        """Header, then everything encrypted; the configuration field counts its bytes."""
        plain = security.padded(security.PROOF + payload)
        if len(plain) > MAX_BLOCKS * security.BLOCK:
            raise ValueError(f"encrypted bytes: {len(plain)}, at most {MAX_BLOCKS * security.BLOCK}")
        sender = addresses.link_bytes(transport.sender(link))
        initial = sender[:6] + bytes(2) if self.mode == 3 else bytes(8)
        configuration = bytes((len(plain), transport.flags(self.mode)))
        return transport.head(link) + configuration + security.des_encrypt(self.key, initial, plain)


def blocked(payload: bytes, blocks: int | None, *, proof: bool) -> tuple[bytes, int]:
    """The plain text to encrypt and how many blocks of it: all of it, padded, unless told otherwise."""
    plain = security.PROOF + payload if proof else payload
    if blocks is None:
        plain = security.padded(plain)
        blocks = len(plain) // security.BLOCK
    if blocks > MAX_BLOCKS:
        raise ValueError(f"encrypted blocks: {blocks}, at most {MAX_BLOCKS}")
    if len(plain) < blocks * security.BLOCK:
        raise ValueError(f"encrypted blocks: {blocks} need {blocks * security.BLOCK} bytes, got {len(plain)}")
    return plain, blocks
