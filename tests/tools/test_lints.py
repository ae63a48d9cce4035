"""Each house rule finds what it forbids, at its line, and lets the right form pass."""

import importlib
import re
import shutil
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest
import typer

import sgc
from tools.lints import Project
from tools.lints.__main__ import rules


def found(tmp_path: Path, rule: str, **files: str) -> list[str]:
    """What a rule finds in a project of these files; ``room__file_py="…"`` names ``room/file.py``."""
    for name, text in files.items():
        path = tmp_path / _path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    module = importlib.import_module(f"tools.lints.{rule}")
    return [f"{finding.path}:{finding.line}" for finding in sorted(module.check(Project(tmp_path)))]


def _path(name: str) -> str:
    folders, _, suffix = name.replace("__", "/").rpartition("_")
    return f"{folders}.{suffix}".replace("/init/", "/__init__")


def test_every_rule_is_tested_here() -> None:
    text = Path(__file__).read_text()
    assert [rule for rule in rules() if not re.search(rf'[".]{rule}"', text)] == []


def test_the_same_files_with_and_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parents[2]
    if not (root / ".git").exists() or not shutil.which("git"):
        pytest.skip("this is no git checkout, or there is no git")
    with_git = set(Project(root).paths)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    without = set(Project(root).paths)
    assert {path for path in with_git ^ without if not path.endswith((".keep", ".gitignore"))} == set()


def test_command_line_prints_findings_and_refuses_unknown_rules() -> None:
    command = [sys.executable, "-m", "tools.lints", "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 2
    assert "unknown rule 'nonsense'; one of: aware_time" in done.stderr


def test_long_functions_and_files(tmp_path: Path) -> None:
    body = "    x = 1\n"
    good = "def f():\n" + body * 79
    files = {
        "billing__good_py": good,
        "billing__long_py": good + body,
        "billing__huge_py": "x = 1\n" * 601,
        "billing__vif_tables_py": "x = 1\n" * 601,
        "central__store__migrations__versions__0001_py": "def upgrade():\n" + body * 81,
        "billing__fast_pyx": "cpdef int g(int a) except -1:\n" + body * 80 + "\n\ndef h():\n" + body,
    }
    assert found(tmp_path, "sizes", **files) == ["billing/fast.pyx:1", "billing/huge.py:1", "billing/long.py:1"]


def test_naive_instants_and_clocks(tmp_path: Path) -> None:
    edge = """\
        a = datetime.now()
        b = datetime.now(UTC)
        c = datetime.utcnow()
        d = datetime.now(MADRID).date()
        e = time.localtime()
        f = time.monotonic()
    """
    billing = "a = datetime.now(UTC)\nb = time.monotonic()\n"
    result = found(tmp_path, "aware_time", edge__a_py=edge, billing__b_pyx=billing, billing__cli_py=billing)
    assert result == ["billing/b.pyx:1", "billing/b.pyx:2", "edge/a.py:1", "edge/a.py:3", "edge/a.py:5"]


def test_floats_where_money_passes(tmp_path: Path) -> None:
    python = """\
        a = 1.5
        b: float = 2
        c = float("3")
        d = Decimal("1.5")
        latitude: float | None = None  # float: a position
        e = mapped_column(Float())
    """
    cython = 'cdef double a\n"""A double in 1.5 words."""\ncdef long b = 15  # not 1.5\nc = "1.5"\nd = 1.5\n'
    result = found(tmp_path, "no_float", billing__a_py=python, billing__b_pyx=cython, edge__c_py="a = 1.5\n")
    assert result == [
        "billing/a.py:1",
        "billing/a.py:2",
        "billing/a.py:3",
        "billing/a.py:6",
        "billing/b.pyx:1",
        "billing/b.pyx:5",
    ]


def test_folders_without_a_word_on_what_they_are_for(tmp_path: Path) -> None:
    files = {
        "billing__init___py": '"""The pure rules of the business."""\n',
        "billing__a_py": "",
        "edge__init___py": '"""Edge."""\n',
        "central__b_py": "",
        "central__migrations__c_py": "",
    }
    assert found(tmp_path, "package_docs", **files) == ["central/__init__.py:1", "edge/__init__.py:1"]


def test_public_functions_without_docstring(tmp_path: Path) -> None:
    python = '''\
        def good():
            """Does it."""
        def bad(): ...
        def _private(): ...
        @app.command(help="Hace / does")
        def command(): ...
    '''
    cython = '''\
        cpdef int good(int a,
                       int b) except -1:
            """Does it."""
        cdef int internal(int a): ...
        cpdef long long bad(const unsigned char* data):
            return 1
        cdef class Bad:
            pass
    '''
    result = found(tmp_path, "docstrings", edge__a_py=python, edge__b_pyx=cython, tests__c_py="def f(): ...\n")
    assert result == ["edge/a.py:3", "edge/b.pyx:5", "edge/b.pyx:7"]


def test_compiled_code_that_leaves_its_floor(tmp_path: Path) -> None:
    files = {
        "central__a_pyx": "from protocols.wmbus cimport link\nfrom edge import store\n",
        "protocols__b_pyi": "from collections.abc import Iterator\nimport billing\n",
    }
    assert found(tmp_path, "cython_floors", **files) == ["central/a.pyx:2", "protocols/b.pyi:2"]


def test_dependencies_and_their_lines_agree(tmp_path: Path) -> None:
    project = """\
        [project]
        dependencies = ["PyYAML>=6", "psycopg[binary]>=3", "ghost"]
        [build-system]
        requires = ["setuptools>=80"]
        [dependency-groups]
        dev = [{ include-group = "build" }, "types-PyYAML"]
    """
    document = """\
        | `pyyaml` | tariffs |
        | `psycopg` | PostgreSQL |
        | `setuptools` | builds |
        | `types-pyyaml` | types |
        | `left-over` | nobody asks for it |
    """
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "dependencies.md").write_text(textwrap.dedent(document))
    module = importlib.import_module("tools.lints.dependencies")
    (tmp_path / "pyproject.toml").write_text(textwrap.dedent(project))
    texts = [finding.text for finding in module.check(Project(tmp_path))]
    assert texts == [
        "has no line on ghost, a dependency in pyproject.toml",
        "has a line on left-over, which pyproject.toml does not ask for",
    ]


def test_imports_of_what_is_no_dependency_and_dependencies_nobody_imports(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["fastapi", "PyYAML", "segno"]\n')
    python = """\
        import json
        import yaml
        from starlette.requests import Request
        from hypothesis import given
        from billing import money
    """
    cython = "from libc.math cimport floor\nimport numpy\n"
    module = importlib.import_module("tools.lints.third_party")
    assert found(tmp_path, "third_party", edge__a_py=python, billing__b_pyx=cython) == [
        "billing/b.pyx:2",
        "edge/a.py:4",
        "pyproject.toml:1",
    ]
    assert "asks for segno" in list(module.check(Project(tmp_path)))[-1].text


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("path = '/" + "home/ana/sgc'", True),
        ("see /" + "work/project", True),
        ("https://mirror.example/packages/x", True),
        ("pip install --index-url https://example.org", True),
        ("cat ../work/data", False),
        ("GET /api/v1/work/orders", False),
        ("--no-emit-index-url", False),
    ],
)
def test_machine_paths_and_package_hosts(tmp_path: Path, line: str, refused: bool) -> None:
    assert found(tmp_path, "places", docs__a_md=line) == (["docs/a.md:1"] if refused else [])


def test_help_in_one_language(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def register(app: typer.Typer) -> None:
        group = typer.Typer(help="Lo de fuera / the edge")
        app.add_typer(group, name="edge")

        @group.command(help="Arranca / starts")
        def run(config: str = typer.Option(..., help="Fichero / file"), loud: bool = typer.Option(False)) -> None: ...

        @app.command(help="Only English")
        def decode() -> None: ...

    module = types.ModuleType("somewhere")
    monkeypatch.setitem(sys.modules, "somewhere", module)
    module.register = register  # type: ignore[attr-defined]
    monkeypatch.setattr(sgc, "COMMANDS", ("somewhere", "nowhere.cli"))
    check = importlib.import_module("tools.lints.bilingual_help").check
    texts = [finding.text for finding in check(Project(tmp_path))]
    assert texts == [
        "sgc decode: its help is not “Spanish / English”: 'Only English'",
        "sgc edge run --loud: its help is not “Spanish / English”: ''",
        "has no commands that can be mounted: No module named 'nowhere'",
    ]
