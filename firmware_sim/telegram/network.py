"""Network layer of repeated telegrams (EN 13757-5, CI 81) with its control byte and no route."""

CI = 0x81


def wrap(control: int, message: bytes) -> bytes:
    """The layer before a message; it stands behind an extended link layer."""
    return bytes((CI, control)) + message
