"""Wireless and wired M-Bus (EN 13757-2/-3/-4/-7, OMS)."""

from protocols.wmbus.address import Address
from protocols.wmbus.decoding import decode
from protocols.wmbus.explain import Span, explain
from protocols.wmbus.keyring import Keyring
from protocols.wmbus.naming import Diagnostic, Link, Security
from protocols.wmbus.stores import CounterStore, FormatStore
from protocols.wmbus.telegram import Record, Telegram

__all__ = [
    "Address",
    "CounterStore",
    "Diagnostic",
    "FormatStore",
    "Keyring",
    "Link",
    "Record",
    "Security",
    "Span",
    "Telegram",
    "decode",
    "explain",
]
