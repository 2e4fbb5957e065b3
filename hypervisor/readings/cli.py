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
    from hypervisor.readings.queries_corrections import Stored
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
    group.command("list")(list_)
    group.command()(invalidate)
    group.command()(add)
    group.command()(undo)
    app.add_typer(group, name="readings")


def list_(
    context: typer.Context,
    name: Name,
    first: From = "",
    last: To = "",
    limit: Annotated[int, typer.Option(help="At most so many, the latest.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List readings by time with their quality in words."""
    from hypervisor.readings import queries_corrections
    from hypervisor.readings.corrections import span_of
    from hypervisor.readings.names import series_named
    from sensors._domain import catalogue

    with _instance(context) as (connection, registry, _):
        series = series_named(registry, name)
        span = span_of(series, _time(first or _FIRST), _time(last or _LAST))
        stored_rows = queries_corrections.standing(connection, span, limit=limit)
    quantity = catalogue().quantities.get(series.quantity)
    if as_json:
        for one in stored_rows:
            print(json.dumps(_plain(one), ensure_ascii=False))
        return
    _show(stored_rows, quantity.unit if quantity else "")
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
    from hypervisor.readings.names import series_named

    with _instance(context) as (connection, registry, _):
        series = series_named(registry, name)
        since, until = _time(first), _time(last)
        if dry_run:
            found = queries_corrections.standing(
                connection, corrections.span_of(series, since, until)
            )
            print(f"{name}: {len(found):,} readings there: {corrections.summary(found) or 'none'}")
            return
        said = corrections.Said(reason=reason, author=author)
        done = corrections.invalidate(connection, series, since, until, said)
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
    from hypervisor.readings.names import marks
    from sensors._domain import catalogue

    known = catalogue()
    with _instance(context) as (connection, registry, settings):
        time = _time(at) if at else queries_corrections.clock(connection)
        if time is None:
            raise ActError("the exercise has not begun, so it has no now: say --at")
        told = corrections.CorrectionResult(
            series=name, value=value, unit=unit, time=time, force=force
        )
        seen = corrections.checked(registry, known, told)
        what = f"{name} {seen.value:g} {known.quantities[seen.series.quantity].unit}"
        what += f" at {time:%Y-%m-%dT%H:%M:%SZ} ({marks(int(seen.quality))})"
        if dry_run:
            print(f"would be stored: {what}")
            return
        said = corrections.Said(reason=reason, author=author)
        ahead = timedelta(seconds=settings.ahead_seconds)
        done = corrections.observe(connection, seen, said, ahead=ahead)
    print(f"act {done.number}: {what}")


def undo(
    context: typer.Context,
    act: Annotated[int, typer.Argument(metavar="ACT", help="Its number, see `hypervisor audit`.")],
    reason: Reason,
    author: Author = "",
) -> None:
    """Take an invalidation or a manual observation back."""
    from hypervisor.readings import corrections

    with _instance(context) as (connection, registry, _):
        said = corrections.Said(reason=reason, author=author)
        done = corrections.undo(connection, registry, act, said)
    since = f"; {done.skipped:,} had been replaced since and stay" if done.skipped else ""
    print(f"act {done.number}: act {act} undone, {done.rows:,} readings stand as before{since}")


@contextmanager
def _instance(
    context: typer.Context,
) -> "Iterator[tuple[Connection, Registry, Settings]]":
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.registry import queries as registry

    settings = load_settings(context.obj)
    with connect(settings.database_url, autocommit=True) as connection:
        yield connection, registry.load(connection), settings


def _time(text: str) -> datetime:
    from hypervisor.base.scalars import ScalarError, instant
    from hypervisor.database.audit import ActError

    try:
        return instant(text)
    except ScalarError as error:
        raise ActError(str(error)) from error


def _plain(stored: "Stored") -> dict[str, object]:
    from hypervisor.base.instants import micros
    from hypervisor.base.instants import text as written
    from hypervisor.readings.names import marks

    return {
        "time": written(micros(stored.time)),
        "value": stored.value,
        "quality": stored.quality,
        "marks": marks(stored.quality),
        "received_at": None if stored.received_at is None else written(micros(stored.received_at)),
        "act": stored.act,
    }


def _show(found: "list[Stored]", unit: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from hypervisor.readings.names import marks

    table = Table("time (UTC)", f"value {unit}", "quality", "arrived", "act", box=None)
    for one in found:
        table.add_row(
            f"{one.time:%Y-%m-%d %H:%M:%S}",
            "" if one.value is None else f"{one.value:g}",
            marks(one.quality),
            "" if one.received_at is None else f"{one.received_at:%Y-%m-%d %H:%M:%S}",
            "" if one.act is None else str(one.act),
        )
    Console().print(table)
