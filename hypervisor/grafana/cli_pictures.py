"""`hypervisor dashboards pictures`: what the dashboards show, drawn without Grafana."""

from pathlib import Path
from typing import Annotated

import typer

from hypervisor.base.command_groups import group


def attach(app: typer.Typer) -> None:
    """Add it to `dashboards`."""
    group(app, "dashboards").command()(pictures)


def pictures(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("docs/pictures"),
    lang: Annotated[str, typer.Option(help="fr or en.")] = "en",
    only: Annotated[
        list[str] | None, typer.Option(help="The key of one dashboard; as often as needed.")
    ] = None,
    days: Annotated[float, typer.Option(help="How long before the data's end.")] = 7,
    theme: Annotated[str, typer.Option(help="light or dark.")] = "light",
    tall: Annotated[
        int, typer.Option(help="At most so many pixels, cut between panels; 0: all of it.")
    ] = 0,
    reader_url: Annotated[
        str, typer.Option(envvar="HYPERVISOR_READER_URL", help="A reader's; default: our role.")
    ] = "",
) -> None:
    """Draw each dashboard's data, in a real Chromium: pictures for the README, not Grafana's."""
    from datetime import timedelta

    from hypervisor.base.settings import load_settings
    from hypervisor.grafana import inspecting
    from hypervisor.grafana.cli import options_of
    from hypervisor.grafana.pictures import PictureOptions, take

    settings = load_settings(context.obj)
    wanted = PictureOptions(
        boards=inspecting.built(options_of(settings, lang, None)),
        length=timedelta(days=days),
        lang=lang,
        theme=theme,
        tall=tall,
        only=frozenset(only or ()),
    )
    take(wanted, settings.database_url, reader_url, out, typer.echo)
