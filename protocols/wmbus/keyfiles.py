"""Key files as utilities receive them, read into a Keyring.

``load`` finds out the kind by the content:

* CSV or text with ``,`` ``;`` or tabs, with a heading line (English, German or Spanish names) or without
  (``KAM;76348799;key``); a full address, manufacturer and number, a fabrication number of DIN 43863-5
  (``8DME7065656565``) or the eight digits alone name the meter;
* XML in the style of OMS key lists: any element that has, as attributes or children, a number and a key;
* Kamstrup KEM and KEM2 files, plain or zipped; they are encrypted and need their password;
* Diehl's lists, which are CSV or XML by other names and with eight-byte PRIOS keys as well.

Every bad entry is a KeyFileError that names line, field and rule; no error ever shows a key.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from lxml import etree

from protocols.wmbus.address import Address
from protocols.wmbus.keyring import Keyring

# Names a field goes by, without case, spaces and punctuation.
NAMES: Final[dict[str, tuple[str, ...]]] = {
    "address": ("address", "meteraddress", "direccion"),
    "key": (
        "key", "aes", "aeskey", "aes128key", "encryptionkey", "enckey", "decryptionkey", "dek", "mbuskey",
        "radiokey", "prioskey", "schluessel", "schlüssel", "clave", "value", "keyvalue",
    ),
    "id": (
        "id", "meterid", "identification", "identificationnumber", "identnumber", "idnumber", "serialno",
        "serialnumber", "serial", "meterno", "meternumber", "deviceid", "radioid", "secondaryaddress",
        "zaehlernummer", "zählernummer", "seriennummer", "numero", "numerodeserie", "numerocontador", "contador",
        "meter",
    ),
    "fabrication": ("fabricationnumber", "fabno", "fabnumber", "fullid", "oid", "eigentumsnummer"),
    "manufacturer": (
        "manufacturer", "manufacturerid", "manufacturercode", "mfct", "maker", "vendor", "vendorid", "flag",
        "hersteller", "fabricante",
    ),
    "version": ("version", "generation", "ver", "deviceversion"),
    "type": ("type", "medium", "devicetype", "mediumtype", "media"),
}  # fmt: skip
FIELD_OF: Final = {name: field for field, names in NAMES.items() for name in names}
# DIN 43863-5: medium digit, maker, version, number.
FABRICATION: Final = re.compile(r"([0-9A-F])([A-Z]{3})([0-9A-F]{2})([0-9]{8})")
ZIP: Final = b"PK\x03\x04"
# What a damaged or locked archive raises, by where it is hit.
DAMAGED: Final = (
    zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError, OverflowError, struct.error, zlib.error,
    lzma.LZMAError,
)  # fmt: skip
# An archive that holds more than this is no key file.
MOST_BYTES: Final = 64 << 20


class KeyFileError(ValueError):
    """A key file, or an entry of one, that cannot be used; the text names line, field and rule."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a file and what the file says of its meter, as text; or why it cannot be read."""

    place: str
    fields: Mapping[str, str]
    problem: str = ""


def load(content: bytes, password: str | None = None, bad: Callable[[KeyFileError], None] | None = None) -> Keyring:
    """The keys in a file's content.

    Raises KeyFileError for the first bad entry; with ``bad`` each one is handed to it instead, and nothing
    else is lost.
    """
    ring = Keyring()
    for entry in entries(content, password):
        try:
            enter(ring, entry)
        except ValueError as error:
            problem = KeyFileError(f"{entry.place}: {error}")
            if bad is None:
                raise problem from None
            bad(problem)
    return ring


def entries(content: bytes, password: str | None = None) -> Iterator[Entry]:
    """The entries of any kind of file. Raises KeyFileError where it is none."""
    if content.startswith(ZIP):
        content = unzipped(content)
    if not content.strip():
        raise KeyFileError("line 1: the file is empty")
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        yield from xml_entries(content, password)
    else:
        yield from csv_entries(content)


def enter(ring: Keyring, entry: Entry) -> None:
    """Add one entry's key under the most exact name it gives its meter. Raises ValueError."""
    if entry.problem:
        raise ValueError(entry.problem)
    fields = entry.fields
    key = key_bytes(fields.get("key", ""))
    if "address" in fields:
        ring.add(Address.parse(fields["address"].upper()), key)
        return
    maker = fields.get("manufacturer", "").upper() or None
    version, kind = number(fields.get("version"), "version"), device_type(fields.get("type"))
    found = FABRICATION.fullmatch((fields.get("fabrication") or fields.get("id", "")).upper().replace(" ", ""))
    if found:
        maker, version, digits = found[2], int(found[3], 16), found[4]
    else:
        digits = digits_of(fields.get("id") or fields.get("fabrication") or "")
    if maker is not None and not re.fullmatch(r"[A-Z]{3}", maker):
        # Some lists give the maker's name in full; the number then has to do.
        maker = None
    if maker is not None and version is not None and kind is not None:
        ring.add(Address(maker, digits, version, kind), key)
    else:
        ring.add_number(key, digits, manufacturer=maker, version=version, type=kind)


def key_bytes(text: str) -> bytes:
    """A key of 16 or 8 bytes in hexadecimal digits or Base64. Raises ValueError, never showing it."""
    bare = re.sub(r"[\s:-]|^0[xX]", "", text)
    if not bare:
        raise ValueError("key: missing")
    if re.fullmatch(r"(?:[0-9A-Fa-f]{16}){1,2}", bare):
        return bytes.fromhex(bare)
    try:
        decoded = base64.b64decode(bare, validate=True)
    except binascii.Error:
        decoded = b""
    if len(decoded) == 16:
        return decoded
    raise ValueError(f"key: {len(bare)} characters, must be 32 or 16 hexadecimal digits, or 16 bytes in Base64")


def digits_of(text: str) -> str:
    """The eight digits of a meter; shorter numbers have lost leading zeros. Raises ValueError."""
    bare = re.sub(r"[\s.-]", "", text).upper()
    if not re.fullmatch(r"[0-9A-F]{1,8}", bare):
        raise ValueError(f"id: {text!r} is not up to eight digits")
    return bare.zfill(8)


def number(text: str | None, field: str) -> int | None:
    """A byte in hexadecimal digits, or None where it is not given. Raises ValueError."""
    if not text:
        return None
    if not re.fullmatch(r"(?:0[xX])?[0-9A-Fa-f]{1,2}", text):
        raise ValueError(f"{field}: {text!r} is not up to two hexadecimal digits")
    return int(text, 16)


def device_type(text: str | None) -> int | None:
    """A device type in hexadecimal digits; a medium written out tells none."""
    return number(text, "type") if text and re.fullmatch(r"(?:0[xX])?[0-9A-Fa-f]{1,2}", text) else None


def csv_entries(content: bytes) -> Iterator[Entry]:
    """Rows of a CSV file, by its heading line or, without one, by their number of columns."""
    text = decoded(content)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(";,\t", key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    columns: list[str | None] | None = None
    for row in whole_rows(rows):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if columns is None:
            columns = heading(cells)
            if columns is not None:
                continue
            columns = columns_without_heading(cells)
        if len(cells) < len([name for name in columns if name]):
            problem = f"{len(cells)} columns, the heading has {len(columns)}"
            yield Entry(f"line {rows.line_num}", {}, problem)
            continue
        fields = {name: cell for name, cell in zip(columns, cells, strict=False) if name and cell}
        yield Entry(f"line {rows.line_num}", fields)


def whole_rows(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Rows of a CSV file, or a KeyFileError where it is none."""
    try:
        yield from rows
    except csv.Error as error:
        raise KeyFileError(f"file: not a CSV file: {error}") from None


def decoded(content: bytes) -> str:
    """Text of a file: UTF-8, UTF-16 with its mark, or what Windows writes in Europe."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content[: len(content) // 2 * 2].decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def clean(name: str) -> str:
    """A name without case, spaces and punctuation."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def heading(cells: list[str]) -> list[str | None] | None:
    """The fields that a heading line names, or None where the line is none. Raises KeyFileError."""
    columns = [FIELD_OF.get(clean(cell)) for cell in cells]
    if not any(columns):
        return None
    # A column that only sounds like a field already named is left out.
    columns = [name if name not in columns[:index] else None for index, name in enumerate(columns)]
    if "key" not in columns:
        raise KeyFileError(f"line 1: no column for the key ({', '.join(NAMES['key'][:5])}, ...)")
    if not {"address", "id", "fabrication"} & set(columns):
        raise KeyFileError("line 1: no column for the meter (address, id, serial number, fabrication number, ...)")
    return columns


def columns_without_heading(cells: list[str]) -> list[str | None]:
    """Fields of a row without a heading: maker, number, key; or number (or address), key."""
    if len(cells) == 3:
        return ["manufacturer", "id", "key"]
    if len(cells) == 2:
        return ["address" if cells[0].count("-") == 3 else "id", "key"]
    raise KeyFileError("line 1: neither a heading nor maker, number and key")


def xml_entries(content: bytes, password: str | None) -> Iterator[Entry]:
    """Elements of an XML file that have a number and a key, opened first if it is encrypted."""
    root = parsed(content, "file")
    cipher = root.find(".//{*}CipherValue")
    if cipher is not None:
        root = parsed(opened(cipher.text or "", password), "KEM file")
    found = False
    for element in root.iter(etree.Element):
        fields = fields_in(element)
        if "key" in fields and {"id", "address", "fabrication"} & set(fields):
            found = True
            yield Entry(f"line {element.sourceline} <{etree.QName(element).localname}>", fields)
    if not found:
        raise KeyFileError("file: no element has both a meter's number and a key")


def parsed(content: bytes, what: str) -> etree._Element:
    """An XML document; entities and other files are never followed. Raises KeyFileError."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise KeyFileError(f"{what}: not well-formed XML: {error.msg}") from None


def fields_in(element: etree._Element) -> dict[str, str]:
    """Fields that an element gives itself: attributes, and the text of children and grandchildren."""
    fields: dict[str, str] = {}
    for name, value in pairs_in(element):
        field = FIELD_OF.get(clean(name))
        if field and value.strip():
            fields.setdefault(field, value.strip())
    return fields


def pairs_in(element: etree._Element) -> Iterable[tuple[str, str]]:
    """Names and texts of an element's attributes, children, and of what hangs below a child that is no meter."""
    for name, value in element.attrib.items():
        yield etree.QName(name).localname, str(value)
    for child in element.iterchildren(etree.Element):
        if not len(child):
            yield etree.QName(child).localname, child.text or ""
            continue
        # KEM2 puts the key below the device: <Key><Value>...</Value></Key>.
        below = [
            (etree.QName(inner).localname, inner.text or "") for inner in child.iter(etree.Element) if not len(inner)
        ]
        if not any(FIELD_OF.get(clean(name)) in ("id", "address", "fabrication") for name, _ in below):
            yield from below


def opened(text: str, password: str | None) -> bytes:
    """The XML inside a KEM file: AES-128-CBC whose key and vector are the password, filled with zeros."""
    if not password:
        raise KeyFileError("KEM file: needs the password it was made with (often the customer's number)")
    key = password.encode()
    if len(key) > 16:
        raise KeyFileError(f"KEM file: a password of {len(key)} bytes, at most 16")
    key = key.ljust(16, b"\0")
    try:
        sealed = base64.b64decode(text)
    except binascii.Error:
        raise KeyFileError("KEM file: its content is not Base64") from None
    if not sealed or len(sealed) % 16:
        raise KeyFileError(f"KEM file: {len(sealed)} bytes of content, must be whole blocks of 16")
    decryptor = Cipher(algorithms.AES128(key), modes.CBC(key)).decryptor()
    plain = decryptor.update(sealed) + decryptor.finalize()
    start, end = plain.find(b"<"), plain.rfind(b">")
    if start not in range(4) or end < 0:
        raise KeyFileError("KEM file: the password does not open it")
    return plain[start : end + 1]


def unzipped(content: bytes) -> bytes:
    """The key file in a ZIP archive. Raises KeyFileError."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(wanted_in(archive))
    except KeyFileError:
        raise
    except DAMAGED as error:
        raise KeyFileError(f"archive: {error or 'ends too early'}") from None


def wanted_in(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The first key file of an archive. Raises KeyFileError."""
    endings = (".kem", ".kem2", ".xml", ".csv")
    wanted = [info for info in archive.infolist() if info.filename.lower().endswith(endings)]
    if not wanted:
        raise KeyFileError("archive: no .kem, .kem2, .xml or .csv file in it")
    if wanted[0].file_size > MOST_BYTES:
        raise KeyFileError(f"archive: {wanted[0].filename} has {wanted[0].file_size} bytes, too many")
    return wanted[0]
