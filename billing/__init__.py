"""The pure rules of the business: volume, tariff, rating, invoice, ledger, fiscal records, bank formats.

Floor 0: no files, sockets, clocks or databases.
"""
