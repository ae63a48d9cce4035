"""Readings: ingest of what devices send, validation, and the routes that go down to them.

ingest      batches → committed rows, idempotent, with what to answer       (Ingest)
worker      the same over MQTT                                              (Worker)
quarantine  what could not be applied, with its reason, and its retry
validation  rules that judge readings and say the numbers they compared
routes      routes as messages, with the index expected at each stop
"""
