"""`hypervisor rules backtest`: when would these rules have raised an alarm, and were they right?"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.base.command_groups import group

if TYPE_CHECKING:
    from hypervisor.backtest.evaluate import Span, Tick
    from hypervisor.backtest.events import Entry
    from hypervisor.base.settings import Settings
    from hypervisor.registry.model import Registry
    from sensors._domain import Catalogue


def attach(app: typer.Typer) -> None:
    """Add it to `rules`."""
    group(app, "rules").command("backtest")(backtest)


def backtest(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RULE|DOMAIN|PACK…]",
            help="Rules in force by id or domain, or packs by file; without any, all in force.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="A recording instead of what is stored; needs no database."),
    ] = None,
    inventory: Annotated[
        list[str] | None,
        typer.Option(help="With --file: what stands where, an example's name or files."),
    ] = None,
    station: Annotated[
        list[str] | None, typer.Option(help="With --file: only this device (may be repeated).")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--columns", "--column", help="With --file: 'Q_m3s=discharge[m3/s]'."),
    ] = None,
    site: Annotated[
        list[str] | None, typer.Option(help="Only this site (may be repeated).")
    ] = None,
    start: Annotated[str, typer.Option("--from", help="First time, such as 2022-01-10.")] = "",
    end: Annotated[str, typer.Option("--to", help="Last time.")] = "",
    events: Annotated[
        list[str] | None,
        typer.Option(help="What really happened: a YAML file, or cance, garonne, poyo."),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="What would differ with this pack, or 'SITE/attention=2.4 m'."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Judge the past by rules, beside the log: alarms, hits, misses, false alarms, lead time.

    By the rules in force or by a changed pack, over stored readings or a recording. Nothing is
    written.
    """
    from rich.console import Console

    from hypervisor.backtest.errors import BacktestError
    from hypervisor.backtest.events import read_events
    from hypervisor.backtest.formatting import format_answer
    from hypervisor.backtest.options import BacktestOptions, Recording, in_words, of_file, of_store
    from hypervisor.backtest.registries import trial_of
    from hypervisor.backtest.tables import tables
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.readings.queries_columnar import FOLDER
    from sensors._domain import catalogue as load_catalogue

    if file is None and (inventory or station or column):
        raise BacktestError("--inventory, --station and --columns go with --file")
    rules, trial = in_words(words or [])
    options = BacktestOptions(
        rules=rules,
        trial=trial,
        sites=site or (),
        span=_span(start, end),
        events=_numbered([entry for event in events or [] for entry in read_events(event)]),
        against=None if against is None else trial_of(against),
    )
    settings = load_settings(context.obj)
    catalogue = load_catalogue()
    with _progress() as tick:
        if file is None:
            with connect(settings.database_url) as connection:
                answer = of_store(
                    connection,
                    options,
                    catalogue,
                    retention=_retention(settings),
                    tick=tick,
                    folder=settings.data / FOLDER,
                    url=settings.database_url,
                )
        else:
            registry = _registry(settings, inventory, catalogue)
            recording = Recording(file=file, stations=station, columns=column)
            answer, notes = of_file(recording, registry, options, catalogue, tick)
            for note in notes:
                print(f"{file}: {note}", file=sys.stderr)
    if as_json:
        print(json.dumps(format_answer(answer), ensure_ascii=False))
        return
    console = Console(width=None if sys.stdout.isatty() else 120)
    for part in tables(answer):
        console.print(part)


def _registry(
    settings: "Settings", inventory: list[str] | None, catalogue: "Catalogue"
) -> "Registry":
    """What stands where: by inventories and the packs here, else as the instance knows it."""
    from hypervisor.backtest.registries import of_inventory
    from hypervisor.database.connect import connect
    from hypervisor.registry import queries as registry
    from rules._pack import packs

    if inventory:
        return of_inventory(inventory, catalogue, packs())
    with connect(settings.database_url) as connection:
        return registry.load(connection)


def _numbered(entries: "list[Entry]") -> "list[Entry]":
    """Those of several files have each a number of its own."""
    return [replace(entry, number=number) for number, entry in enumerate(entries, start=1)]


def _retention(settings: "Settings") -> int:
    return timedelta(days=settings.raw_retention_days) // timedelta(microseconds=1)


def _span(start: str, end: str) -> "Span":
    from hypervisor.backtest.evaluate import Span
    from hypervisor.base.instants import micros
    from sensors._scalars import ScalarError, instant

    try:
        return Span(
            since=micros(instant(start)) if start else None,
            until=micros(instant(end)) if end else None,
        )
    except ScalarError as error:
        raise typer.BadParameter(str(error)) from error


@contextmanager
def _progress() -> "Iterator[Tick]":
    """A bar on stderr, once there is something to wait for."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("judging", BarColumn(), MofNCompleteColumn(), "subjects", TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)
