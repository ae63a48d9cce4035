"""The address inside an invoice's QR code.

Source: AEAT, "Detalle de las especificaciones técnicas del código QR de la factura", 0.4.7.
"""

from datetime import date
from decimal import Decimal
from types import MappingProxyType
from urllib.parse import quote

from billing.fiscal.config import Environment

HOSTS = MappingProxyType(
    {
        Environment.TEST: "https://prewww2.aeat.es/wlpl/TIKE-CONT/",
        Environment.PRODUCTION: "https://www2.agenciatributaria.gob.es/wlpl/TIKE-CONT/",
    }
)


def qr_url(
    nif: str, number: str, issued: date, total: Decimal, environment: Environment, *, verifactu: bool = True
) -> str:
    """Where anybody can check the invoice with the tax agency. ``total`` is euros with two decimals."""
    service = "ValidarQR" if verifactu else "ValidarQRNoVerifactu"
    values = {"nif": nif, "numserie": number, "fecha": f"{issued:%d-%m-%Y}", "importe": f"{total:.2f}"}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items())
    return f"{HOSTS[environment]}{service}?{query}"
