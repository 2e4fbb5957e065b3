"""`hypervisor ingest` and `hypervisor import`: how readings come in."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.readings.importing import ImportCounts


def attach(app: typer.Typer) -> None:
    app.command()(ingest)
    app.command("import")(import_readings)


def ingest(
    context: typer.Context,
    worker: Annotated[
        str | None,
        typer.Option(help="Its name in the database and on *Quality* (default: settings)."),
    ] = None,
) -> None:
    """Receive, decode, check and store what devices send, and only then acknowledge it.

    While another process does so, stand by and take over when it is gone. In a cluster the
    processes share out what comes.
    """
    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.readings import ingest_parts, ingest_worker

    settings = load_settings(context.obj)
    log_to_stderr()
    if worker is not None:
        settings = settings.model_copy(update={"worker": worker})
    module = ingest_worker if settings.broker_amqp_port is None else ingest_parts
    module.run(settings, stopping())


def import_readings(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Hub'Eau's layout or wide CSV, gzipped or not.")],
    station: Annotated[
        list[str] | None, typer.Option(help="Only this device; may be given several times.")
    ] = None,
    start: Annotated[str, typer.Option("--from", help="First time, such as 2022-01-10.")] = "",
    end: Annotated[str, typer.Option("--to", help="Last time.")] = "",
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--columns", "--column", help="What a column means: 'Q_m3s=discharge\\[m3/s]'."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The counts as a JSON object.")] = False,
) -> None:
    """Import recorded readings; they have no arrival, so no silence is evaluated of them."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from hypervisor.base.instants import micros
    from hypervisor.base.settings import load_settings
    from hypervisor.database import command
    from hypervisor.database.connect import connect
    from hypervisor.readings import importing
    from hypervisor.registry import queries as registry_queries
    from sensors._domain import catalogue
    from simulators import _recordings

    recording = _recordings.read(
        file,
        stations=station,
        start=command.parse_instant(start, "--from") if start else None,
        end=command.parse_instant(end, "--to") if end else None,
        columns=column,
    )
    for note in recording.notes:
        command.print_note(f"{file}: {note}")
    until = micros(datetime.now(UTC))
    bar = ("importing", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with connect(load_settings(context.obj).database_url, autocommit=True) as connection:
        registry = registry_queries.load(connection)
        rows, counts = importing.check_recording(recording.rows, registry, catalogue(), until=until)
        with Progress(*bar, console=Console(stderr=True)) as progress:
            task = progress.add_task("", total=len(rows))
            importing.store(
                connection, rows, counts, tick=lambda count: progress.advance(task, count)
            )
    _print_counts(counts, as_json=as_json)
    if counts.read and not counts.stored and not counts.already_there:
        raise typer.Exit(1)


def _print_counts(counts: "ImportCounts", *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(vars(counts), ensure_ascii=False))
        return
    print(
        f"{counts.read:,} rows read: {counts.stored:,} stored,"
        f" {counts.already_there:,} already stored, {counts.rejected.total():,} rejected"
    )
    for reason, count in counts.rejected.most_common():
        print(f"  {count:>9,}  {reason}")
