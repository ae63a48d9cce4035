"""Signed invoices for public bodies: another program than the one that signed them says whether they hold."""

import json
from pathlib import Path

import pytest
import xmlsec
from lxml import etree
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from central.config import FacturaeConfig, load_config
from central.fiscal.signing import sign
from central.store import write_session
from central.store.models import Customer
from sgc import build_app
from tests.billing.fiscal.test_facturae import OFFICES, bill, facturae, facturae_schema
from tests.central.factories import Town
from tests.central.factories import found as found_town
from tests.central.fiscal.conftest import DAYS
from tests.central.fiscal.test_line import certificate
from tests.central.invoicing.driving import issued
from tests.central.invoicing.test_rectify import bills, decided, proposed

DS = "{http://www.w3.org/2000/09/xmldsig#}"
XADES = "{http://uri.etsi.org/01903/v1.3.2#}"


@pytest.fixture
def config(tmp_path: Path) -> FacturaeConfig:
    _, packed, secret = certificate(tmp_path, "sello")
    return FacturaeConfig(str(packed), str(secret))


def holds(document: bytes) -> bool:
    """Whether the signature holds, according to xmlsec."""
    root = etree.fromstring(document)
    node = xmlsec.tree.find_node(root, xmlsec.constants.NodeSignature)
    for element in root.iter():
        if "Id" in element.attrib:
            xmlsec.tree.add_ids(element, ["Id"])
    text = root.findtext(f".//{DS}X509Certificate") or ""
    pem = f"-----BEGIN CERTIFICATE-----\n{text.strip()}\n-----END CERTIFICATE-----\n"
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem)
    assert node is not None
    try:
        context.verify(node)
    except xmlsec.Error:
        return False
    return True


def test_the_signature_holds_and_breaks_when_a_cent_is_changed(config: FacturaeConfig, shared: Path) -> None:
    signed = sign(facturae(bill(), OFFICES), config)
    facturae_schema(shared).assertValid(etree.fromstring(signed))
    assert holds(signed)
    assert not holds(signed.replace(b"<InvoiceTotal>35.36<", b"<InvoiceTotal>35.37<"))
    assert not holds(signed.replace(b">supplier<", b">customer<"))


def test_it_states_the_policy_of_facturae(config: FacturaeConfig, shared: Path) -> None:
    def policy(document: bytes) -> tuple[str | None, ...]:
        found = etree.fromstring(document).find(f".//{XADES}SignaturePolicyId")
        assert found is not None
        return tuple(
            found.findtext(path)
            for path in (f".//{XADES}Identifier", f".//{DS}DigestValue", f"{XADES}SigPolicyHash/{DS}DigestMethod")
        )

    sample = (shared / "data/billing/samples/facturae322_signed.xsig").read_bytes()
    assert policy(sign(facturae(bill(), OFFICES), config)) == policy(sample)
    assert holds(sample)


def test_an_issued_invoice_from_the_command_line(
    engine: Engine, database: str, config: FacturaeConfig, tmp_path: Path, shared: Path
) -> None:
    town = _town_with_a_body(engine)
    issued(town)
    file, out = tmp_path / "central.toml", tmp_path / "factura.xsig"
    file.write_text(
        '[facturae]\ncertificate_file = "sello.p12"\npassword_file = "sello.password"\n'
        '[[facturae.bodies]]\nnif = "P0300200C"\naccounting = "L01030020"\n'
        'managing = "L01030020"\nprocessing = "L01030020"\n'
    )
    assert load_config(file).facturae
    app, runner = build_app(), CliRunner()
    base = ["central", "facturae", "AG2026/000001", "--out", str(out), "--db", database]
    result = runner.invoke(app, [*base, "--config", str(file), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["bytes"] == out.stat().st_size
    document = out.read_bytes()
    facturae_schema(shared).assertValid(etree.fromstring(document))
    assert holds(document)
    refused = runner.invoke(app, [*base, "--config", str(file), "--offices", "L01030020"])
    assert (refused.exit_code, "three DIR3 codes" in refused.output) == (2, True)
    assert "[facturae] is missing" in runner.invoke(app, base).output
    base[2] = "AG2026/000009"
    assert "must be one that was issued" in runner.invoke(app, [*base, "--config", str(file)]).output
    base[2] = "AG2026/000002"
    assert "has no offices" in runner.invoke(app, [*base, "--config", str(file)]).output


@pytest.mark.parametrize("method", ["S", "I"])
def test_a_rectifying_invoice_is_written_and_signed(
    engine: Engine, database: str, config: FacturaeConfig, tmp_path: Path, shared: Path, method: str
) -> None:
    town = _town_with_a_body(engine)
    issued(town)
    town.read(0, DAYS[1], 2_000, revision=1)
    (made,) = decided(town, proposed(town, bills(town, 0), method=method))
    file, out = tmp_path / "central.toml", tmp_path / "rectificativa.xsig"
    file.write_text('[facturae]\ncertificate_file = "sello.p12"\npassword_file = "sello.password"\n')
    offices = "L01030020,L01030020,L01030020"
    base = ["central", "facturae", made.number_text, "--out", str(out), "--db", database, "--offices", offices]
    result = CliRunner().invoke(build_app(), [*base, "--config", str(file), "--reason-code", "10"])
    assert result.exit_code == 0, result.output
    document = out.read_bytes()
    root = etree.fromstring(document)
    facturae_schema(shared).assertValid(root)
    assert holds(document)
    assert root.findtext(".//Corrective/ReasonDescription") == "Detalle Operación"
    assert root.findtext(".//Corrective/InvoiceNumber") == "000001"
    assert root.findtext(".//InvoiceTotals/InvoiceTotal") == f"{made.total_cents / 100:.2f}"
    odd = CliRunner().invoke(build_app(), [*base, "--config", str(file), "--reason-code", "99"])
    assert "reason 99: must be one of 01" in odd.output


def _town_with_a_body(engine: Engine) -> Town:
    town = found_town(engine, 2)
    with write_session(engine) as session:
        first = session.scalars(select(Customer).order_by(Customer.id)).first()
        assert first is not None
        first.nif, first.name, first.kind = "P0300200C", "Ayuntamiento de Agost", "company"
        first.address = {
            "street": "Plaça d'Espanya, 1",
            "postal_code": "03698",
            "town": "Agost",
            "province": "Alicante",
        }
    town.read_all(DAYS)
    return town
