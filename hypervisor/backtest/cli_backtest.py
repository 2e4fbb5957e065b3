"""`hypervisor rules backtest`: rules evaluated on past readings."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.base.command_groups import group

if TYPE_CHECKING:
    from hypervisor.backtest.evaluate import Tick
    from hypervisor.backtest.model import Span
    from hypervisor.backtest.service import Answer, Question, Recording
    from hypervisor.backtest.worker_pool import Workers

Texts = list[str] | None
Words = Annotated[
    Texts,
    typer.Argument(
        metavar="[RULE|DOMAIN|PACK…]",
        help="Rules in force by id or domain, or packs by file; without any, all in force.",
    ),
]
RecordingFile = Annotated[
    Path | None, typer.Option(help="A recording instead of stored readings; needs no database.")
]
Inventories = Annotated[
    Texts, typer.Option(help="With --file: its sites and devices; an example's name or files.")
]
Stations = Annotated[Texts, typer.Option(help="With --file: only this device (may be repeated).")]
Columns = Annotated[
    Texts, typer.Option("--columns", "--column", help="With --file: 'Q_m3s=discharge\\[m3/s]'.")
]
Sites = Annotated[Texts, typer.Option(help="Only this site (may be repeated).")]
Start = Annotated[str, typer.Option("--from", help="First time, such as 2022-01-10.")]
End = Annotated[str, typer.Option("--to", help="Last time.")]
Events = Annotated[
    Texts, typer.Option(help="Events to compare with: a YAML file, or cance, garonne, poyo.")
]
Against = Annotated[
    Texts, typer.Option(help="Compare with this pack, or with 'SITE/attention=2.4 m'.")
]
WorkersOption = Annotated[
    str, typer.Option(help="Number of processes here, or a Dask scheduler: 'tcp://HOST:8786'.")
]
History = Annotated[
    Path | None,
    typer.Option(help="With --workers: a folder that all machines see, for their readings."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]


def attach(app: typer.Typer) -> None:
    """Add it to `rules`."""
    group(app, "rules").command("backtest")(backtest)


def backtest(
    context: typer.Context,
    words: Words = None,
    file: RecordingFile = None,
    inventory: Inventories = None,
    station: Stations = None,
    column: Columns = None,
    site: Sites = None,
    start: Start = "",
    end: End = "",
    events: Events = None,
    against: Against = None,
    workers: WorkersOption = "",
    history: History = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate rules on past readings: alarms, hits, misses, false alarms, lead time.

    The rules in force or a changed pack, on stored readings or a recording. Nothing is written.
    """
    from hypervisor.backtest.formatting import format_answer
    from hypervisor.backtest.model import BacktestError
    from hypervisor.backtest.registries import parse_trial
    from hypervisor.backtest.service import Recording

    if file is None and (inventory or station or column):
        raise BacktestError("--inventory, --station and --columns go with --file")
    question = replace(
        _read_question(words or [], events or []),
        sites=site or (),
        span=_span(start, end),
        against=None if against is None else parse_trial(against),
    )
    with _workers(context, workers, history, private=file is not None) as pool:
        if file is None:
            answer = _ask_database(context, question, pool)
        else:
            recording = Recording(file=file, stations=station, columns=column)
            answer = _ask_recording(context, recording, inventory, question, pool)
    if as_json:
        print(json.dumps(format_answer(answer), ensure_ascii=False))
    else:
        _print_tables(answer)


def _read_question(words: list[str], events: list[str]) -> "Question":
    """Of rules and packs, and of events, in the files that are named."""
    from hypervisor.backtest.events import read_events
    from hypervisor.backtest.registries import parse_trial
    from hypervisor.backtest.service import Question

    packs = [word for word in words if Path(word).is_file()]
    entries = [entry for event in events for entry in read_events(event)]
    return Question(
        rules=[word for word in words if word not in packs],
        trial=parse_trial(packs),
        events=[replace(entry, number=number) for number, entry in enumerate(entries, start=1)],
    )


@contextmanager
def _workers(
    context: typer.Context, where: str, history: Path | None, *, private: bool
) -> "Iterator[Workers | None]":
    """Those of an option; `private`: in a folder that is gone afterwards, not in the instance's."""
    import re
    from tempfile import TemporaryDirectory

    from hypervisor.backtest.model import BacktestError
    from hypervisor.backtest.worker_pool import FOLDER, Workers
    from hypervisor.base.settings import load_settings

    processes = int(where) if where.isdecimal() else 0
    address = re.fullmatch(r"(tcp|tls)://.+:\d+", where) is not None
    if where and not processes and not address:
        raise BacktestError(
            "--workers {where!r}: expected a number such as 4, or an address such as"
            " tcp://10.0.0.1:8786",
            where,
        )
    if address != (history is not None):
        raise BacktestError("--history goes with the address of a scheduler, and that with it")
    with ExitStack() as stack:
        if not where:
            yield None
            return
        if private:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="hypervisor-")))
        else:
            folder = load_settings(context.obj).data / FOLDER
        yield Workers(where=processes or where, folder=folder, history=history)


def _ask_database(
    context: typer.Context, question: "Question", workers: "Workers | None"
) -> "Answer":
    from hypervisor.backtest.service import backtest_stored
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.readings.queries_columnar import FOLDER
    from sensors._domain import catalogue

    settings = load_settings(context.obj)
    with _progress(workers) as tick, connect(settings.database_url) as connection:
        return backtest_stored(
            connection,
            question,
            catalogue(),
            retention=timedelta(days=settings.raw_retention_days) // timedelta(microseconds=1),
            tick=tick,
            folder=settings.data / FOLDER,
            url=settings.database_url,
            workers=workers,
        )


def _ask_recording(
    context: typer.Context,
    recording: "Recording",
    inventory: list[str] | None,
    question: "Question",
    workers: "Workers | None",
) -> "Answer":
    """With the registry of inventories and the installed packs, else that of the instance."""
    from hypervisor.backtest.registries import of_inventory
    from hypervisor.backtest.service import backtest_recording
    from hypervisor.database.command import open_database, print_note
    from hypervisor.registry import queries as registry_queries
    from rules._pack import packs
    from sensors._domain import catalogue

    domains = catalogue()
    if inventory:
        registry = of_inventory(inventory, domains, packs())
    else:
        with open_database(context) as connection:
            registry = registry_queries.load(connection)
    with _progress(workers) as tick:
        answer, notes = backtest_recording(
            recording, registry, question, domains, tick, workers=workers
        )
    for note in notes:
        print_note(f"{recording.file}: {note}")
    return answer


def _print_tables(answer: "Answer") -> None:
    from rich.console import Console

    from hypervisor.backtest.tables import tables

    console = Console(width=None if sys.stdout.isatty() else 120)
    for part in tables(answer):
        console.print(part)


def _span(start: str, end: str) -> "Span":
    from hypervisor.backtest.model import Span
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
def _progress(workers: "Workers | None") -> "Iterator[Tick]":
    """A progress bar on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    unit = "subjects" if workers is None else "pieces"
    columns = ("evaluating", BarColumn(), MofNCompleteColumn(), unit, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)
