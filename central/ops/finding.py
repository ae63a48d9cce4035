"""What the doctor says of one thing it looked at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked at; ``remedy`` says what to do where it is not ok."""

    name: str
    ok: bool
    text: str
    remedy: str = ""
