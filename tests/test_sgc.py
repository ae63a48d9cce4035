"""The one command: whatever it is given, it answers with a result or with one line, and never with a traceback."""

import pytest

import sgc


def refused(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which the command refuses these words."""
    monkeypatch.setattr("sys.argv", ["sgc", *words])
    with pytest.raises(SystemExit) as ended:
        sgc.main()
    assert ended.value.code == 2
    out, line = capsys.readouterr()
    assert out == ""
    assert line.count("\n") == 1
    return line


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["central", "nope"], "sgc central: No such command 'nope'."),
        (["rate", "--nope"], "sgc rate: No such option: --nope"),
        (["central", "bill", "create"], "sgc central bill create: Missing option '--run'."),
        (["central", "quarantine", "list", "--limit", "0"], "'--limit'"),
        (["central", "quarantine", "list", "--limit", "0"], "greater than or equal to 1: '0'"),
        (["central", "quarantine", "show", "siete"], "'siete'"),
        (["rate", "caso\x1b[31m"], "'caso\\x1b[31m': an argument must be UTF-8 text without control characters"),
        (["rate", "caso\udcff"], "'caso\\udcff': an argument must be UTF-8 text"),
        (["rate", "x" * 5000], "(5000 characters): an argument has at most 4095"),
    ],
)
def test_what_is_refused_is_one_line_that_names_it(
    words: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Field, value and rule."""
    assert says in refused(words, monkeypatch, capsys)


def test_what_the_system_refuses_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that is too long for a file is no fault of the program."""
    monkeypatch.setattr("sys.argv", ["sgc", "tariff", "list", "--tariffs", "n" * 300])
    with pytest.raises(SystemExit) as ended:
        sgc.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("sgc: [Errno 36] File name too long: ")


def test_a_group_alone_shows_its_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And says nothing on standard error."""
    monkeypatch.setattr("sys.argv", ["sgc", "rectify"])
    with pytest.raises(SystemExit) as ended:
        sgc.main()
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert "propose" in out
    assert err == ""
