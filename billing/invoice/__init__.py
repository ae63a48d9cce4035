"""The invoice as an immutable value: what it must say, that it adds up, and how it is rectified.

Source of the required fields: RD 1619/2012, articles 6 (content) and 15 (rectifying invoices).
"""

from billing.invoice.build import RatedLine, lines_of, sum_vat
from billing.invoice.checks import InvoiceError, Problem, check, ensure
from billing.invoice.party import Address, ForeignId, Party
from billing.invoice.rectify import rectify
from billing.invoice.value import (
    Invoice,
    InvoiceLine,
    InvoiceType,
    Method,
    PaymentMethod,
    PaymentTerms,
    Rectification,
    Reference,
    Supply,
    VatSum,
)

__all__ = [
    "Address",
    "ForeignId",
    "Invoice",
    "InvoiceError",
    "InvoiceLine",
    "InvoiceType",
    "Method",
    "Party",
    "PaymentMethod",
    "PaymentTerms",
    "Problem",
    "RatedLine",
    "Rectification",
    "Reference",
    "Supply",
    "VatSum",
    "check",
    "ensure",
    "lines_of",
    "rectify",
    "sum_vat",
]
