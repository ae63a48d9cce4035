"""Logs: one JSON object a line, and never a secret."""

import json
from collections.abc import Iterator

import pytest
import structlog

from central.ops.log import WITHHELD, set_up_logs


@pytest.fixture(autouse=True)
def _own_configuration() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_line_is_json_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info")
    log = structlog.get_logger("central")
    log.debug("not shown")
    log.info("seen", device="tpl-1", **dict.fromkeys(WITHHELD, "0123abcd"))
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"], said["device"]) == ("seen", "info", "tpl-1")
    assert "0123abcd" not in line
