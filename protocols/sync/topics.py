"""MQTT topic names. A broker's access list can bind each device to its own branch (``sgc/v1/%u/up/#``)."""

import re

_DEVICE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_UP = re.compile(r"sgc/v1/([^/]+)/up/batch")


def valid_device(name: str) -> bool:
    """Whether ``name`` may be a device's name: 1-32 of a-z, 0-9 and '-', not starting with '-'."""
    return _DEVICE.fullmatch(name) is not None


def batch_topic(device: str) -> str:
    """Where a device publishes its batches."""
    return f"sgc/v1/{device}/up/batch"


def ack_topic(device: str) -> str:
    """Where the centre answers a device."""
    return f"sgc/v1/{device}/down/ack"


def route_topic(device: str) -> str:
    """Where the centre leaves a device's route (retained)."""
    return f"sgc/v1/{device}/down/route"


def orders_topic(device: str) -> str:
    """Where the centre leaves a device's work orders (retained)."""
    return f"sgc/v1/{device}/down/orders"


def all_batches() -> str:
    """The centre's subscription: every device's batches."""
    return "sgc/v1/+/up/batch"


def device_of(topic: str) -> str | None:
    """The device's name in an upward topic, or None where the topic is not one."""
    match = _UP.fullmatch(topic)
    return match[1] if match else None
