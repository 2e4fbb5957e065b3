"""`hypervisor readings`: list, invalidate, add manual readings, undo; all of it audited."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.database.command import (
    Author,
    Json,
    open_instance,
    parse_instant,
    parse_optional_instant,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from hypervisor.base.settings import Settings
    from hypervisor.database.connect import Connection
    from hypervisor.readings.queries_corrections import StoredReading
    from hypervisor.registry.model import Registry

_FIRST, _LAST = "1801-01-01", "2199-12-31"

Name = Annotated[str, typer.Argument(metavar="DEVICE/QUANTITY", help="Such as orge-mill/level.")]
From = Annotated[str, typer.Option("--from", help="First time: 2024-10-09T14:00Z, or a date.")]
To = Annotated[str, typer.Option("--to", help="Last time, included.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the audit.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, change nothing.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Stored readings and their corrections.")
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
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the latest.")] = 200,
    as_json: Json = False,
) -> None:
    """List readings by time with their quality."""
    from hypervisor.readings import queries_corrections
    from hypervisor.readings.corrections import find_series, make_span
    from sensors._domain import catalogue

    with _open_instance(context) as (connection, registry, _):
        series = find_series(registry, name)
        span = make_span(series, *_parse_span(first or _FIRST, last or _LAST))
        readings = queries_corrections.list_readings(connection, span, limit=limit)
    if as_json:
        print_json(map(_to_json, readings))
        return
    quantity = catalogue().quantities.get(series.quantity)
    _print_table(readings, quantity.unit if quantity else "")
    if len(readings) == limit:
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
    """Exclude the readings of a span, both ends included, from all rules; they are kept."""
    from hypervisor.readings import corrections, queries_corrections

    with _open_instance(context) as (connection, registry, _):
        series = corrections.find_series(registry, name)
        since, until = _parse_span(first, last)
        if dry_run:
            span = corrections.make_span(series, since, until)
            readings = queries_corrections.list_readings(connection, span)
            summary = corrections.summarize_quality(readings) or "none"
            print(f"{name}: {len(readings):,} readings in this span: {summary}")
            return
        attribution = corrections.Attribution(reason=reason, author=author)
        done = corrections.invalidate(connection, series, since, until, attribution)
    already = f"; {done.skipped:,} were already" if done.skipped else ""
    print(f"act {done.number}: {done.rows:,} readings of {name} invalidated{already}")
    print(f"to undo it: `hypervisor readings undo {done.number} --reason …`")


def add(
    context: typer.Context,
    name: Name,
    value: Annotated[float, typer.Argument(help="The value.")],
    unit: Annotated[str, typer.Argument(help="Its unit: cm, m, m3/s …")],
    reason: Annotated[str, typer.Option(help="How and by whom it was read; kept in the audit.")],
    at: Annotated[str, typer.Option(help="When (default: now; in an exercise its clock).")] = "",
    author: Author = "",
    force: Annotated[
        bool, typer.Option("--force", help="Store it although it is out of range, flagged so.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Store a manual reading, which is no sign of life of the device."""
    from datetime import timedelta

    from hypervisor.database.audit import ActError
    from hypervisor.readings import corrections, queries_corrections
    from sensors._domain import catalogue

    definitions = catalogue()
    with _open_instance(context) as (connection, registry, settings):
        time = parse_optional_instant(at, "--at") or queries_corrections.read_clock(connection)
        if time is None:
            raise ActError("the exercise has not begun, so it has no time yet: give --at")
        request = corrections.ObservationRequest(
            series=name, value=value, unit=unit, time=time, force=force
        )
        seen = corrections.check_observation(registry, definitions, request)
        what = f"{name} {seen.value:g} {definitions.quantities[seen.series.quantity].unit}"
        what += f" at {time:%Y-%m-%dT%H:%M:%SZ} ({corrections.format_quality(int(seen.quality))})"
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
    """Undo an invalidation or a manual reading."""
    from hypervisor.readings import corrections

    with _open_instance(context) as (connection, registry, _):
        attribution = corrections.Attribution(reason=reason, author=author)
        done = corrections.undo(connection, registry, act, attribution)
    since = f"; {done.skipped:,} had been replaced since and stay" if done.skipped else ""
    print(f"act {done.number}: act {act} undone, {done.rows:,} readings restored{since}")


@contextmanager
def _open_instance(
    context: typer.Context,
) -> "Iterator[tuple[Connection, Registry, Settings]]":
    from hypervisor.registry import queries as registry

    opened, settings = open_instance(context, autocommit=True)
    with opened as connection:
        yield connection, registry.load(connection), settings


def _parse_span(first: str, last: str) -> tuple[datetime, datetime]:
    return parse_instant(first, "--from"), parse_instant(last, "--to")


def _to_json(reading: "StoredReading") -> dict[str, object]:
    from hypervisor.base.instants import micros, micros_if, text, text_if
    from hypervisor.readings.corrections import format_quality

    return {
        "time": text(micros(reading.time)),
        "value": reading.value,
        "quality": reading.quality,
        "marks": format_quality(reading.quality),
        "received_at": text_if(micros_if(reading.received_at)),
        "act": reading.act,
    }


def _print_table(readings: "list[StoredReading]", unit: str) -> None:
    from hypervisor.readings.corrections import format_quality

    rows = [
        (
            f"{reading.time:%Y-%m-%d %H:%M:%S}",
            "" if reading.value is None else f"{reading.value:g}",
            format_quality(reading.quality),
            "" if reading.received_at is None else f"{reading.received_at:%Y-%m-%d %H:%M:%S}",
            "" if reading.act is None else str(reading.act),
        )
        for reading in readings
    ]
    print_table(("time (UTC)", f"value {unit}", "quality", "arrived", "act"), rows)
