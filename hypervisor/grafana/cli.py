"""`hypervisor dashboards`: build, check and push Grafana's dashboards."""

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dashboards._options import Options
    from hypervisor.base.settings import Settings

Lang = Annotated[str, typer.Option("--lang", help="fr or en.")]
Console = Annotated[
    str | None,
    typer.Option(
        "--console-url", help="The console's address for links; default: from the settings."
    ),
]
Basemap = Annotated[
    str | None,
    typer.Option(
        help="Tiles below maps: ign, or https://host/{z}/{x}/{y}.png; default: from the settings."
    ),
]
Since = Annotated[
    str, typer.Option("--from", help="Start of the initial time range; default: now-24h.")
]
Until = Annotated[str, typer.Option("--to", help="Its end; default: now.")]
Timezone = Annotated[str, typer.Option(help="Time zone; default: the viewer's.")]
Url = Annotated[
    str,
    typer.Option(
        envvar="HYPERVISOR_GRAFANA_URL", help="Where Grafana is, such as https://grafana.example."
    ),
]
Token = Annotated[
    str,
    typer.Option(
        envvar="HYPERVISOR_GRAFANA_TOKEN",
        help="Token of a service account: Editor, or Admin to create the data source.",
    ),
]
ReaderUrl = Annotated[
    str,
    typer.Option(
        envvar="HYPERVISOR_GRAFANA_READER_URL",
        help="A reader's URL, as Grafana reaches the database; default: keep the data source.",
    ),
]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Build, check and push Grafana's dashboards.")
    group.command()(build)
    group.command()(check)
    group.command()(push)
    app.add_typer(group, name="dashboards")


def build(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for the JSON files.")],
    lang: Lang = "fr",
    console_url: Console = None,
    basemap: Basemap = None,
    since: Since = "",
    until: Until = "",
    timezone: Timezone = "",
    instance: Annotated[
        bool,
        typer.Option(
            "--instance", help="Take time zone, and an exercise's time range, from its database."
        ),
    ] = False,
) -> None:
    """Write one file per dashboard for Grafana's provisioning; deterministic."""
    from hypervisor.base.settings import load_settings
    from hypervisor.grafana.boards import apply_instance_clock, write_files

    settings = load_settings(context.obj)
    options = make_options(settings, lang, console_url, basemap)
    if instance:
        options = apply_instance_clock(options, settings.database_url)
    for path in write_files(out, _set_range(options, since, until, timezone)):
        typer.echo(str(path))


def check(
    context: typer.Context,
    lang: Lang = "fr",
    console_url: Console = None,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Check built files in this folder instead of building."),
    ] = None,
    reader_url: Annotated[
        str,
        typer.Option(
            envvar="HYPERVISOR_READER_URL", help="A reader's URL; default: our own reader role."
        ),
    ] = "",
    fill: Annotated[
        bool, typer.Option("--fill", help="Check on a private database with a simulated week.")
    ] = False,
    scenario: Annotated[str, typer.Option(help="With --fill: the scenario.")] = "territory-week",
    inventory: Annotated[
        list[str] | None,
        typer.Option(
            help="With --fill: files or examples instead of the Essonne; only dashboards of the"
            " domains of their sites are checked. Repeatable."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Check the dashboards against a database; exit 1 if there are problems."""
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
            built,
            console,
            scenario,
            sources=inventory,
            say=lambda text: typer.echo(text, err=True),
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


def _set_range(options: "Options", since: str, until: str, timezone: str) -> "Options":
    from dataclasses import replace

    return replace(
        options,
        since=since or options.since,
        until=until or options.until,
        timezone=timezone or options.timezone,
    )


def push(
    context: typer.Context,
    url: Url,
    token: Token = "",
    folder: Annotated[
        str | None, typer.Option(help="Title of the folder; default: unchanged, or Hypervisor.")
    ] = None,
    reader_url: ReaderUrl = "",
    lang: Lang = "fr",
    console_url: Console = None,
    basemap: Basemap = None,
    since: Since = "",
    until: Until = "",
    timezone: Timezone = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would change, change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Push the dashboards into a Grafana 12 or newer; only changes are written.

    Removes our dashboards that no longer exist and touches nothing else.
    """
    from hypervisor.base.settings import load_settings
    from hypervisor.grafana import service_push
    from hypervisor.grafana.boards import build_documents
    from hypervisor.grafana.client import Grafana

    options = make_options(load_settings(context.obj), lang, console_url, basemap)
    push_options = service_push.PushOptions(
        documents=build_documents(_set_range(options, since, until, timezone)),
        folder=folder,
        source=service_push.source_of(reader_url) if reader_url else None,
    )
    with closing(Grafana(url, token)) as grafana:
        done = service_push.push(grafana, push_options, dry=dry_run)
    for step in done:
        if as_json:
            row = {"what": step.what, "name": step.name, "how": step.how.value, "note": step.note}
            print(json.dumps(row, ensure_ascii=False))
        else:
            print(f"{step.how.value:13} {step.what:11} {step.name} {step.note}".rstrip())
    if not as_json:
        would = "would change" if dry_run else "changed"
        changed = any(step.do is not None for step in done)
        print(f"something {would}" if changed else "nothing to change")
