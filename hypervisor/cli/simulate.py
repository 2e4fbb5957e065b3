"""`hypervisor simulate`: a made-up story, played into an exercise by the inventory's devices."""

from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(simulate)


def simulate(
    context: typer.Context,
    scenario: Annotated[
        str, typer.Option(help="Which story; an unknown name lists them all.")
    ] = "october-flood",
    seed: Annotated[int, typer.Option(help="The same seed tells the same story.")] = 1,
    speed: Annotated[
        str, typer.Option(help="Scenario seconds a second, such as 600; max: as fast as stored.")
    ] = "3600",
    hours: Annotated[float | None, typer.Option(help="Only its first hours.")] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Until all is stored and judged.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Play a simulated flood into an exercise; a live instance is never played into."""
    from hypervisor.exercise import playing, showing
    from hypervisor.exercise.simulation import rows_of
    from hypervisor.settings import load_settings
    from simulators import _words

    settings = load_settings(context.obj)
    playing.require(settings, "a simulation")
    rows = rows_of(settings, scenario, seed=seed, hours=hours)
    manner = playing.Manner(speed=_words.speed(speed), wait=wait)
    with showing.bar(scenario, len(rows)) as notice:
        outcome = playing.play(settings, rows, manner, notice=notice)
    raise typer.Exit(showing.conclude(outcome, as_json=as_json))
