"""The bill a person gets: one page that says what is owed, why, and how the water was used."""

from billing.document.typeset import render, render_batch, render_many
from billing.document.view import Contact, Credit, InvoiceView
from billing.document.words import LANGUAGES, DocumentError

__all__ = ["LANGUAGES", "Contact", "Credit", "DocumentError", "InvoiceView", "render", "render_batch", "render_many"]
