"""`python -m benchmarks`: benchmarks for developers, on private servers."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from benchmarks import besieged as besieged_bench
from benchmarks import citizens as citizens_bench
from benchmarks import edit as edit_bench
from benchmarks import failover as failover_bench
from benchmarks import hydrographs as hydrograph_bench
from benchmarks import listeners as listeners_bench
from benchmarks import map as map_bench
from benchmarks import pages as pages_bench
from benchmarks import parts as parts_bench
from benchmarks import reconnecting as reconnecting_bench
from benchmarks import sensorthings as sensorthings_bench
from benchmarks import subscribers as subscribers_bench
from benchmarks.stations import KINDS, Kind
from hypervisor.bench.latency import SERVER
from hypervisor.bench.run import Json, print_result, progress, run
from tests.cluster.databases import Fault

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Benchmarks for developers.")


@app.command()
def listeners(
    listeners: Annotated[int, typer.Option(help="Clients listening to events.")] = 200,
    rate: Annotated[int, typer.Option(help="Messages per second meanwhile.")] = 500,
    seconds: Annotated[float, typer.Option(help="Duration.")] = 20.0,
    as_json: Json = False,
) -> None:
    """CPU of the web process while many clients listen and alarms come and go."""
    plan = listeners_bench.Plan(listeners=listeners, rate=rate, seconds=seconds)
    run(listeners_bench.measure, plan, as_json=as_json, **SERVER)


@app.command()
def edit(
    gauges: Annotated[int, typer.Option(help="Gauges in the territory.")] = 1_000,
    days: Annotated[int, typer.Option(help="Days of readings, every quarter of an hour.")] = 365,
    edits: Annotated[int, typer.Option(help="Number of edits.")] = 20,
    as_json: Json = False,
) -> None:
    """Time to evaluate a year of readings with an edited threshold, over HTTP."""
    plan = edit_bench.Plan(gauges=gauges, days=days, edits=edits)
    run(edit_bench.measure, plan, as_json=as_json)


@app.command()
def failover(
    kind: Annotated[
        failover_bench.Kind,
        typer.Option(help="Patroni with our lease, with its own shortest, or pg_auto_failover."),
    ] = "short",
    fault: Annotated[
        Fault, typer.Option(help="What is lost of the primary; `server` is its process.")
    ] = "machine",
    losses: Annotated[int, typer.Option(help="How often.")] = 20,
    as_json: Json = False,
) -> None:
    """How long nothing is written when the primary of three databases is lost (root)."""
    plan = failover_bench.Plan(kind=kind, fault=fault, losses=losses)
    with progress() as tick:
        print_result(failover_bench.measure(plan, tick), as_json=as_json)


@app.command()
def parts(
    messages: Annotated[int, typer.Option(help="Of four readings, a run.")] = 40_000,
    rounds: Annotated[int, typer.Option(help="Runs of each kind.")] = 3,
    kind: Annotated[Kind | None, typer.Option(help="None: all; three need root.")] = None,
    as_json: Json = False,
) -> None:
    """Readings a second through mosquitto, a RabbitMQ node and three; processor seconds."""
    kinds = (kind,) if kind else tuple(KINDS)
    plan = parts_bench.PartsPlan(messages=messages, rounds=rounds, kinds=kinds)
    with progress() as tick:
        print_result(parts_bench.measure(plan, tick), as_json=as_json)


@app.command()
def reconnecting(
    devices: Annotated[int, typer.Option(help="Devices of the broker that is lost.")] = 3_000,
    as_json: Json = False,
) -> None:
    """How long devices take to be back when one of three brokers is lost (root)."""
    plan = reconnecting_bench.Plan(devices=devices)
    with progress() as tick:
        print_result(reconnecting_bench.measure(plan, tick), as_json=as_json)


@app.command("map")
def map_(
    sites: Annotated[int, typer.Option(help="Sites, one in eight with an alarm.")] = 5_000,
    as_json: Json = False,
) -> None:
    """First picture and long tasks of the map in a browser with software rendering."""
    run(map_bench.measure, map_bench.Plan(sites=sites), as_json=as_json)


@app.command()
def pages(
    sites: Annotated[int, typer.Option(help="Sites, one in eight with an alarm.")] = 5_000,
    as_json: Json = False,
) -> None:
    """Time to the first byte of each page of the console."""
    run(pages_bench.measure, pages_bench.Plan(sites=sites), as_json=as_json)


@app.command()
def citizens(
    communes: Annotated[int, typer.Option(help="Communes, all of them warned.")] = 200,
    seconds: Annotated[float, typer.Option(help="Duration.")] = 10.0,
    as_json: Json = False,
) -> None:
    """Requests a second that the public page answers from one core."""
    plan = citizens_bench.Plan(communes=communes, seconds=seconds)
    run(citizens_bench.measure, plan, as_json=as_json)


@app.command()
def sensorthings(
    series: Annotated[int, typer.Option(help="Series, one a site.")] = 10_000,
    days: Annotated[int, typer.Option(help="Days of readings, every quarter of an hour.")] = 2,
    as_json: Json = False,
) -> None:
    """Time of SensorThings' answers: latest value of each series, nested expansions."""
    plan = sensorthings_bench.Plan(series=series, days=days)
    run(sensorthings_bench.measure, plan, as_json=as_json)


@app.command()
def subscribers(
    channel: Annotated[Literal["mail", "push"], typer.Option(help="By what.")] = "mail",
    count: Annotated[int, typer.Option(help="Subscribers.")] = 10_000,
    kills: Annotated[int, typer.Option(help="How often the sender is killed meanwhile.")] = 5,
    as_json: Json = False,
) -> None:
    """A warning to many subscribers by a sender that is killed: who has it never, or twice."""
    plan = subscribers_bench.Plan(channel=channel, subscribers=count, kills=kills)
    run(subscribers_bench.measure, plan, as_json=as_json)


@app.command()
def besieged(
    honest: Annotated[int, typer.Option(help="Honest browsers.")] = 1_000,
    attackers: Annotated[int, typer.Option(help="Hostile subscriptions.")] = 1_000,
    kills: Annotated[int, typer.Option(help="How often the sender is killed meanwhile.")] = 5,
    seed: Annotated[int, typer.Option(help="Of their order.")] = 1,
    as_json: Json = False,
) -> None:
    """A warning by push beside hostile subscriptions: how late is it beyond its place?"""
    plan = besieged_bench.Plan(honest=honest, attackers=attackers, kills=kills, seed=seed)
    run(besieged_bench.measure, plan, as_json=as_json)


@app.command()
def hydrographs(
    inventory: Annotated[list[str], typer.Option(help="Sites: an example's name or files.")],
    file: Annotated[list[Path], typer.Option(help="A recording (may be repeated).")],
    site: Annotated[list[str] | None, typer.Option(help="Only this site.")] = None,
) -> None:
    """How rivers answer rain, flood by flood: to compare simulated ones with measured ones."""
    for line in hydrograph_bench.table(file, inventory, sites=site or ()):
        typer.echo(line)


if __name__ == "__main__":
    app()
