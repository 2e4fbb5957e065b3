"""`hypervisor bench`: performance on this machine."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from hypervisor.bench.ingest import Plan


Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
_ANY_OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True}


def attach(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True, help="Benchmarks of this machine, on private servers."
    )
    group.callback()(lambda: None)
    group.command()(ingest)
    group.command()(rules)
    group.command()(backtest)
    group.command()(latency)
    group.command()(correction)
    group.command()(dashboards)
    group.command()(forecast)
    for name in ("edit", "listeners", "map"):
        group.command(name, hidden=True, context_settings=_ANY_OPTIONS)(_refuse_moved)
    app.add_typer(group, name="bench")


def _refuse_moved(context: typer.Context) -> None:
    """Moved out of the wheel; this notice stays for one version."""
    from hypervisor.bench.servers import BenchError

    raise BenchError(
        f"`bench {context.info_name}` is for developers now: in a checkout, run"
        f" `python -m benchmarks {context.info_name}`"
    )


def forecast(as_json: Json = False) -> None:
    """Issuing the forecasts of 1,000 gauges, and fitting one gauge on seven years."""
    import os

    os.environ["OMP_NUM_THREADS"] = "1"  # one core
    from hypervisor.bench.forecast import measure_forecasts

    figures = measure_forecasts()
    if as_json:
        print(json.dumps(figures.as_json()))
        return
    print(
        f"issue: {figures.gauges:,} gauges, {figures.horizons} horizons in"
        f" {figures.issue_seconds:.2f} s of one core (at most 2 s)"
    )
    print(
        f"fit: one gauge, {figures.years:g} years, {figures.readings:,} readings in"
        f" {figures.fit_seconds:.1f} s of one core (at most 30 s)"
    )


def ingest(
    messages: Annotated[int, typer.Option(help="Messages per run at full speed.")] = 60_000,
    rounds: Annotated[int, typer.Option(help="Runs of each kind at full speed, alternating.")] = 3,
    seconds: Annotated[float, typer.Option(help="Duration of each run at a fixed rate.")] = 1.5,
    kinds: Annotated[
        str, typer.Option(help="Kinds to measure, compared with the first.")
    ] = "bare,ingest",
    form: Annotated[
        str | None,
        typer.Option(
            "--format", help="lorawan-js: uplinks decoded by a script, compared with native."
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Ingest with `watch` running, compared with ingest alone."),
    ] = False,
    rollup: Annotated[
        bool,
        typer.Option("--rollup", help="Ingest with `rollup` running, compared with ingest alone."),
    ] = False,
    forecasts: Annotated[
        bool,
        typer.Option(
            "--forecasts",
            help="Ingest with `rollup` issuing forecasts, compared with ingest alone.",
        ),
    ] = False,
    observations: Annotated[
        bool,
        typer.Option(
            "--observations",
            help="Ingest with `observations` telling readings, compared with ingest alone.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Throughput and delay of ingest, compared with a bare loop."""
    from hypervisor.bench import ingest as measure

    plan = measure.Plan(
        messages=messages, rounds=rounds, seconds=seconds, kinds=tuple(kinds.split(","))
    )
    parts = {
        measure.WATCHED: watch,
        measure.OBSERVED: observations,
        measure.ROLLED: rollup and not forecasts,
        measure.FORECAST: forecasts,
    }
    for kind in (kind for kind, beside in parts.items() if beside):
        plan = plan.compared_beside(kind)
    _run_ingest(plan if form is None else plan.compared_in(form), as_json=as_json)


def _run_ingest(plan: "Plan", *, as_json: bool) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from hypervisor.bench.ingest import Bench
    from hypervisor.bench.servers import ground

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
    gauges: Annotated[
        int, typer.Option(help="Gauges, with a reading every quarter of an hour.")
    ] = 1_000,
    days: Annotated[int, typer.Option(help="Days of readings.")] = 365,
    rounds: Annotated[int, typer.Option(help="Runs; the best counts.")] = 3,
    departements: Annotated[
        int,
        typer.Option(help="Instead: this number of départements by --workers, all rules.", min=0),
    ] = 0,
    workers: Annotated[str, typer.Option(help="Numbers of workers, in turn.")] = "1,2,4",
    rows: Annotated[str, typer.Option(help="Readings of a département, such as 400k.")] = "400k",
    as_json: Json = False,
) -> None:
    """A backtest over a year, compared with the fastest bare read of the same rows."""
    if departements:
        _bench_departements(departements, min(days, 28), workers, rows, rounds, as_json=as_json)
        return
    from hypervisor.bench.backtest import Plan, measure
    from hypervisor.bench.run import run

    run(measure, Plan(gauges=gauges, days=days, rounds=rounds), as_json=as_json)


def _bench_departements(
    count: int, days: int, workers: str, rows: str, rounds: int, *, as_json: bool
) -> None:
    from hypervisor.bench.departements import Plan, measure
    from hypervisor.bench.run import print_result, progress
    from hypervisor.bench.year import many

    counts = [int(number) for number in workers.split(",")]
    plan = Plan(departements=count, days=days, rows=many(rows), workers=counts, rounds=rounds)
    with progress() as tick:
        result = measure(plan, tick)
    print_result(result, as_json=as_json)


def rules(
    sites: Annotated[int, typer.Option(help="Sites, of all domains.")] = 5_000,
    times: Annotated[int, typer.Option(help="Messages per site.")] = 12,
    batch: Annotated[int, typer.Option(help="Readings per batch.")] = 5_000,
    waiting: Annotated[
        int, typer.Option(help="Batches that wait for evaluation at a time; 1: none.", min=1)
    ] = 6,
    processes: Annotated[
        int, typer.Option(help="Among which the evaluation is shared out.", min=1, max=32)
    ] = 1,
    stirred: Annotated[
        float, typer.Option(help="Share of sites where something happens.", min=0, max=1)
    ] = 0.02,
    rules: Annotated[
        int, typer.Option(help="Rules at least: those of the packs under other names.", min=1)
    ] = 1,
    as_json: Json = False,
) -> None:
    """Readings per second that evaluation takes with all rule packs, compared with a bare loop."""
    from hypervisor.bench.rules import Plan, measure
    from hypervisor.bench.run import run

    plan = Plan(
        sites=sites,
        times=times,
        batch=batch,
        waiting=waiting,
        processes=processes,
        stirred=stirred,
        rules=rules,
    )
    run(measure, plan, as_json=as_json)


def latency(
    rate: Annotated[int, typer.Option(help="Messages per second.")] = 1_000,
    sites: Annotated[int, typer.Option(help="Publishing sites.")] = 1_000,
    seconds: Annotated[float, typer.Option(help="Duration.")] = 20.0,
    late: Annotated[
        int, typer.Option(help="Messages per second beside them of readings 34 hours old.", min=0)
    ] = 0,
    as_json: Json = False,
) -> None:
    """Delay from publication to stored alarm, with all rule packs."""
    from hypervisor.bench.latency import SERVER, Plan, measure
    from hypervisor.bench.run import run

    run(
        measure, Plan(rate=rate, sites=sites, seconds=seconds, late=late), as_json=as_json, **SERVER
    )


def correction(
    sites: Annotated[int, typer.Option(help="Sites, of all domains.")] = 11,
    days: Annotated[int, typer.Option(help="Days of readings, one in ten minutes.")] = 365,
    as_json: Json = False,
) -> None:
    """Time until the alarm log agrees with a corrected reading of long ago, with all rule packs."""
    from hypervisor.bench.correction import Plan, measure
    from hypervisor.bench.run import run

    run(measure, Plan(sites=sites, days=days), as_json=as_json)


def dashboards(
    rows: Annotated[str, typer.Option(help="Readings in a year, such as 5M or 300k.")] = "5M",
    rounds: Annotated[int, typer.Option(help="Runs of each panel.")] = 5,
    as_json: Json = False,
) -> None:
    """Every Grafana panel over a year, for two readers, and without roll-ups."""
    from hypervisor.bench.dashboards import Plan, measure
    from hypervisor.bench.run import print_result, progress
    from hypervisor.bench.servers import empty_ground
    from hypervisor.bench.year import many

    plan = Plan(rows=many(rows), rounds=rounds)
    with progress() as tick, empty_ground() as place:
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
    print_result(result, as_json=False)
    for name, panel in sorted(panels.items(), key=lambda entry: -entry[1]["ms"]):
        print(
            f"{panel['ms']:>8,.0f} ms (held {panel['held_ms']:,.0f}, without"
            f" {panel['without_ms']:,.0f}) {name}: {panel['rows']:,} rows"
        )


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
