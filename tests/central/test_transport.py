"""How the centre speaks to others: TLS 1.2 or newer, and whom it trusts."""

import ssl

from central.config import AgencyConfig, BrokerConfig, TlsConfig
from central.fiscal.agency import tls_context
from central.reading.mqtt import _tls


def test_the_line_to_the_agency_is_tls_1_2_or_newer_and_checks_names() -> None:
    context = tls_context(AgencyConfig())
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_the_broker_is_trusted_by_its_authority_and_knows_us_by_certificate() -> None:
    tls = TlsConfig("ca.pem", "central.pem", "central.key")
    found = _tls(BrokerConfig("broker.example", tls=tls))
    assert found is not None
    assert (found.ca_certs, found.certfile, found.keyfile) == ("ca.pem", "central.pem", "central.key")
    assert found.cert_reqs in (None, ssl.CERT_REQUIRED), "None is the library's default, which is to require one"
    assert _tls(BrokerConfig("broker.example")) is None
