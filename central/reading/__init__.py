"""Readings at the centre: ingest, quarantine, validation, routes."""
