"""Readings to billable litres: rollover, exchange, estimate, leak, split."""
