"""`hypervisor dashboards`: Grafana's dashboards built, and held against a database."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dashboards._options import Options
    from hypervisor.base.settings import Settings

Lang = Annotated[str, typer.Option("--lang", help="fr or en.")]
Console = Annotated[
    str | None,
    typer.Option("--console-url", help="Where links to the console lead; default: the settings'."),
]

Basemap = Annotated[
    str | None,
    typer.Option(
        help="Tiles below maps: ign, or https://host/{z}/{x}/{y}.png; default: the settings'."
    ),
]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Grafana's dashboards: built, checked, pushed.")
    group.command()(build)
    group.command()(check)
    app.add_typer(group, name="dashboards")


def build(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="The folder that the JSON files go to.")],
    lang: Lang = "fr",
    console_url: Console = None,
    basemap: Basemap = None,
    since: Annotated[str, typer.Option("--from", help="Time shown first; default: now-24h.")] = "",
    until: Annotated[str, typer.Option("--to", help="Its end; default: now.")] = "",
    timezone: Annotated[str, typer.Option(help="Whose clock; default: the reader's own.")] = "",
    instance: Annotated[
        bool, typer.Option("--instance", help="Clock, and an exercise's time, from its database.")
    ] = False,
) -> None:
    """Write one file a dashboard, for Grafana's provisioning. The same input, the same bytes."""
    from dataclasses import replace

    from hypervisor.base.settings import load_settings
    from hypervisor.grafana.service_build import apply_instance_clock, write_files

    settings = load_settings(context.obj)
    options = make_options(settings, lang, console_url, basemap)
    if instance:
        options = apply_instance_clock(options, settings.database_url)
    options = replace(
        options,
        since=since or options.since,
        until=until or options.until,
        timezone=timezone or options.timezone,
    )
    for path in write_files(out, options):
        typer.echo(str(path))


def check(
    context: typer.Context,
    lang: Lang = "fr",
    console_url: Console = None,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Files that were built, instead of building.")
    ] = None,
    reader_url: Annotated[
        str, typer.Option(envvar="HYPERVISOR_READER_URL", help="A reader's; default: our role.")
    ] = "",
    fill: Annotated[
        bool, typer.Option("--fill", help="On a private database with a simulated week.")
    ] = False,
    scenario: Annotated[str, typer.Option(help="With --fill: the story.")] = "territory-week",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Hold the dashboards against a database; exit 1 if anything is wrong with one."""
    from dashboards._scan import dashboards
    from hypervisor.base.settings import load_settings
    from hypervisor.grafana import boards, service_check

    settings = load_settings(context.obj)
    options = make_options(settings, lang, console_url or settings.public_url or "http://console")
    console = options.console_url.rstrip("/")
    built = (
        boards.read_boards(folder, dashboards())
        if folder
        else boards.build_boards(dashboards(), options)
    )
    if fill:
        report = service_check.check_simulated(
            built, console, scenario, say=lambda text: typer.echo(text, err=True)
        )
    else:
        report = service_check.check_instance(built, console, settings.database_url, reader_url)
    if as_json:
        typer.echo(json.dumps(service_check.report_values(report), ensure_ascii=False))
    else:
        for line in service_check.report_lines(report):
            typer.echo(line)
    raise typer.Exit(1 if report.findings else 0)


def make_options(
    settings: "Settings", lang: str, console_url: str | None, basemap: str | None = None
) -> "Options":
    from dashboards._options import Options
    from dashboards._scan import dashboards
    from dashboards._units import DashboardError
    from hypervisor.web import basemap as tiles
    from sensors._domain import catalogue

    if lang not in ("en", "fr"):
        raise DashboardError(f"--lang {lang!r}: expected fr or en")
    chosen: Any = lang
    below = settings.basemap if basemap is None else basemap
    return Options(
        catalogue=catalogue(),
        lang=chosen,
        console_url=settings.public_url if console_url is None else console_url,
        basemap=tiles.chosen(below),
        basemap_words=tiles.words(below),
        others=dashboards(),
    )
