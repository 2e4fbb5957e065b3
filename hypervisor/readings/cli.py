"""`hypervisor readings`: list, invalidate, add what was seen, undo; all of it audited."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.base.settings import Settings
    from hypervisor.database.connect import Connection
    from hypervisor.readings.queries_corrections import StoredReading
    from hypervisor.registry.model import Registry

_FIRST, _LAST = "1801-01-01", "2199-12-31"  # when nobody says from when to when

Name = Annotated[str, typer.Argument(metavar="DEVICE/QUANTITY", help="Such as orge-mill/level.")]
From = Annotated[str, typer.Option("--from", help="First time: 2024-10-09T14:00Z, or a date.")]
To = Annotated[str, typer.Option("--to", help="Last time, included.")]
Reason = Annotated[str, typer.Option(help="Why; kept for good.")]
Author = Annotated[str, typer.Option(help="Who says so; default: your user name.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, change nothing.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Stored readings, and what people do to them.")
    group.command("list")(list_readings)
    group.command()(invalidate)
    group.command()(add)
    group.command()(undo)
    app.add_typer(group, name="readings")


def list_readings(
    context: typer.Context,
    name: Name,
    first: From = "",
    last: To = "",
    limit: Annotated[int, typer.Option(help="At most so many, the latest.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List readings by time with their quality in words."""
    from hypervisor.readings import queries_corrections
    from hypervisor.readings.corrections import make_span
    from hypervisor.readings.names import find_series
    from sensors._domain import catalogue

    with _open_instance(context) as (connection, registry, _):
        series = find_series(registry, name)
        span = make_span(series, _parse_time(first or _FIRST), _parse_time(last or _LAST))
        stored_rows = queries_corrections.list_readings(connection, span, limit=limit)
    quantity = catalogue().quantities.get(series.quantity)
    if as_json:
        for stored in stored_rows:
            print(json.dumps(_to_json(stored), ensure_ascii=False))
        return
    _print_table(stored_rows, quantity.unit if quantity else "")
    if len(stored_rows) == limit:
        print(f"the latest {limit:,} of them; --from, --to and --limit show others")


def invalidate(
    context: typer.Context,
    name: Name,
    first: From,
    last: To,
    reason: Reason,
    author: Author = "",
    dry_run: DryRun = False,
) -> None:
    """Let no alarm believe the readings of a span, both ends included; they are kept."""
    from hypervisor.readings import corrections, queries_corrections
    from hypervisor.readings.names import find_series

    with _open_instance(context) as (connection, registry, _):
        series = find_series(registry, name)
        since, until = _parse_time(first), _parse_time(last)
        if dry_run:
            stored_rows = queries_corrections.list_readings(
                connection, corrections.make_span(series, since, until)
            )
            summary = corrections.summarize_quality(stored_rows) or "none"
            print(f"{name}: {len(stored_rows):,} readings there: {summary}")
            return
        attribution = corrections.Attribution(reason=reason, author=author)
        done = corrections.invalidate(connection, series, since, until, attribution)
    already = f"; {done.skipped:,} were already" if done.skipped else ""
    print(f"act {done.number}: {done.rows:,} readings of {name} invalidated{already}")
    print(f"`hypervisor readings undo {done.number} --reason …` takes it back")


def add(
    context: typer.Context,
    name: Name,
    value: Annotated[float, typer.Argument(help="What was seen.")],
    unit: Annotated[str, typer.Argument(help="In which unit: cm, m, m3/s …")],
    reason: Annotated[str, typer.Option(help="How it was seen, by whom; kept for good.")],
    at: Annotated[str, typer.Option(help="When; default: now (in an exercise: its clock).")] = "",
    author: Author = "",
    force: Annotated[
        bool, typer.Option("--force", help="Store it although it is out of range, marked so.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Store a manual observation: a value that a person read, no sign of life of the device."""
    from datetime import timedelta

    from hypervisor.database.audit import ActError
    from hypervisor.readings import corrections, queries_corrections
    from hypervisor.readings.names import format_quality
    from sensors._domain import catalogue

    definitions = catalogue()
    with _open_instance(context) as (connection, registry, settings):
        time = _parse_time(at) if at else queries_corrections.read_clock(connection)
        if time is None:
            raise ActError("the exercise has not begun, so it has no now: say --at")
        request = corrections.ObservationRequest(
            series=name, value=value, unit=unit, time=time, force=force
        )
        seen = corrections.check_observation(registry, definitions, request)
        what = f"{name} {seen.value:g} {definitions.quantities[seen.series.quantity].unit}"
        what += f" at {time:%Y-%m-%dT%H:%M:%SZ} ({format_quality(int(seen.quality))})"
        if dry_run:
            print(f"would be stored: {what}")
            return
        attribution = corrections.Attribution(reason=reason, author=author)
        ahead = timedelta(seconds=settings.ahead_seconds)
        done = corrections.observe(connection, seen, attribution, ahead=ahead)
    print(f"act {done.number}: {what}")


def undo(
    context: typer.Context,
    act: Annotated[int, typer.Argument(metavar="ACT", help="Its number, see `hypervisor audit`.")],
    reason: Reason,
    author: Author = "",
) -> None:
    """Take an invalidation or a manual observation back."""
    from hypervisor.readings import corrections

    with _open_instance(context) as (connection, registry, _):
        attribution = corrections.Attribution(reason=reason, author=author)
        done = corrections.undo(connection, registry, act, attribution)
    since = f"; {done.skipped:,} had been replaced since and stay" if done.skipped else ""
    print(f"act {done.number}: act {act} undone, {done.rows:,} readings stand as before{since}")


@contextmanager
def _open_instance(
    context: typer.Context,
) -> "Iterator[tuple[Connection, Registry, Settings]]":
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.registry import queries as registry

    settings = load_settings(context.obj)
    with connect(settings.database_url, autocommit=True) as connection:
        yield connection, registry.load(connection), settings


def _parse_time(text: str) -> datetime:
    from hypervisor.database.audit import ActError
    from sensors._scalars import ScalarError, instant

    try:
        return instant(text)
    except ScalarError as error:
        raise ActError(str(error)) from error


def _to_json(stored: "StoredReading") -> dict[str, object]:
    from hypervisor.base.instants import micros
    from hypervisor.base.instants import text as written
    from hypervisor.readings.names import format_quality

    return {
        "time": written(micros(stored.time)),
        "value": stored.value,
        "quality": stored.quality,
        "marks": format_quality(stored.quality),
        "received_at": None if stored.received_at is None else written(micros(stored.received_at)),
        "act": stored.act,
    }


def _print_table(stored_rows: "list[StoredReading]", unit: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from hypervisor.readings.names import format_quality

    table = Table("time (UTC)", f"value {unit}", "quality", "arrived", "act", box=None)
    for stored in stored_rows:
        table.add_row(
            f"{stored.time:%Y-%m-%d %H:%M:%S}",
            "" if stored.value is None else f"{stored.value:g}",
            format_quality(stored.quality),
            "" if stored.received_at is None else f"{stored.received_at:%Y-%m-%d %H:%M:%S}",
            "" if stored.act is None else str(stored.act),
        )
    Console().print(table)
