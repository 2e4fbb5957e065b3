"""`hypervisor import`: real history, as it was recorded."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.readings.importing import ImportCounts


def attach(app: typer.Typer) -> None:
    app.command("import")(import_readings)


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
        typer.Option(help="What a column means: 'Q_m3s=discharge[m3/s]'."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The account as a JSON object.")] = False,
) -> None:
    """Load recorded readings: no arrival, so no silence is judged of them, and no horizon."""
    from hypervisor.base.instants import micros
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.readings import importing
    from hypervisor.registry import queries as registry_queries
    from sensors._domain import catalogue
    from simulators import _recordings

    recording = _recordings.read(
        file, stations=station, start=_parse_time(start), end=_parse_time(end), columns=column
    )
    for note in recording.notes:
        print(f"{file}: {note}", file=sys.stderr)
    until = micros(datetime.now(UTC))
    settings = load_settings(context.obj)
    with connect(settings.database_url, autocommit=True) as connection:
        registry = registry_queries.load(connection)
        rows, account = importing.check_recording(
            recording.rows, registry, catalogue(), until=until
        )
        with _show_progress(len(rows)) as tick:
            importing.store(connection, rows, account, tick=tick)
    _print_counts(account, as_json=as_json)
    if account.read and not account.stored and not account.already_there:
        raise typer.Exit(1)


def _parse_time(text: str) -> datetime | None:
    from sensors._scalars import ScalarError, instant

    try:
        return instant(text) if text else None
    except ScalarError as error:
        raise typer.BadParameter(str(error)) from error


def _print_counts(account: "ImportCounts", *, as_json: bool) -> None:
    if as_json:
        counts = {
            "read": account.read,
            "stored": account.stored,
            "already_there": account.already_there,
            "rejected": dict(account.rejected),
        }
        print(json.dumps(counts, ensure_ascii=False))
        return
    print(
        f"{account.read:,} rows read: {account.stored:,} stored,"
        f" {account.already_there:,} already there, {account.rejected.total():,} rejected"
    )
    for reason, count in account.rejected.most_common():
        print(f"  {count:>9,}  {reason}")


@contextmanager
def _show_progress(total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("importing", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total)
        yield lambda count: progress.advance(task, count)
