"""Collection (cobro): the ledger's postings and balances."""
