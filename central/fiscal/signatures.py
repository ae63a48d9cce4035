"""The signatures of records that are kept instead of submitted (RD 1007/2023, article 12)."""

from datetime import datetime

from lxml import etree
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier
from sqlalchemy import Engine, exists, select

from central.fiscal.signing import Signer
from central.invoicing.records import texts_of
from central.store import write_session
from central.store.models import FiscalRecord, FiscalSignature

SILENT = "no_verifactu"
PAGE = 200
DS = "{http://www.w3.org/2000/09/xmldsig#}"


def seal_records(engine: Engine, utility_id: int, signer: Signer, now: datetime) -> int:
    """Sign the records that have no signature yet, in the order of the chain; returns how many."""
    count = 0
    while True:
        with write_session(engine) as session:
            signed = exists().where(
                FiscalSignature.utility_id == FiscalRecord.utility_id, FiscalSignature.record_id == FiscalRecord.id
            )
            rows = select(FiscalRecord).where(
                FiscalRecord.utility_id == utility_id, FiscalRecord.system == SILENT, ~signed
            )
            page = session.scalars(rows.order_by(FiscalRecord.position).limit(PAGE)).all()
            for record_id, text in texts_of(session, page).items():
                document = signer.sign(etree.fromstring(text)).decode()
                row = FiscalSignature(utility_id=utility_id, record_id=record_id, signed_at=now, document=document)
                session.add(row)
        count += len(page)
        if len(page) < PAGE:
            return count


def holds(document: bytes) -> bool:
    """Whether nothing of a signed document was changed, by the certificate that it carries."""
    try:
        root = etree.fromstring(document)
        text = (root.findtext(f".//{DS}X509Certificate") or "").strip()
        pem = f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"
        # The certificate is the one carried: whether it is to be trusted is judged where it was configured.
        XMLVerifier().verify(root, x509_cert=pem, expect_config=SignatureConfiguration(expect_references=False))
    except (SignXMLException, etree.XMLSyntaxError, ValueError):
        return False
    return True
