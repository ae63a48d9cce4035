"""Checks of every identifier the register takes: each returns the normal form or raises :class:`RegisterError`."""

import re
from collections.abc import Callable
from types import ModuleType

from stdnum import iban as iban_number
from stdnum.es import nif as nif_number
from stdnum.es import postal_code as postal_number
from stdnum.es import referenciacatastral
from stdnum.exceptions import ValidationError

from central.register.errors import RegisterError

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
_ADDRESS = re.compile(r"[A-Z]{3}-[0-9A-F]{8}-[0-9A-F]{2}-[0-9A-F]{2}|MECH-[A-Za-z0-9][A-Za-z0-9._/-]{0,58}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
MECHANICAL = "MECH-"
# Tables A, B and C of the check digit of a municipality: digits 1 and 4 use A, 2 and 5 use B, 3 uses C.
_INE_TABLES = ((0, 8, 6, 4, 2, 9, 7, 5, 3, 1), (0, 7, 2, 8, 3, 6, 9, 5, 1, 4), (0, 9, 8, 7, 6, 5, 4, 3, 2, 1))
_INE_TABLE_OF_DIGIT = (0, 1, 2, 0, 1)
_PROVINCES = 52


def nif(field: str, value: str) -> str:
    """A NIF, NIE or CIF in capitals without separators."""
    return _standard(nif_number, field, value, "must be a valid NIF, NIE or CIF")


def iban(field: str, value: str) -> str:
    """An IBAN without spaces; a Spanish one must also have valid account check digits."""
    return _standard(iban_number, field, value, "must be a valid IBAN")


def cadastral_ref(field: str, value: str) -> str:
    """A cadastral reference: 20 characters, the last two its check letters."""
    return _standard(referenciacatastral, field, value, "must be a valid cadastral reference of 20 characters")


def postal_code(field: str, value: str) -> str:
    """A Spanish postal code of five digits."""
    return _standard(postal_number, field, value, "must be a Spanish postal code of 5 digits")


def ine_code(field: str, value: str) -> str:
    """An INE municipality code: 5 digits, or 6 with the check digit, which must then be right; returns the 5."""
    text = value.strip()
    if not re.fullmatch(r"[0-9]{5,6}", text) or not 1 <= int(text[:2]) <= _PROVINCES:
        raise RegisterError(field, value, "must be an INE municipality code of 5 digits, or 6 with its check digit")
    expected = ine_check_digit(text[:5])
    if len(text) == 6 and int(text[5]) != expected:
        raise RegisterError(field, value, f"its check digit must be {expected}")
    return text[:5]


def ine_check_digit(code: str) -> int:
    """The check digit of a municipality code of 5 digits (INE, Relación de municipios)."""
    tables = (_INE_TABLES[which] for which in _INE_TABLE_OF_DIGIT)
    return sum(table[int(digit)] for table, digit in zip(tables, code, strict=True)) % 10


def meter_address(field: str, value: str) -> str:
    """A meter's address in canonical text, ``KAM-76348799-1B-16``; ``MECH-<serial>`` where it has no radio or bus."""
    if not _ADDRESS.fullmatch(value):
        raise RegisterError(field, value, "must be a meter address like KAM-76348799-1B-16, or MECH-<serial>")
    return value


def meter_key(field: str, value: str) -> bytes:
    """An AES-128 key of 32 hexadecimal digits. The error does not repeat the value: it is a secret."""
    if not re.fullmatch(r"[0-9A-Fa-f]{32}", value):
        raise RegisterError(field, "…", f"must be 32 hexadecimal digits, has {len(value)} characters")
    return bytes.fromhex(value)


def code(field: str, value: str) -> str:
    """A code people type: 1 to 64 letters, digits and . _ / -."""
    if not _CODE.fullmatch(value):
        raise RegisterError(field, value, "must be 1 to 64 letters, digits and . _ / - starting with a letter or digit")
    return value


def name(field: str, value: str, longest: int = 200) -> str:
    """A text that is not empty and fits."""
    text = " ".join(value.split())
    if not 1 <= len(text) <= longest:
        raise RegisterError(field, value, f"must have 1 to {longest} characters")
    return text


def email(field: str, value: str) -> str:
    """An e-mail address, roughly; only a message that arrives proves one."""
    if not _EMAIL.fullmatch(value) or len(value) > 200:
        raise RegisterError(field, value, "must be an e-mail address")
    return value


def at_least(field: str, value: int, least: int) -> int:
    """A whole number that is not too small."""
    if value < least:
        raise RegisterError(field, value, f"must be at least {least}")
    return value


def one_of(field: str, value: str, allowed: tuple[str, ...]) -> str:
    """One of a closed list."""
    if value not in allowed:
        raise RegisterError(field, value, f"must be one of {', '.join(allowed)}")
    return value


def optional(check: Callable[[str, str], str], field: str, value: str | None) -> str | None:
    """``check`` applied to a value that may be missing."""
    return None if value is None else check(field, value)


def _standard(standard: ModuleType, field: str, value: str, rule: str) -> str:
    try:
        return str(standard.validate(value))
    except ValidationError as error:
        raise RegisterError(field, value, rule) from error
