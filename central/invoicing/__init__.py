"""Billing runs, invoices and their documents."""
