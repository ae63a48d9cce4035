"""The line itself: certificates on both ends, and what stands in its way."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID

from billing.fiscal import Environment, endpoint
from central.config import AgencyConfig, Config, ConfigError, DatabaseConfig
from central.fiscal.agency import HttpAgency, LineError, tls_context
from central.fiscal.sending import send_all
from central.ops.doctor import examine
from central.store import write_session
from central.store.models import FiscalSender
from tests.central.factories import Town
from tests.central.fiscal.conftest import Clock
from tests.fixtures.agency import tax_agency

PASSWORD = "clave de prueba"


def certificate(folder: Path, name: str) -> tuple[Path, Path, Path]:
    """A self-signed certificate as PEM, PKCS#12 and the file with its password."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, packed, secret = folder / f"{name}.pem", folder / f"{name}.p12", folder / f"{name}.password"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    )
    encrypted = BestAvailableEncryption(PASSWORD.encode())
    packed.write_bytes(serialize_key_and_certificates(name.encode(), key, made, None, encrypted))
    secret.write_text(f"{PASSWORD}\n")
    return pem, packed, secret


@pytest.fixture
def served(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS that asks for the client's certificate, and the client's folder."""
    server, *_ = certificate(tmp_path, "localhost")
    client, *_ = certificate(tmp_path, "sello")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(client)
    return context, tmp_path


def test_records_go_over_tls_with_the_issuers_certificate(
    town: Town, shared: Path, served: tuple[ssl.SSLContext, Path]
) -> None:
    context, folder = served
    with tax_agency(shared / "data/billing/xsd/verifactu", context) as running:
        config = AgencyConfig(
            certificate_file=str(folder / "sello.p12"),
            password_file=str(folder / "sello.password"),
            ca_file=str(folder / "localhost.pem"),
            url=running.url,
        )
        with HttpAgency(config) as line:
            (sent,) = send_all(town.engine, line, config, Clock())
        assert (sent.error, sent.verdicts) == ("", {"accepted": 7})
        assert running.presenters == ["sello"]


def test_without_a_certificate_the_agency_does_not_listen(shared: Path, served: tuple[ssl.SSLContext, Path]) -> None:
    context, folder = served
    with (
        tax_agency(shared / "data/billing/xsd/verifactu", context) as running,
        HttpAgency(AgencyConfig(ca_file=str(folder / "localhost.pem"))) as line,
        pytest.raises(LineError),
    ):
        line.send(running.url, b"<x/>")


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    _, packed, _ = certificate(tmp_path, "sello")
    with pytest.raises(ConfigError, match=r"agency\.certificate_file = .*sello\.p12"):
        tls_context(AgencyConfig(certificate_file=str(packed)))
    with pytest.raises(ConfigError, match="No such file"):
        tls_context(AgencyConfig(certificate_file=str(tmp_path / "none.p12")))


def test_the_agencys_addresses_are_those_of_its_service_description(shared: Path) -> None:
    described = (shared / "data/billing/xsd/verifactu/SistemaFacturacion.wsdl").read_text()
    for environment in Environment:
        for seal in (False, True):
            assert f'location="{endpoint(environment, seal=seal)}"' in described
    assert len({endpoint(environment, seal=seal) for environment in Environment for seal in (False, True)}) == 4


def test_the_doctor_speaks_of_the_queue(town: Town, database: str, tmp_path: Path) -> None:
    def said(config: Config) -> tuple[bool, str, str]:
        (found,) = (one for one in examine(config) if one.name == "fiscal")
        return found.ok, found.text, found.remedy

    config = Config(DatabaseConfig(database))
    assert said(config)[:2] == (False, "7 records wait and no [agency] is configured")
    configured = Config(config.database, agency=AgencyConfig())
    assert said(configured) == (True, "7 records wait", "")
    lost = Config(config.database, agency=AgencyConfig(certificate_file=str(tmp_path / "none.p12")))
    assert said(lost)[0] is False
    with write_session(town.engine) as session:
        sender = FiscalSender(utility_id=town.utility_id, system="verifactu", next_position=1, failures=2)
        sender.error = "https://agency: ConnectError"
        session.add(sender)
    assert said(configured) == (
        False,
        "https://agency: ConnectError",
        "mend it, then sgc central fiscal retry",
    )
