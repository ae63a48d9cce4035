"""Key files of every kind: keys, or an error by name."""

import contextlib
import io
import zipfile

from protocols.wmbus import keyfiles

KEY = "000102030405060708090A0B0C0D0E0F"
CSV = f"manufacturer;serial number;version;medium;key\nKAM;76348799;1B;16;{KEY}\n"
XML = f'<Meters><Meter SerialNo="76348799" Manufacturer="KAM"><Key><Value>{KEY}</Value></Key></Meter></Meters>'
KEM = (
    '<MetersInOrder><EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"><CipherData>'
    "<CipherValue>AAECAwQFBgcICQoLDA0ODw==</CipherValue></CipherData></EncryptedData></MetersInOrder>"
)


def archive() -> bytes:
    """A zipped list."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("keys.csv", CSV)
    return file.getvalue()


SEEDS = [
    CSV.encode(),
    CSV.replace(";", "\t").encode("utf-16"),
    f"8KAM1B76348799,{KEY}\nKAM-76348799-1B-16,{KEY}\n".encode(),
    XML.encode(),
    KEM.encode(),
    archive(),
]


def fuzz(data: bytes) -> None:
    """Read a file, every bad entry handed over."""
    with contextlib.suppress(keyfiles.KeyFileError):
        keyfiles.load(data, "password", bad=lambda error: None)
