"""Key files in the forms utilities receive; all made up here."""

import base64
import io
import zipfile
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.wmbus import Address, Keyring, keyfiles

KEY = "000102030405060708090A0B0C0D0E0F"
OTHER = "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF"
METER = Address("KAM", "76348799", 0x1B, 0x16)
NEIGHBOUR = Address("KAW", "76348799", 0x1B, 0x16)


def keys(ring: Keyring, address: Address = METER) -> list[str]:
    return [key.hex().upper() for key in ring.keys_for(address)]


@pytest.mark.parametrize(
    "text",
    [
        f"address;key\nKAM-76348799-1B-16;{KEY}\n",
        f"Manufacturer,ID,Version,Type,AES key\nKAM,76348799,1B,16,{KEY}\n",
        f"Hersteller\tZählernummer\tSchlüssel\nKAM\t76348799\t{KEY}\n",
        f"Serial number;AES-128 Key\n76348799;{'-'.join(KEY[i : i + 2] for i in range(0, 32, 2))}\n",
        f"fabrication number;key\n8KAM1B76348799;{KEY.lower()}\n",
        f"KAM;76348799;{KEY}\n",
        f"# exported\n\n76348799;{KEY}\n",
        f"id;key\n76348799;{base64.b64encode(bytes.fromhex(KEY)).decode()}\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv_in_any_dress(text: str, encoding: str) -> None:
    assert keys(keyfiles.load(text.encode(encoding))) == [KEY]


def test_a_maker_keeps_a_number_from_another_makers_meter() -> None:
    ring = keyfiles.load(f"KAM;76348799;{KEY}\nKAW;76348799;{OTHER}\n".encode())
    assert (keys(ring), keys(ring, NEIGHBOUR)) == ([KEY], [OTHER])


def test_a_number_alone_serves_every_maker() -> None:
    ring = keyfiles.load(f"id;key\n76348799;{KEY}\n".encode())
    assert keys(ring) == keys(ring, NEIGHBOUR) == [KEY]


def test_diehl_lists_may_hold_keys_of_eight_bytes() -> None:
    ring = keyfiles.load(b"Serial number;Radio key\n66236629;39BC8A10E66D83F8\n")
    assert keys(ring, Address("DME", "66236629", 0x23, 0x66)) == ["39BC8A10E66D83F8"]


XML = f"""<?xml version="1.0"?>
<KeyList xmlns="urn:made-up">
  <Meter Manufacturer="KAM" Version="1B" Medium="16"><Identification>76348799</Identification><Key>{KEY}</Key></Meter>
  <Meter Manufacturer="KAM"><Identification>12345678</Identification><Key>{OTHER}</Key></Meter>
</KeyList>"""


def test_oms_style_xml() -> None:
    ring = keyfiles.load(XML.encode())
    assert keys(ring) == [KEY]
    assert keys(ring, Address("KAM", "12345678", 1, 7)) == [OTHER]
    assert keys(ring, Address("KAM", "87654321", 1, 7)) == []


KEM = f"""<MetersInOrder orderid="1"><Meter><MeterName>MC21</MeterName><MeterNo>76348799</MeterNo>
<SerialNo>76348799</SerialNo><VendorId>KAM</VendorId><DEK>{KEY}</DEK></Meter></MetersInOrder>"""
KEM2 = f"""<Devices><Device><SerialNumber>76348799</SerialNumber><ManufacturerId>KAM</ManufacturerId>
<Keys><Key><Name>DEK</Name><Value>{KEY}</Value></Key></Keys></Device></Devices>"""


def sealed(xml: str, password: str) -> bytes:
    key = password.encode().ljust(16, b"\0")
    plain = xml.encode()
    encryptor = Cipher(algorithms.AES128(key), modes.CBC(key)).encryptor()
    hidden = encryptor.update(plain.ljust(-(-len(plain) // 16) * 16, b"\0")) + encryptor.finalize()
    text = base64.b64encode(hidden).decode()
    return (
        '<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"><CipherData>'
        f"<CipherValue>{text}</CipherValue></CipherData></EncryptedData>"
    ).encode()


def zipped(name: str, content: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr(name, content)
    return memory.getvalue()


@pytest.mark.parametrize("xml", [KEM, KEM2])
def test_kem_files_open_with_their_password(xml: str) -> None:
    assert keys(keyfiles.load(sealed(xml, "OV8300"), "OV8300")) == [KEY]
    assert keys(keyfiles.load(zipped("order.kem", sealed(xml, "OV8300")), "OV8300")) == [KEY]


@pytest.mark.parametrize(
    ("content", "password", "text"),
    [
        (sealed(KEM, "OV8300"), None, "needs the password"),
        (sealed(KEM, "OV8300"), "OV8301", "the password does not open it"),
        (sealed(KEM, "OV8300"), "x" * 17, "at most 16"),
        (b"", None, "the file is empty"),
        (b"<a><b></a>", None, "not well-formed XML"),
        (b"<a><b/></a>", None, "no element has both"),
        (b"address;colour\n", None, "no column for the key"),
        (b"key;colour\n", None, "no column for the meter"),
        (b"PK\x03\x04 not an archive", None, "archive: "),
        (zipped("readme.txt", b""), None, "no .kem"),
    ],
)
def test_a_file_that_is_none_says_why(content: bytes, password: str | None, text: str) -> None:
    with pytest.raises(keyfiles.KeyFileError, match=text):
        keyfiles.load(content, password)


BAD_ROWS = f"""address;key
KAM-76348799-1B-16;{KEY}
KAM-7634879-1B-16;{KEY}
KAM-12345678-1B-16;{KEY[:-2]}
KAM-12345678-1B-16;ZZ{KEY[2:]}
KAM-87654321-1B-16;
"""


def test_bad_entries_are_named_and_lose_nothing_else() -> None:
    problems: list[str] = []
    ring = keyfiles.load(BAD_ROWS.encode(), bad=lambda error: problems.append(str(error)))
    assert keys(ring) == [KEY]
    assert [problem.split(":")[0] for problem in problems] == ["line 3", "line 4", "line 5", "line 6"]
    assert not any(KEY[:16] in problem for problem in problems)


def test_without_a_listener_the_first_bad_entry_is_the_error() -> None:
    with pytest.raises(keyfiles.KeyFileError, match=r"^line 3: meter address: 'KAM-7634879-1B-16'"):
        keyfiles.load(BAD_ROWS.encode())


def test_xml_reads_no_other_file() -> None:
    text = f"""<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>
    <a><Meter><Id>&x;</Id><Key>{KEY}</Key></Meter></a>"""
    with pytest.raises(keyfiles.KeyFileError):
        keyfiles.load(text.encode())


@pytest.mark.parametrize(
    "damage", [lambda data: data[:60], lambda data: data[:30] + data[60:], lambda data: data[::-1]]
)
def test_a_damaged_archive_is_refused_by_name(damage: Callable[[bytes], bytes]) -> None:
    whole = zipped("keys.csv", f"76348799;{KEY}\n".encode())
    assert keys(keyfiles.load(whole)) == [KEY]
    with pytest.raises(keyfiles.KeyFileError):
        keyfiles.load(b"PK\x03\x04" + damage(whole)[4:])


def test_half_a_letter_at_the_end_loses_no_key() -> None:
    text = f"76348799;{KEY}\n".encode("utf-16")
    assert keys(keyfiles.load(text + b"\x00")) == [KEY]


def test_a_field_without_end_is_no_csv() -> None:
    with pytest.raises(keyfiles.KeyFileError, match="not a CSV file"):
        keyfiles.load(b'id;key\n"' + b"7" * 200_000)


def test_a_short_row_loses_no_other() -> None:
    bad: list[str] = []
    text = f"manufacturer;id;key\nKAM;7634\nKAM;76348799;{KEY}\n".encode()
    assert keys(keyfiles.load(text, bad=lambda error: bad.append(str(error)))) == [KEY]
    assert bad == ["line 2: 2 columns, the heading has 3"]
