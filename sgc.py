"""The one command ``sgc``: mounts the command line of every room."""

import importlib

import typer

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


def build_app() -> typer.Typer:
    """The command tree of all rooms."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    for name in COMMANDS:
        importlib.import_module(name).register(app)
    return app


def main() -> None:
    """Entry point of the console script."""
    build_app()()


if __name__ == "__main__":
    main()
