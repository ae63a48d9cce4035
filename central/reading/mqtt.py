"""The MQTT client as the centre needs it: no delay, a lasting session, messages acknowledged only when told to."""

import socket
from pathlib import Path

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from central.config import BrokerConfig
from protocols.sync import all_batches

# Publishing and receiving on one connection, Nagle's algorithm and delayed ACKs together cost 40 ms a message.
_NO_DELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
_REFUSED = 128


def open_consumer(config: BrokerConfig) -> aiomqtt.Client:
    """A client whose messages the broker keeps until :func:`acknowledge` is called for each."""
    client = _client(config, config.client_id)
    # Not public in aiomqtt: without it the broker forgets a message before the application has seen it.
    client._client.manual_ack_set(True)
    return client


def open_publisher(config: BrokerConfig, name: str) -> aiomqtt.Client:
    """A client for a few messages, with a name of its own and no session left behind."""
    return _client(config, name, lasting=False)


async def subscribe_batches(client: aiomqtt.Client, config: BrokerConfig) -> None:
    """Subscribe to every device's batches; raises :class:`aiomqtt.MqttError` where the broker refuses."""
    topic = f"$share/{config.shared}/{all_batches()}" if config.shared else all_batches()
    granted = await client.subscribe(topic, qos=1)
    for code in granted:
        if (code if isinstance(code, int) else code.value) >= _REFUSED:
            raise aiomqtt.MqttError(f"the broker refuses the subscription to {topic} ({code})")


def acknowledge(client: aiomqtt.Client, message: aiomqtt.Message) -> None:
    """Tell the broker that it may forget a message."""
    client._client.ack(message.mid, message.qos)


def _client(config: BrokerConfig, name: str, *, lasting: bool = True) -> aiomqtt.Client:
    five = config.protocol == "5"
    client = aiomqtt.Client(
        config.host,
        config.port,
        identifier=name,
        protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
        username=config.username,
        password=_password(config),
        tls_params=_tls(config),
        keepalive=config.keepalive_s,
        clean_start=not lasting if five else 3,
        clean_session=None if five else not lasting,
        properties=_session(config) if five and lasting else None,
        max_inflight_messages=config.group_batches,
        socket_options=_NO_DELAY,
    )
    client.pending_calls_threshold = config.group_batches * 2
    return client


def _session(config: BrokerConfig) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = config.session_s
    # Two groups: one being applied, one arriving meanwhile.
    properties.ReceiveMaximum = min(65535, 2 * config.group_batches)
    return properties


def _password(config: BrokerConfig) -> str | None:
    return None if config.password_file is None else Path(config.password_file).read_text(encoding="utf-8").strip()


def _tls(config: BrokerConfig) -> aiomqtt.TLSParameters | None:
    tls = config.tls
    if tls is None:
        return None
    return aiomqtt.TLSParameters(ca_certs=tls.ca_file, certfile=tls.certificate_file, keyfile=tls.key_file)
