"""The configuration file and the commands that read it: every fault is one line that names it."""

import json
from pathlib import Path

import pytest

import edge
from edge.config import ConfigError, load_config
from edge.keys import KeysError, load_keys
from tests.edge.agent_process import sgc

GOOD = 'device = "edge-001"\n[store]\npath = "edge.db"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "edge.toml"
    path.write_text(text)
    return path


def test_the_example_is_valid_and_shows_the_defaults(tmp_path: Path) -> None:
    example = load_config(Path(edge.__file__).parent / "example.toml")
    plain = load_config(
        write(tmp_path, GOOD + '[broker]\nhost="127.0.0.1"\n[screen]\npin="2468"\n[keys]\nfile="keys.csv"\n'
              '[[receiver]]\nname="van"\nport="/dev/ttyUSB0"\n')
    )  # fmt: skip
    assert example == plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + "[broker]\nhost = 'h'\nprotokol = '5'\n", "broker: Object contains unknown field `protokol`"),
        (GOOD + "spare = 1\n", "store: Object contains unknown field `spare`"),
        ("spare = 1\n" + GOOD, "Object contains unknown field `spare`"),
        (GOOD + "[broker]\nhost = 'h'\nprotocol = '4'\n", "broker.protocol = '4': Invalid enum value '4'"),
        (GOOD + "[broker]\nhost = 'h'\nport = 70000\n", "broker.port = 70000: Expected `int` <= 65535"),
        (GOOD + "[screen]\npin = '12'\n", "screen.pin: Expected `str` matching regex"),
        (GOOD + "[clock]\nsource = 'sun'\n", "clock.source = 'sun': Invalid enum value 'sun'"),
        (GOOD + "[[receiver]]\nname = 'a'\nport = 'p'\nmode = 'X9'\n", "receiver[0].mode 'X9', must be one of: S1,"),
        (GOOD + "[[receiver]]\nname = 'a'\nport = 'p'\nkind = 'x'\n", "receiver[0].kind: receiver kind 'x', must be"),
        (
            GOOD + "[[receiver]]\nname='a'\nport='p'\n[[receiver]]\nname='a'\nport='q'\n",
            "receiver[1].name 'a', must be unique",
        ),
        ("device = 'Edge 1'\n[store]\npath = 'x'\n", "device 'Edge 1', must be 1-32 of a-z, 0-9 and '-'"),
        ("device = 'a'\n", "Object missing required field `store`"),
        ("device = \n", "Invalid value (at line 1, column 10)"),
    ],
)
def test_every_fault_is_named_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


def test_a_pin_is_never_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, GOOD + "[screen]\npin = 'secret99'\n"))
    assert "secret99" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    answer = sgc("edge", "run", "--config", str(tmp_path / "none.toml"))
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert f"{tmp_path / 'none.toml'}: " in answer.stderr


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    keys = tmp_path / "keys.csv"
    keys.write_text("address,key\nKAM-00000001-1B-16,000102030405060708090A0B0C0D0E0F\n")
    keys.chmod(0o640)
    with pytest.raises(KeysError, match="mode 640 lets others than its owner read it, must be 600"):
        load_keys(keys)
    keys.chmod(0o600)
    assert load_keys(keys).meters == 1


def test_a_bad_key_is_named_by_line_and_not_shown(tmp_path: Path) -> None:
    keys = tmp_path / "keys.csv"
    keys.write_text("address,key\nKAM-00000001-1B-16,00FFEE\n")
    keys.chmod(0o600)
    with pytest.raises(KeysError) as caught:
        load_keys(keys)
    assert "line 2" in str(caught.value)
    assert "00FFEE" not in str(caught.value)


def test_a_taken_port_and_a_bad_key_file_end_the_agent_with_one_line(tmp_path: Path) -> None:
    config = write(tmp_path, GOOD + "[keys]\nfile = 'none.csv'\n")
    answer = sgc("edge", "run", "--config", str(config))
    assert answer.returncode == 2
    assert answer.stderr.startswith("sgc edge run: keys.file ")
    assert "Traceback" not in answer.stderr


def test_receivers_lists_the_kinds_and_tests_the_configured_ones(tmp_path: Path) -> None:
    kinds = [json.loads(line) for line in sgc("edge", "receivers", "--json").stdout.splitlines()]
    assert {"kind": "im871a", "baudrate": 57600}.items() <= kinds[0].items()
    config = write(tmp_path, GOOD + f"[[receiver]]\nname = 'van'\nport = '{tmp_path / 'none'}'\n")
    answer = sgc("edge", "receivers", "--json", "--config", str(config))
    assert answer.returncode == 1
    row = json.loads(answer.stdout)
    assert row["ok"] is False
    assert "cannot be opened" in row["error"]


def test_status_without_a_store_names_the_file(tmp_path: Path) -> None:
    answer = sgc("edge", "status", "--config", str(write(tmp_path, GOOD)))
    assert answer.returncode == 2
    assert f"store {tmp_path / 'edge.db'}: no such file" in answer.stderr


def test_help_is_in_both_languages() -> None:
    text = sgc("edge", "--help").stdout
    assert "Field agent" in text
    assert "Agente de campo" in text


def test_a_file_that_is_no_text_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_bytes(b"\x80\xff")
    with pytest.raises(ConfigError, match=r"edge\.toml: 'utf-8' codec can't decode byte 0x80"):
        load_config(path)
