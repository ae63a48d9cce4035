"""Signs Facturae with XAdES-EPES, as its signature policy 3.1 asks: enveloped, RSA-SHA256, the supplier's signature."""

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm
from signxml.xades.xades import XAdESDataObjectFormat, XAdESSignaturePolicy, XAdESSigner

from central.config import ConfigError, FacturaeConfig
from central.fiscal.agency import read_secret

POLICY = XAdESSignaturePolicy(
    Identifier="http://www.facturae.es/politica_de_firma_formato_facturae/politica_de_firma_formato_facturae_v3_1.pdf",
    Description="Política de Firma FacturaE v3.1",
    DigestMethod=DigestAlgorithm.SHA1,
    DigestValue="Ohixl6upD6av8N7pEvDABhEL6hM=",
)
ROLE = "supplier"


def sign(root: etree._Element, config: FacturaeConfig) -> bytes:
    """The signed document (.xsig); ConfigError where the certificate cannot be used."""
    try:
        packed = Path(config.certificate_file).read_bytes()
        key, certificate, others = pkcs12.load_key_and_certificates(packed, read_secret(config.password_file))
    except (OSError, ValueError) as error:
        raise ConfigError(f"facturae.certificate_file = {config.certificate_file!r}: {error}") from error
    if key is None or certificate is None:
        raise ConfigError(f"facturae.certificate_file = {config.certificate_file!r}: holds no certificate with its key")
    signer = XAdESSigner(
        signature_policy=POLICY,
        claimed_roles=[ROLE],
        data_object_format=XAdESDataObjectFormat("Factura electrónica", "text/xml"),
        c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_0,
    )
    signed = signer.sign(
        root,
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        cert=[certificate, *others],
    )
    return etree.tostring(signed, xml_declaration=True, encoding="UTF-8")
