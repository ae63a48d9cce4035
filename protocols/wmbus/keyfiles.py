"""Key files as utilities receive them, read into a Keyring.

``load`` finds out the kind by the content. Every bad entry is an error that names line, field and rule;
no error ever shows a key.
"""

from __future__ import annotations

import csv
import io

from protocols.wmbus.address import Address
from protocols.wmbus.keyring import Keyring

ADDRESS_COLUMNS = ("address", "meter", "direccion", "contador")
KEY_COLUMNS = ("key", "aes", "aeskey", "encryptionkey", "clave")


class KeyFileError(ValueError):
    """A key file that cannot be read; the text names line, field and rule."""


def load(content: bytes) -> Keyring:
    """The keys in a file's content. Raises KeyFileError."""
    ring = Keyring()
    for line, address, key in read_csv(content):
        try:
            ring.add(address, key)
        except ValueError as error:
            raise KeyFileError(f"line {line}: {error}") from None
    return ring


def read_csv(content: bytes) -> list[tuple[int, Address, str]]:
    """(line, address, key digits) of a CSV file with a heading line.

    Columns, in any order and separated by ``,`` ``;`` or tabs: ``address`` (KAM-76348799-1B-16) and
    ``key``, or ``manufacturer``, ``id``, ``version``, ``type`` and ``key``.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise KeyFileError(f"byte {error.start}: not UTF-8 text") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.DictReader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    columns = {clean(name): name for name in rows.fieldnames or ()}
    key = next((columns[name] for name in KEY_COLUMNS if name in columns), None)
    if key is None:
        raise KeyFileError(f"line 1: no column named {' or '.join(KEY_COLUMNS)}")
    return [(rows.line_num, address_in(row, columns, rows.line_num), row[key] or "") for row in rows]


def clean(name: str | None) -> str:
    """A heading without case, spaces and underscores."""
    return "".join(letter for letter in (name or "").lower() if letter.isalnum())


def address_in(row: dict[str, str], columns: dict[str, str], line: int) -> Address:
    """The address that a CSV row names."""
    try:
        for name in ADDRESS_COLUMNS:
            if name in columns:
                return Address.parse(row[columns[name]].strip().upper())
        parts = {name: (row[columns[name]] or "").strip() for name in ("manufacturer", "id", "version", "type")}
    except KeyError as error:
        raise KeyFileError(f"line 1: no column named address, and none named {error.args[0]}") from None
    except ValueError as error:
        raise KeyFileError(f"line {line}: {error}") from None
    try:
        version, kind = int(parts["version"], 16), int(parts["type"], 16)
        return Address(parts["manufacturer"], parts["id"].zfill(8), version, kind)
    except ValueError as error:
        raise KeyFileError(f"line {line}: {error}") from None
