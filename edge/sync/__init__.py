"""Drains the outbox over MQTT and prunes only what the centre has committed."""
