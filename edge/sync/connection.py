"""The MQTT client as this agent needs it."""

import socket
from pathlib import Path
from typing import Any, Self

import aiomqtt
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.config import BrokerConfig

# Publishing and receiving on one connection, Nagle's algorithm and delayed ACKs together cost 40 ms a message.
_NO_DELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
ANSWER_S = 60.0

_PROTOCOLS = {"5": aiomqtt.ProtocolVersion.V5, "3.1.1": aiomqtt.ProtocolVersion.V311}


class BrokerClient(aiomqtt.Client):
    """A client that also hears *why* an MQTT 5 broker did not take a message."""

    refusal = ""

    def _on_publish(
        self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        if reason_code.is_failure:
            self.refusal = str(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)

    async def __aenter__(self) -> Self:
        try:
            return await super().__aenter__()
        except BaseException:
            # aiomqtt leaves the socket open where the broker does not answer or the wait for it is cancelled.
            self._client.disconnect()
            raise

    async def deliver(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1 and wait for the broker's answer; raises :class:`aiomqtt.MqttError`."""
        await self.publish(topic, payload, qos=1, timeout=ANSWER_S)
        if self.refusal:
            raise aiomqtt.MqttError(f"the broker refuses {topic}: {self.refusal}")


def open_client(config: BrokerConfig, device: str, config_path: Path) -> BrokerClient:
    """A client for one connection, named after the device. The outbox is ours, so the broker keeps no session."""
    client = BrokerClient(
        config.host,
        config.port,
        identifier=device,
        protocol=_PROTOCOLS[config.protocol],
        username=config.username,
        password=_password(config, config_path),
        tls_params=_tls(config, config_path),
        keepalive=config.keepalive_s,
        clean_session=None if config.protocol == "5" else True,
        max_inflight_messages=config.window,
        socket_options=_NO_DELAY,
    )
    client.pending_calls_threshold = config.window
    return client


def _password(config: BrokerConfig, config_path: Path) -> str | None:
    if config.password_file is None:
        return None
    return (config_path.parent / config.password_file).read_text(encoding="utf-8").strip()


def _tls(config: BrokerConfig, config_path: Path) -> aiomqtt.TLSParameters | None:
    if config.tls is None:
        return None
    folder, tls = config_path.parent, config.tls
    return aiomqtt.TLSParameters(
        ca_certs=str(folder / tls.ca_file),
        certfile=str(folder / tls.certificate_file) if tls.certificate_file else None,
        keyfile=str(folder / tls.key_file) if tls.key_file else None,
    )
