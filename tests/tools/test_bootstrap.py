"""Set-up repeats only what is due, cleans up after itself, and says in one line what it lacks."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tools import bootstrap, services, system
from tools.system import BlockedError, Need


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A small project whose steps only write down that they ran, and make what they would leave behind."""
    done: list[str] = []
    for name in ("setup.py", "pyproject.toml"):
        (tmp_path / name).write_text(name)
    for level in ("runtime", "dev"):
        (tmp_path / f"{level}.lock").write_text(f"cython==3.1\nlxml=={level}\n")
    (tmp_path / "protocols").mkdir()
    (tmp_path / "build").mkdir()
    (tmp_path / "protocols" / "link.pyx").write_text("a = 1\n")
    venv = tmp_path / ".venv"
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", venv)
    monkeypatch.setattr(bootstrap, "PYTHON", venv / "bin" / "python")
    monkeypatch.setattr(bootstrap, "STAMP", venv / "setup.json")
    monkeypatch.setattr(bootstrap, "UNFINISHED", venv / "unfinished")
    monkeypatch.setattr(bootstrap, "BUILD_UNFINISHED", tmp_path / "build" / "unfinished")
    monkeypatch.setattr(bootstrap, "LOCKS", {level: tmp_path / f"{level}.lock" for level in ("runtime", "dev")})
    monkeypatch.setattr(bootstrap, "_belongs_here", lambda: True)
    monkeypatch.setattr(system, "provide", lambda needs, say: None)

    def run(command: list[str | Path], environment: dict[str, str] | None = None) -> None:
        words = [str(word) for word in command]
        if "venv" in words:
            (venv / "bin").mkdir(parents=True)
            (venv / "bin" / "python").touch()
            done.append("venv")
        else:
            (venv / "bin" / "sgc").touch()
            done.append("project")

    def count(command: list[str | Path], environment: dict[str, str], total: int) -> None:
        (tmp_path / "protocols" / f"link{sysconfig.get_config_var('EXT_SUFFIX')}").touch()
        done.append("build --force" if "--force" in command else "build")

    monkeypatch.setattr(bootstrap, "_run", run)
    monkeypatch.setattr(bootstrap, "_run_counting", count)
    monkeypatch.setattr(bootstrap, "_synchronise", lambda lock: done.append(lock.stem))
    monkeypatch.setattr(bootstrap, "uv_program", lambda: None)
    return done


def again(steps: list[str], level: str = "runtime") -> list[str]:
    """Run set-up once more; returns only the steps of this run."""
    steps.clear()
    bootstrap.set_up(level)
    return list(steps)


def test_everything_once_then_nothing(steps: list[str]) -> None:
    assert again(steps) == ["venv", "runtime", "build --force", "project"]
    assert again(steps) == []


def test_only_what_changed_is_done_again(steps: list[str], tmp_path: Path) -> None:
    again(steps)
    (tmp_path / "protocols" / "link.pyx").write_text("a = 2\n")
    assert again(steps) == ["build"]
    (tmp_path / "setup.py").write_text("other options\n")
    assert again(steps) == ["build --force"]
    (tmp_path / "pyproject.toml").write_text("other commands\n")
    assert again(steps) == ["project"]
    next(tmp_path.glob("protocols/*.so")).unlink()
    assert again(steps) == ["build"]
    (tmp_path / "runtime.lock").write_text("cython==3.1\nlxml==6.2\n")
    assert again(steps) == ["runtime", "project"]
    (tmp_path / "runtime.lock").write_text("cython==3.2\nlxml==6.2\n")
    assert again(steps) == ["runtime", "build --force", "project"]


def test_developers_environment_serves_the_demonstration_too(steps: list[str]) -> None:
    again(steps)
    assert again(steps, "dev") == ["dev", "project"]
    assert again(steps, "runtime") == []


def test_failed_first_install_leaves_no_environment(steps: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(lock: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "_synchronise", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bootstrap.set_up("runtime")
    assert not bootstrap.VENV.exists()
    assert again(steps) == ["venv", "runtime", "build --force", "project"]


@pytest.mark.parametrize("harm", ["killed while it was made", "project moved"])
def test_unusable_environment_is_made_again(steps: list[str], harm: str) -> None:
    again(steps)
    if harm == "project moved":
        bootstrap.Stamp.read().note(place="elsewhere")
    else:
        bootstrap.UNFINISHED.touch()
    assert again(steps) == ["venv", "runtime", "build --force", "project"]


def test_failed_build_is_started_over_without_installing_again(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(command: list[str], environment: dict[str, str], total: int) -> None:
        raise subprocess.CalledProcessError(1, command)

    again(steps)
    (bootstrap.ROOT / "protocols" / "link.pyx").write_text("a = \n")
    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "_run_counting", fail)
        with pytest.raises(subprocess.CalledProcessError):
            bootstrap.set_up("runtime")
    assert again(steps) == ["build --force"]


def test_unknown_level_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(["everything"]) == 1
    assert capsys.readouterr().err == ("setup: nivel desconocido / unknown level 'everything': runtime, dev, uv\n")


ABSENT = Need("Nada", ("nada", "libnada-dev"), lambda: False)
PRESENT = Need("Python", ("python3",), lambda: True)


def test_what_may_not_be_installed_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "_root_prefix", lambda: None)
    with pytest.raises(BlockedError) as blocked:
        system.provide([PRESENT, ABSENT], say=lambda text: None)
    assert str(blocked.value) == "falta / missing: Nada. Ejecute / run: sudo apt-get install -y nada libnada-dev"


def test_what_is_there_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "_root_prefix", lambda: pytest.fail("nothing to install"))
    system.provide([PRESENT], say=lambda text: None)


def test_missing_packages_are_installed_as_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    apt = tmp_path / "apt-get"
    apt.write_text(f'#!/bin/sh\necho "$DEBIAN_FRONTEND $@" >> {log}\ntouch {tmp_path}/there\n')
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    said: list[str] = []
    system.provide([Need("x", ("nada",), (tmp_path / "there").exists)], said.append)
    assert said == ["paquetes del sistema / system packages: nada"]
    assert log.read_text().splitlines() == [
        "noninteractive -o DPkg::Lock::Timeout=300 -q update",
        "noninteractive -o DPkg::Lock::Timeout=300 -q install -y --no-install-recommends nada",
    ]


def test_newest_postgresql_is_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for version in ("9.6", "15", "16"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "initdb").touch()
    monkeypatch.setattr(services, "POSTGRES_HOMES", tmp_path)
    assert services.postgres_bin() == tmp_path / "16" / "bin"


def test_compiler_and_venv_are_seen_where_they_are() -> None:
    assert system.has_compiler()
    assert system.has_venv()


def test_old_python_is_refused_in_one_line(tmp_path: Path) -> None:
    python = tmp_path / "python3.10"
    python.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10); $1"\n')
    python.chmod(0o755)
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        ["make", "-C", root, "setup", f"PYTHON={python}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"hace falta / needed: Python 3.11+; {python}: ")


def test_every_make_target_explains_itself() -> None:
    root = Path(__file__).resolve().parents[2]
    listed = subprocess.run(["make", "-C", root], capture_output=True, text=True, check=True).stdout
    for target in ("setup", "demo", "test", "check", "fuzz", "lock", "clean"):
        assert any(line.startswith(target + " ") and " / " in line for line in listed.splitlines()), target


def test_set_up_needs_nothing_but_the_standard_library() -> None:
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-S", "-c", "import tools.services, tools.bootstrap"], cwd=root, check=True)
