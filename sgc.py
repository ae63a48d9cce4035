"""The one command ``sgc``: mounts the command line of every room."""

import importlib
import io
import sys
import unicodedata
from collections.abc import Sequence
from typing import NoReturn

import typer
from typer.exceptions import Abort, TyperException

# One entry per room that has commands; each module exposes ``register(app)``.
COMMANDS = (
    "protocols.wmbus.cli",
    "firmware_sim.cli",
    "edge.cli",
    "billing.cli",
    "central.cli",
    "central.exchange_cli",
    "central.fiscal_cli",
    "central.fleet_cli",
    "central.print_cli",
    "central.quality_cli",
    "central.readings_cli",
    "central.runs_cli",
    "central.sharing_cli",
    "central.refunds_cli",
    "central.access_cli",
    "central.contract_cli",
    "central.token_cli",
    "central.webhook_cli",
    "central.whatif_cli",
    "central.rectify_cli",
    "central.explain_cli",
    "central.ops.bench_cli",
    "central.ops.audit_cli",
    "portal.cli",
    "demo.cli",
)
# A path may have 4,095; nothing else that is typed comes near it.
LONGEST_WORD = 4_095


def build_app() -> typer.Typer:
    """The command tree of all rooms."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    for name in COMMANDS:
        importlib.import_module(name).register(app)
    return app


def main() -> None:
    """Entry point of the console script: a refusal is one line on standard error and an exit code other than 0."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    refuse_unreadable(sys.argv[1:])
    try:
        sys.exit(build_app()(standalone_mode=False))
    except TyperException as error:
        context = getattr(error, "ctx", None)
        leave(context.command_path if context else "sgc", error.format_message() + typed(error), error.exit_code)
    except OSError as error:
        leave("sgc", str(error), 1)
    except Abort:
        leave("sgc", "interrumpido / aborted", 1)


def typed(error: TyperException) -> str:
    """The value that an option's type refuses, for its message names field and rule alone."""
    from pydantic import ValidationError

    cause = error.__cause__
    return f": {cause.errors()[0]['input']!r}" if isinstance(cause, ValidationError) else ""


def refuse_unreadable(words: Sequence[str]) -> None:
    """Arguments are text that can be shown and kept: UTF-8, without control characters, of a length that one types."""
    for word in words:
        if len(word) > LONGEST_WORD:
            leave("sgc", f"{word[:40]!r}… ({len(word)} characters): an argument has at most {LONGEST_WORD}", 2)
        if any(unicodedata.category(char) in ("Cc", "Cs") for char in word):
            leave("sgc", f"{word!r}: an argument must be UTF-8 text without control characters", 2)


def leave(where: str, text: str, code: int) -> NoReturn:
    """End with one line on standard error; ``text`` is empty where help was shown because nothing was asked."""
    if text:
        typer.echo(f"{where}: {' '.join(text.split())}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
