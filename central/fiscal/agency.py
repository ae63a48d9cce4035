"""The line to the tax agency: SOAP over TLS with the issuer's certificate."""

import os
import ssl
import tempfile
from pathlib import Path
from typing import Protocol

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from central.config import AgencyConfig, ConfigError

HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
FAULT = 500  # SOAP 1.1 sends its faults with this status


class LineError(RuntimeError):
    """No answer came, or none that a SOAP service gives; the message may or may not have arrived."""


class Agency(Protocol):
    """What takes an envelope to an address and brings the answer's bytes back; LineError where there is none."""

    def send(self, url: str, envelope: bytes) -> bytes:
        """Send and wait."""


class HttpAgency:
    """The agency over HTTP(S)."""

    def __init__(self, config: AgencyConfig) -> None:
        self._client = httpx.Client(verify=tls_context(config), timeout=config.timeout_s)

    def __enter__(self) -> "HttpAgency":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, url: str, envelope: bytes) -> bytes:
        """POST the envelope."""
        try:
            answer = self._client.post(url, content=envelope, headers=HEADERS)
        except (httpx.HTTPError, ssl.SSLError) as error:
            raise LineError(f"{url}: {type(error).__name__}: {error}") from error
        is_fault = answer.status_code == FAULT and b"Fault" in answer.content
        if answer.status_code != httpx.codes.OK and not is_fault:
            raise LineError(f"{url}: HTTP {answer.status_code}")
        return answer.content


def tls_context(config: AgencyConfig) -> ssl.SSLContext:
    """Whom we trust and how we prove ourselves; ConfigError where the certificate cannot be used."""
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        if config.certificate_file:
            _load(context, Path(config.certificate_file), read_secret(config.password_file))
    except (OSError, ValueError) as error:
        raise ConfigError(f"agency.certificate_file = {config.certificate_file!r}: {error}") from error
    return context


def read_secret(file: str | None) -> bytes | None:
    """The password in a file, without the line's end."""
    return Path(file).read_bytes().strip() if file else None


def _load(context: ssl.SSLContext, file: Path, password: bytes | None) -> None:
    """A PKCS#12 file, or a PEM file with certificate and key."""
    if file.suffix.lower() not in (".p12", ".pfx"):
        context.load_cert_chain(file, password=password)
        return
    key, certificate, others = pkcs12.load_key_and_certificates(file.read_bytes(), password)
    if key is None or certificate is None:
        raise ValueError("holds no certificate with its key")
    parts = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())]
    parts += [one.public_bytes(Encoding.PEM) for one in (certificate, *others)]
    # OpenSSL's contexts read files only: the key is in one for a moment, readable by its owner (mkstemp).
    handle, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(b"".join(parts))
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()
