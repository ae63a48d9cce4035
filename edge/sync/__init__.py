"""Drains the outbox over MQTT and prunes only what the centre has committed.

The broker's PUBACK paces the sending and means nothing else: Mosquitto gives it before anything is on its disk. A
batch leaves the store when the centre's acknowledgement names it, and is offered again until then.
"""
