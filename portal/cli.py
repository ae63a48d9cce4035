"""``sgc portal``: serve the pages."""

from pathlib import Path
from typing import Annotated

import typer

portal = typer.Typer(no_args_is_help=True, help="Portal web y oficina / Web portal and back office")


def register(app: typer.Typer) -> None:
    """Mount the commands on the root application."""
    app.add_typer(portal, name="portal")


@portal.command(help="Sirve las páginas hasta SIGTERM o Ctrl-C / Serve the pages until SIGTERM or Ctrl-C")
def run(
    db: Annotated[str, typer.Option(help="URL de la base de datos / Database URL")],
    utility: Annotated[str, typer.Option(help="Código del servicio / The utility's code")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Puerto / Port")] = 8080,
    host: Annotated[str, typer.Option(help="Dirección / Address")] = "127.0.0.1",
    plain_http: Annotated[
        bool, typer.Option("--plain-http", help="Sin https, solo para pruebas / Without https, only to try it")
    ] = False,
    reader_url: Annotated[
        str | None, typer.Option(help="Pantalla del lector, si se muestra / The reader's screen, if shown")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            help="Fichero de claves, para facturar y para los códigos / Key file, to bill and for one-time codes"
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Configuración de la central, para firmar Facturae / The centre's, to sign Facturae"),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(help="Dirección pública, para las llaves de acceso / Public address, for passkeys: https://HOST"),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(help="Dirección del servidor que pone TLS delante / Address of the server in front: 127.0.0.1"),
    ] = None,
) -> None:
    """Serve until told to stop."""
    import uvicorn

    from central.config import ConfigError, load_config
    from central.ops.log import set_up_logs
    from portal.app import create_app
    from portal.config import PortalConfig

    try:
        facturae = load_config(config).facturae if config else None
    except ConfigError as error:
        typer.echo(f"portal run: {error}", err=True)
        raise typer.Exit(2) from error
    try:
        settings = PortalConfig(
            db,
            utility,
            secure=not plain_http,
            reader_url=reader_url,
            keys=keys,
            facturae=facturae,
            origin=origin,
        )
    except ValueError as error:
        typer.echo(f"portal run: --origin: {error}", err=True)
        raise typer.Exit(2) from error
    set_up_logs()
    app = create_app(settings)
    # Who knocks is told by X-Forwarded-For, from that server alone: guesses are counted by address.
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        proxy_headers=proxy is not None,
        forwarded_allow_ips=proxy or "",
        server_header=False,
    )
