"""Webhooks: what happens here, told to other programs, signed after the Standard Webhooks specification.

An event is written in the transaction of the change it tells of (:mod:`central.events.outbox`), with a delivery for
every endpoint that wants it. Workers in the central service deliver them (:mod:`central.webhooks.worker`), at least
once, for days. ``docs/webhooks.md`` is the receivers' manual.
"""
