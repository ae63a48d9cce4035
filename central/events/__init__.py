"""What happens, told: events written in the transaction of the change, for whoever is owed them.

:mod:`central.events.outbox` writes them; :mod:`central.webhooks` delivers them.
"""
