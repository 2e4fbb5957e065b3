"""`hypervisor bench`: how fast it is on this machine, measured against the bare minimum."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from hypervisor.bench.servers import Ground

Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Tick = Callable[[str, int, int], None]
_Plan = TypeVar("_Plan")


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Measure this machine.")
    group.callback()(lambda: None)
    group.command()(ingest)
    group.command()(rules)
    group.command()(backtest)
    group.command()(latency)
    group.command("map")(map_)
    group.command()(dashboards)
    group.command()(listeners)
    group.command()(edit)
    app.add_typer(group, name="bench")


def ingest(
    messages: Annotated[int, typer.Option(help="Messages of each run at full speed.")] = 60_000,
    rounds: Annotated[int, typer.Option(help="Runs at full speed of each kind, by turns.")] = 3,
    seconds: Annotated[float, typer.Option(help="Length of each run at a fixed rate.")] = 1.5,
    kinds: Annotated[str, typer.Option(help="Who is measured: against the first.")] = "bare,ingest",
    form: Annotated[
        str | None,
        typer.Option("--format", help="lorawan-js: uplinks that a script decodes, against native."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="With a watch beside it, against ingest alone.")
    ] = False,
    rollup: Annotated[
        bool, typer.Option("--rollup", help="With roll-ups kept beside it, against ingest alone.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ingest, with checks, registry and feed, against a bare loop, on servers of its own."""
    from rich.console import Console
    from rich.progress import Progress

    from hypervisor.bench.ingest import FORMS, ROLLED, WATCHED, Bench, BenchError, Plan
    from hypervisor.bench.servers import ground

    if form is not None and form not in FORMS:
        raise BenchError(f"--format {form!r}: expected {', '.join(FORMS)}")
    plan = Plan(messages=messages, rounds=rounds, seconds=seconds, kinds=tuple(kinds.split(",")))
    if watch:
        plan = replace(plan, kinds=("ingest", WATCHED))
    if rollup:  # long enough that hours are made anew while more comes
        plan = replace(plan, messages=messages * 4, seconds=seconds * 5)
        plan = replace(plan, rows=(4,), rates=(1_000,), kinds=("ingest", ROLLED))
    if form is not None:
        plan = replace(plan, messages=messages // 3, rows=(4,), rates=(1_000,), kinds=FORMS[form])
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting servers", total=plan.runs)

        def tick(text: str) -> None:
            progress.update(task, advance=1, description=text)

        with ground() as place:
            cases = Bench(ground=place, plan=plan, tick=tick).cases()
    if as_json:
        print(json.dumps({"bench": "ingest", "cases": cases}))
        return
    console = Console()
    for table in _tables(cases, plan.kinds):
        console.print(table)


def backtest(
    gauges: Annotated[int, typer.Option(help="So many gauges, every quarter of an hour.")] = 1_000,
    days: Annotated[int, typer.Option(help="Of each.")] = 365,
    rounds: Annotated[int, typer.Option(help="Of each measurement; the best counts.")] = 3,
    as_json: Json = False,
) -> None:
    """One rule over a year of gauges, beside the fastest bare read of the same rows."""
    from hypervisor.bench.backtest import Plan, measure

    _run(measure, Plan(gauges=gauges, days=days, rounds=rounds), as_json=as_json)


def rules(
    sites: Annotated[int, typer.Option(help="So many sites, of all domains.")] = 5_000,
    times: Annotated[int, typer.Option(help="How often each speaks.")] = 12,
    batch: Annotated[int, typer.Option(help="Readings that come together.")] = 5_000,
    as_json: Json = False,
) -> None:
    """Readings a second that the watch judges by all packs."""
    from hypervisor.bench.rules import Plan, measure

    _run(measure, Plan(sites=sites, times=times, batch=batch), as_json=as_json)


def latency(
    rate: Annotated[int, typer.Option(help="Messages a second.")] = 1_000,
    sites: Annotated[int, typer.Option(help="So many sites speak.")] = 1_000,
    seconds: Annotated[float, typer.Option(help="For so long.")] = 20.0,
    as_json: Json = False,
) -> None:
    """From publication to the stored alarm, with all packs at work."""
    from hypervisor.bench.latency import SERVER, Plan, measure

    _run(measure, Plan(rate=rate, sites=sites, seconds=seconds), as_json=as_json, **SERVER)


def listeners(
    listeners: Annotated[int, typer.Option(help="So many listen to events.")] = 200,
    rate: Annotated[int, typer.Option(help="Messages a second meanwhile.")] = 500,
    seconds: Annotated[float, typer.Option(help="For so long.")] = 20.0,
    as_json: Json = False,
) -> None:
    """What the web process costs while many listen and alarms come and go."""
    from hypervisor.bench.latency import SERVER
    from hypervisor.bench.listeners import Plan, measure

    plan = Plan(listeners=listeners, rate=rate, seconds=seconds)
    _run(measure, plan, as_json=as_json, **SERVER)


def edit(
    gauges: Annotated[int, typer.Option(help="So many gauges in the territory.")] = 1_000,
    days: Annotated[int, typer.Option(help="Of readings, every quarter of an hour.")] = 365,
    edits: Annotated[int, typer.Option(help="So many.")] = 20,
    as_json: Json = False,
) -> None:
    """A threshold moved, its year judged beside today's, as the console asks for it."""
    from hypervisor.bench.edit import Plan, measure

    _run(measure, Plan(gauges=gauges, days=days, edits=edits), as_json=as_json)


def map_(
    sites: Annotated[
        int, typer.Option(help="So many on the map, one in eight with an alarm.")
    ] = 5_000,
    as_json: Json = False,
) -> None:
    """Long tasks of the map in a browser that renders in software; needs the developers' tools."""
    from hypervisor.bench.map import Plan, measure

    _run(measure, Plan(sites=sites), as_json=as_json)


def dashboards(
    rows: Annotated[str, typer.Option(help="Readings of a year: 5M, 50M.")] = "5M",
    rounds: Annotated[int, typer.Option(help="How often each panel is asked.")] = 5,
    as_json: Json = False,
) -> None:
    """Every panel of Grafana's dashboards over a year, as two readers and without roll-ups."""
    from hypervisor.bench.dashboards import Plan, measure
    from hypervisor.bench.servers import empty_ground
    from hypervisor.bench.year import many

    plan = Plan(rows=many(rows), rounds=rounds)
    with _progress() as tick, empty_ground() as place:
        result = measure(place, plan, tick)
    if as_json:
        print(json.dumps(result))
        return
    panels = {
        f"{board} {name}": panel
        for board, figures in result.pop("dashboards").items()
        for name, panel in figures["panels"].items()
    }
    for name, message in result.pop("failed").items():
        print(f"{name} failed: {message}")
    _say(result, as_json=False)
    for name, panel in sorted(panels.items(), key=lambda entry: -entry[1]["ms"]):
        print(
            f"{panel['ms']:>8,.0f} ms (held {panel['held_ms']:,.0f}, without"
            f" {panel['without_ms']:,.0f}) {name}: {panel['rows']:,} rows"
        )


def _run(
    measure: "Callable[[Ground, _Plan, Tick], dict[str, Any]]",
    plan: _Plan,
    *,
    as_json: bool,
    **extra: str,
) -> None:
    """Measure on servers of its own, and say what was found. `extra`: settings of its database."""
    from hypervisor.bench.servers import ground

    with _progress() as tick, ground(**extra) as place:
        result = measure(place, plan, tick)
    _say(result, as_json=as_json)


@contextmanager
def _progress() -> Iterator[Tick]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting servers", total=None)
        yield lambda text, done, of: progress.update(
            task, description=text, completed=done, total=of
        )


def _say(result: dict[str, Any], *, as_json: bool) -> None:
    """One object, or a line for each of its figures."""
    if as_json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name.replace('_', ' '):>20}  {value:,}" if not isinstance(value, str) else value)


def _tables(cases: list[dict[str, Any]], kinds: tuple[str, ...]) -> "list[Table]":
    from rich.table import Table

    speed = Table("a message", *kinds, "ratio", "rows lost", title="messages/s (rows/s); a message")
    delay = Table("at", *kinds, "p99 ratio", title="publish → committed, p50 / p99 in ms")
    for case in cases:
        cells = [
            f"{case[kind]['messages_s']:,} ({case[kind]['rows_s']:,});"
            f" {case[kind]['us_a_message']} µs"
            for kind in kinds
        ]
        speed.add_row(
            f"{case['rows_a_message']} rows", *cells, f"{case['ratio']:.2f}", str(case["rows_lost"])
        )
        for rate, ratio in case["p99_ratio"].items():
            delays = [case[kind]["delay_ms"][rate] for kind in kinds]
            delay.add_row(
                f"{int(rate):,} messages/s of {case['rows_a_message']} rows",
                *(f"{each['p50']} / {each['p99']}" for each in delays),
                f"{ratio:.2f}",
            )
    return [speed, delay]
