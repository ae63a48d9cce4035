"""Signatures XAdES-EPES, enveloped, RSA-SHA256: Facturae by its policy 3.1, records and events by the State's 1.9.

The second is the one that the agency's specification of the signature of records and events names (Orden HAC/1177/2024,
article 14).
"""

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm
from signxml.xades.xades import XAdESDataObjectFormat, XAdESSignaturePolicy, XAdESSigner

from central.config import ConfigError, FacturaeConfig, SealConfig
from central.fiscal.agency import read_secret

POLICY = XAdESSignaturePolicy(
    Identifier="http://www.facturae.es/politica_de_firma_formato_facturae/politica_de_firma_formato_facturae_v3_1.pdf",
    Description="Política de Firma FacturaE v3.1",
    DigestMethod=DigestAlgorithm.SHA1,
    DigestValue="Ohixl6upD6av8N7pEvDABhEL6hM=",
)
ROLE = "supplier"
STATE_POLICY = XAdESSignaturePolicy(
    Identifier="urn:oid:2.16.724.1.3.1.1.2.1.9",
    Description="Política de firma electrónica de la Administración General del Estado",
    DigestMethod=DigestAlgorithm.SHA1,
    DigestValue="G7roucf600+f03r/o0bAOQ6WAs0=",
)


def sign(root: etree._Element, config: FacturaeConfig) -> bytes:
    """The signed document (.xsig); ConfigError where the certificate cannot be used."""
    signer = Signer(config.certificate_file, config.password_file, "facturae", POLICY, [ROLE], "Factura electrónica")
    return signer.sign(root)


def seal(config: SealConfig) -> "Signer":
    """What signs records and events; ConfigError where the certificate cannot be used."""
    return Signer(config.certificate_file, config.password_file, "seal", STATE_POLICY, None, "Registro")


class Signer:
    """Signs with one certificate and policy; ``section`` of the configuration names the certificate in errors."""

    def __init__(
        self,
        certificate_file: str,
        password_file: str | None,
        section: str,
        policy: XAdESSignaturePolicy,
        roles: list[str] | None,
        described: str,
    ) -> None:
        where = f"{section}.certificate_file = {certificate_file!r}"
        try:
            packed = Path(certificate_file).read_bytes()
            key, certificate, others = pkcs12.load_key_and_certificates(packed, read_secret(password_file))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{where}: {error}") from error
        if key is None or certificate is None:
            raise ConfigError(f"{where}: holds no certificate with its key")
        self._key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._certificates = [certificate, *others]
        self._policy, self._roles, self._described = policy, roles, described

    def sign(self, root: etree._Element) -> bytes:
        """The signed document; the signature is its last element, or where signxml's own mark for it stands.

        The mark is an empty Signature with the Id ``placeholder`` (``XMLSigner.sign``), as log events have it.
        """
        signer = XAdESSigner(
            signature_policy=self._policy,
            claimed_roles=self._roles,
            data_object_format=XAdESDataObjectFormat(self._described, "text/xml"),
            c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_0,
        )
        signed = signer.sign(root, key=self._key, cert=self._certificates)
        return etree.tostring(signed, xml_declaration=True, encoding="UTF-8")
