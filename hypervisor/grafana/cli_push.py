"""`hypervisor dashboards push`: into a running Grafana."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.base.command_groups import group
from hypervisor.grafana.cli import Basemap, Console, Lang, make_options

if TYPE_CHECKING:
    from hypervisor.grafana.service_push import Step

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
    """Add it to `dashboards`."""
    group(app, "dashboards").command()(push)


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
    since: Annotated[str, typer.Option("--from", help="As for `build`.")] = "",
    until: Annotated[str, typer.Option("--to", help="As for `build`.")] = "",
    timezone: Annotated[str, typer.Option(help="As for `build`.")] = "",
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
    from hypervisor.grafana.client import Grafana
    from hypervisor.grafana.data_source import source_of
    from hypervisor.grafana.service_build import build_documents

    options = make_options(load_settings(context.obj), lang, console_url, basemap)
    options = replace(options, since=since, until=until, timezone=timezone or options.timezone)
    push_options = service_push.PushOptions(
        documents=build_documents(options),
        folder=folder,
        source=source_of(reader_url) if reader_url else None,
    )
    with closing(Grafana(url, token)) as grafana:
        done = service_push.push(grafana, push_options, dry=dry_run)
    if as_json:
        _print_json(done)
    else:
        _print(done, dry=dry_run)


def _print_json(done: "Sequence[Step]") -> None:
    for step in done:
        row = {"what": step.what, "name": step.name, "how": step.how.value, "note": step.note}
        print(json.dumps(row, ensure_ascii=False))


def _print(done: "Sequence[Step]", *, dry: bool) -> None:
    for step in done:
        print(f"{step.how.value:13} {step.what:11} {step.name} {step.note}".rstrip())
    would = "would change" if dry else "changed"
    changed = any(step.do is not None for step in done)
    print(f"something {would}" if changed else "nothing to change")
