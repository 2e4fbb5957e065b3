"""`hypervisor console screenshots`: pictures of the console of a running instance."""

from pathlib import Path
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    console = typer.Typer(no_args_is_help=True, help="The console, for those who develop it.")
    console.command()(screenshots)
    app.add_typer(console, name="console")


def screenshots(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("docs/pictures"),
    address: Annotated[
        str | None, typer.Option(help="Of the console; default: the instance's own.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="The name of one picture; as often as needed.")
    ] = None,
) -> None:
    """Take the README's pictures, in a real Chromium, of a demonstration that is up."""
    from hypervisor.app import screenshots as pictures
    from hypervisor.base.settings import load_settings
    from hypervisor.exercises import demo

    settings = load_settings(context.obj or demo.folder(None))
    where = address or f"http://{settings.web_host}:{settings.web_port}"
    pictures.take(settings.database_url, where, out, frozenset(only or ()), print)
