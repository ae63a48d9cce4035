"""The encoder twin of the decoder: telegrams of every layer and security mode, byte by byte.

A telegram is built inside out: records (``records``) make the payload, ``Transport`` the header,
a protection (``Plain``, ``Mode5``, ``Mode7``, ``Mode10``, the old ``Des``) encrypts and authenticates, a network layer
and ``ExtendedLink`` may wrap the whole, and ``build`` puts the link header before it::

    payload = records.payload([records.integer(Vif.VOLUME_L, 466472)])
    frame = build(address, payload, Transport(access_no=12), Mode5(key))
    chips = three_of_six(frame_format_a(frame))

Frames are bytes with L first and without CRCs until ``frame_format_a`` or ``frame_format_b`` adds them.
"""

from firmware_sim.telegram import address as addresses
from firmware_sim.telegram import network
from firmware_sim.telegram.address import MeterAddress
from firmware_sim.telegram.ell import ExtendedLink, Session, Variable
from firmware_sim.telegram.link import (
    frame_format_a,
    frame_format_b,
    link_frame,
    on_air_c1a,
    on_air_c1b,
    on_air_s1,
    on_air_t1,
    three_of_six,
)
from firmware_sim.telegram.protection import Des, Mode5, Mode7, Mode10, Plain, Protection
from firmware_sim.telegram.transport import Status, Transport

SND_NR = 0x44

__all__ = [
    "Des",
    "ExtendedLink",
    "MeterAddress",
    "Mode5",
    "Mode7",
    "Mode10",
    "Plain",
    "Protection",
    "Session",
    "Status",
    "Transport",
    "Variable",
    "build",
    "build_fragments",
    "frame_format_a",
    "frame_format_b",
    "on_air_c1a",
    "on_air_c1b",
    "on_air_s1",
    "on_air_t1",
    "three_of_six",
]


def build(
    address: MeterAddress,
    payload: bytes,
    transport: Transport | None = None,
    protection: Protection | None = None,
    *,
    ell: ExtendedLink | None = None,
    network_control: int | None = None,
    c_field: int = SND_NR,
) -> bytes:
    """A frame, L first without CRCs. ``address`` is the link's; a ValueError says what does not fit.

    ``network_control`` adds a network layer with this control byte.
    """
    message = (protection or Plain()).apply(transport or Transport(), address, payload)
    if network_control is not None:
        message = network.wrap(network_control, message)
    return _framed(address, message, ell, c_field)


def build_fragments(
    address: MeterAddress,
    payload: bytes,
    transport: Transport,
    protection: Mode7,
    *,
    size: int,
    ell: ExtendedLink | None = None,
    c_field: int = SND_NR,
) -> list[bytes]:
    """The frames of one message that is cut into pieces of at most ``size`` bytes."""
    pieces = protection.fragments(transport, address, payload, size)
    return [_framed(address, piece, ell, c_field) for piece in pieces]


def _framed(address: MeterAddress, message: bytes, ell: ExtendedLink | None, c_field: int) -> bytes:
    if ell is not None:
        message = ell.wrap(address, message)
    return link_frame(c_field, addresses.link_bytes(address), message)
