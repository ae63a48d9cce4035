"""Names and texts of errors and diagnostics, in the order of the numbers in ``codes.pxd``.

A text names the field, the value and the rule; ``{a}`` and ``{b}`` are the two numbers noted with it.
"""

from typing import Final

ERRORS: Final[tuple[tuple[str, str], ...]] = (
    ("", ""),
    ("empty", "frame: no bytes"),
    ("too_short", "frame: L field {a}, at least 9 bytes must follow it (C, M, A)"),
    ("too_long", "frame: {a} bytes, at most {b} are read"),
    ("length", "frame: L field {a} fits no frame format of {b} bytes"),
    ("crc_block", "link CRC: block {a} of format A does not agree with its CRC"),
    ("crc", "link CRC: format B frame of {a} bytes does not agree with its CRC"),
    ("wired_length", "wired frame: length field {a} does not fit {b} bytes (both length bytes equal, 6 more)"),
    ("wired_stop", "wired frame: stop byte {a:02X}, must be 16"),
    ("wired_checksum", "wired frame: checksum {a:02X}, the bytes add up to {b:02X}"),
    ("layer_short", "layer with CI {a:02X}: only {b} bytes left, too few for its fields"),
    ("ci", "CI {a:02X}: not expected at offset {b}"),
    ("link_form", "frame: starts one bit beside a sync word of mode C"),
    ("symbols", "on-air symbols: {a} of {b} are not valid 3-of-6 codes"),
    ("ell_variable", "extended link layer V: field list {a:02X} cannot be read"),
    ("afl_length", "authentication layer: its length {a} exceeds the {b} bytes left"),
    ("crc_likely", "link CRC: reads as a format B frame of {a} bytes with one bit wrong (say link none if it is not)"),
    ("no_ci", "frame: no CI field between offsets {a} and {b}"),
    ("application", "application error {a:02X} reported by the meter"),
    ("wired_start", "wired frame: start bytes {a:02X} and {b:02X}, must be 68"),
)

DIAGNOSTICS: Final[tuple[tuple[str, str], ...]] = (
    ("", ""),
    ("trailing_bytes", "frame: {a} bytes behind its end were ignored"),
    ("already_decrypted", "security mode {a}: the content arrived opened; nothing proves where it comes from"),
    ("key_missing", "security mode {a}: no key for this meter"),
    ("key_wrong", "security mode {b}: none of {a} key(s) opens the telegram"),
    ("mac_wrong", "MAC: does not agree although the key opens the content; it was altered or damaged"),
    ("mode_unsupported", "security mode {a}: recognised, not supported"),
    ("record_short", "record at offset {a}: only {b} bytes left, too few"),
    ("record_dif", "record at offset {b}: DIF {a:02X} is reserved"),
    ("record_extensions", "record at offset {a}: more than {b} extension bytes"),
    ("record_length", "record at offset {a}: length byte {b:02X} of variable-length data is reserved"),
    ("too_many_records", "records: more than {a}"),
    ("compact_unknown", "compact frame: format with signature {a:04X} has not been seen yet"),
    ("compact_crc", "compact frame: CRC {a:04X} of the full frame, computed {b:04X}; values refused"),
    ("fragment", "fragment {a} of a longer message (more follow: {b})"),
    ("replay", "message counter {a}: not above the last one seen, {b}"),
    ("unauthenticated", "security mode {a}: content not authenticated"),
    ("blocks", "configuration field: {a} bytes announced as encrypted, {b} left"),
    ("no_payload", "payload: {a} bytes, none of them a record"),
    ("unknown_ci", "CI {a:02X}: no meaning assigned"),
    ("default_key", "security mode {a}: opened with the manufacturer's published default key"),
    ("prios", "PRIOS: none of {a} key(s) opens the telegram"),
    ("layout_short", "layout: {a} bytes, needs {b}"),
    ("key_length", "key: {a} bytes, mode {b} needs 16"),
    ("ell_crc", "extended link layer: payload CRC does not agree (encryption {a})"),
    ("tail", "payload: {a} bytes at offset {b} are not described"),
    ("inconsistent", "header and payload disagree: {a}, {b}"),
    ("unknown_vif", "record at offset {a}: VIF is not in the tables"),
    ("application_error", "application error {a:02X} reported by the meter"),
    ("soft_address", "manufacturer field: bit 15 set, the address is unique only locally"),
    ("counter_missing", "security mode {a}: needs a message counter and none was sent"),
    ("reception", "frame came without link CRCs: bad reception looks like a wrong key"),
    ("layout_tag", "layout: tag {a:02X} at offset {b} is not known; the rest is left unread"),
    ("mac_unchecked", "no MAC was sent with the telegram"),
    ("format_signature", "format frame: signature {a:04X}, its headers give {b:04X}"),
    ("weak_proof", "security mode {a}: only a byte of known content shows that the key fits"),
    ("alarm", "alarm state {a:02X} reported by the meter"),
    ("length_cuts_record", "frame: L field {a} cuts the record at offset {b}; it was read from the bytes behind"),
)

# Diagnostics that leave a telegram unread.
FATAL: Final = frozenset(
    (
        "key_missing",
        "key_wrong",
        "mac_wrong",
        "mode_unsupported",
        "ell_crc",
        "unknown_ci",
        "compact_unknown",
        "compact_crc",
        "format_signature",
        "record_short",
        "fragment",
    )
)


def error_text(code: int, a: int, b: int) -> str:
    """Text of an error number."""
    return ERRORS[code][1].format(a=a, b=b)


def diagnostic(code: int, a: int, b: int) -> tuple[str, str]:
    """Name and text of a diagnostic number."""
    name, text = DIAGNOSTICS[code]
    return name, text.format(a=a, b=b)
