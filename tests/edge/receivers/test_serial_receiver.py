"""A receiver on a real pseudo-terminal: set-up, hang-up, silence, half frames, flow control."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from edge.backoff import Backoff
from edge.clock import ReceiverClock
from edge.receivers.line import HIGH_WATER
from edge.receivers.port import ReceiverError
from edge.receivers.registry import UnknownReceiverError, driver
from edge.receivers.serial_receiver import SerialReceiver, SerialSettings
from tests.edge.conftest import Dongle, Heard, telegram_frame, until

TELEGRAM = bytes.fromhex("1844AE4C4455223368077A55000000041389E20100023B0000")


def receiver(dongle: Dongle, **settings: object) -> SerialReceiver:
    wanted = {"name": "van", "port": str(dongle.link), "mode": "T1", "answer_s": 20.0, **settings}
    return SerialReceiver(
        driver("im871a"),
        SerialSettings(**wanted),  # type: ignore[arg-type]
        ReceiverClock(),
        Backoff(first_s=0.02, cap_s=0.1, stable_s=60),
    )


@asynccontextmanager
async def running(found: SerialReceiver, heard: Heard) -> AsyncIterator[SerialReceiver]:
    task = asyncio.create_task(found.run(heard.deliver, heard.notice))
    try:
        yield found
    finally:
        heard.open.set()
        found.stop()
        await task


async def test_sets_up_and_receives(dongle: Dongle, heard: Heard) -> None:
    async with running(receiver(dongle), heard) as found:
        await until(lambda: found.state.up)
        await dongle.send(telegram_frame(TELEGRAM, seconds=1_790_000_000, rssi=125))
        await until(lambda: heard.frames)
    assert dongle.asked == [(1, 0x01), (1, 0x0F), (1, 0x03), (1, 0x05)]
    assert dongle.mode == 3
    assert found.state.device == "iM871A firmware 0x14 id 12345678"
    frame = heard.frames[0]
    assert (frame.data, frame.mode, frame.rssi_dbm, frame.receiver) == (TELEGRAM, "T1", -60.0, "van")
    assert (frame.received_at.wall_ms, frame.received_at.trusted) == (1_790_000_000_000, True)


async def test_telegrams_during_set_up_are_kept(dongle: Dongle, heard: Heard) -> None:
    dongle.before_answer = telegram_frame(TELEGRAM)
    async with running(receiver(dongle), heard) as found:
        await until(lambda: found.state.up)
    assert len(heard.frames) == 4


async def test_hang_up_and_return(dongle: Dongle, heard: Heard) -> None:
    async with running(receiver(dongle), heard) as found:
        await until(lambda: found.state.up)
        await dongle.send(telegram_frame(TELEGRAM))
        await until(lambda: heard.frames)
        dongle.unplug()
        await until(lambda: not found.state.up and "cannot be opened" in found.state.detail)
        dongle.plug()
        await until(lambda: found.state.up)
        await dongle.send(telegram_frame(TELEGRAM))
        await until(lambda: len(heard.frames) == 2)
    assert heard.notices == ["receiver_up", "receiver_down", "receiver_up", "receiver_down"]


async def test_garbage_on_the_line_is_skipped_and_counted(dongle: Dongle, heard: Heard) -> None:
    async with running(receiver(dongle), heard) as found:
        await until(lambda: found.state.up)
        await dongle.send(b"\x00garbage" + telegram_frame(TELEGRAM) + b"\xff" * 7 + telegram_frame(TELEGRAM))
        await until(lambda: len(heard.frames) == 2)
    assert (found.state.garbage_bytes, found.state.garbage_runs) == (8 + 7, 2)


async def test_half_frame_then_good_ones(dongle: Dongle, heard: Heard) -> None:
    async with running(receiver(dongle), heard) as found:
        await until(lambda: found.state.up)
        await dongle.send(telegram_frame(bytes([250]) + bytes(250))[:30] + telegram_frame(TELEGRAM))
        await until(lambda: heard.frames)
    assert heard.frames[0].data == TELEGRAM
    assert found.state.garbage_bytes == 30


async def test_silent_receiver_is_probed_and_stays(dongle: Dongle, heard: Heard) -> None:
    async with running(receiver(dongle, silence_s=0.05), heard) as found:
        await until(lambda: dongle.asked.count((1, 0x01)) > 3)
        assert found.state.up
        assert found.state.opened == 1


async def test_receiver_that_stops_answering_is_opened_again(dongle: Dongle, heard: Heard) -> None:
    async with running(receiver(dongle, silence_s=0.05, answer_s=0.05), heard) as found:
        await until(lambda: found.state.up)
        dongle.mute = True
        await until(lambda: "no answer 1/0x02 to a5010100" in found.state.detail)
        dongle.mute = False
        await until(lambda: found.state.opened == 2)


async def test_nothing_is_read_while_the_store_is_behind(dongle: Dongle, heard: Heard) -> None:
    many = telegram_frame(TELEGRAM) * 30_000
    async with running(receiver(dongle), heard) as found:
        await until(lambda: found.state.up)
        heard.open.clear()
        sent = 0
        for _ in range(200):
            sent += dongle.try_send(many[sent:])
            await asyncio.sleep(0.001)
        assert sent < 4 * HIGH_WATER < len(many)
        heard.open.set()
        await dongle.send(many[sent:])
        await until(lambda: len(heard.frames) == 30_000)
    assert found.state.garbage_bytes == 0


async def test_what_was_read_before_a_stop_is_delivered(dongle: Dongle, heard: Heard) -> None:
    async with running(receiver(dongle), heard) as found:
        await until(lambda: found.state.up)
        heard.open.clear()
        await dongle.send(telegram_frame(TELEGRAM) * 5)
        await until(lambda: found.state.line_bytes)
        await asyncio.sleep(0.05)
        found.stop()
    assert len(heard.frames) == 5


async def test_a_mode_the_module_cannot_do_is_refused(dongle: Dongle) -> None:
    dongle.info = bytes.fromhex("3300131078563412")
    with pytest.raises(ReceiverError, match=r"mode 'C\+T': firmware 0x13, must be 0x14 or newer"):
        await receiver(dongle, mode="C+T").identify()
    dongle.info = bytes.fromhex("3600141078563412")
    with pytest.raises(ReceiverError, match="an iM170A has no such mode"):
        await receiver(dongle, mode="C+T").identify()


async def test_a_port_that_is_not_there_is_named(dongle: Dongle) -> None:
    dongle.unplug()
    with pytest.raises(ReceiverError, match=f"port {dongle.link}: cannot be opened"):
        await receiver(dongle).identify()


def test_an_unknown_kind_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownReceiverError, match="receiver kind 'im999', must be one of: im871a"):
        driver("im999")
