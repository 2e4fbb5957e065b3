"""`hypervisor simulate`: a made-up story, played into an exercise by the inventory's devices."""

from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(simulate)


def simulate(
    context: typer.Context,
    scenario: Annotated[
        str, typer.Argument(help="Which story: a name of --list, or a file of your own (.yaml).")
    ] = "october-flood",
    seed: Annotated[int, typer.Option(help="The same seed tells the same story.")] = 1,
    speed: Annotated[
        str,
        typer.Option(help="Scenario seconds a second: 1 is real time; max: as fast as stored."),
    ] = "3600",
    hours: Annotated[float | None, typer.Option(help="Only its first hours.")] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="KIND:WHO:FROM..TO, such as drop-out:orge-arpajon:30h..36h; repeatable."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Say which stories there are.")] = False,
    describe: Annotated[bool, typer.Option(help="Tell the story's outline; play nothing.")] = False,
    truth: Annotated[
        bool,
        typer.Option(
            help="For who leads the exercise: what happens; after playing, which of it was told."
        ),
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Until all is stored and judged.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Play a simulated story into an exercise; a live instance is never played into."""
    from hypervisor.base.settings import load_settings
    from hypervisor.exercises import briefing, playing, progress, scoring
    from hypervisor.exercises.simulation import field, label_of, spoken_of
    from simulators import _words
    from simulators._scenarios import load

    if listed or describe:
        told = briefing.listing() if listed else briefing.description(load(scenario), truth=truth)
        for line in told:
            typer.echo(line)
        return
    settings = load_settings(context.obj)
    playing.require(settings, "a simulation")
    faults = [_words.fault(text) for text in fault or ()]
    manner = playing.Manner(speed=_words.speed(speed), wait=wait)
    spoken = spoken_of(settings, scenario, seed=seed, hours=hours, faults=faults)
    label = label_of(scenario, seed=seed, hours=hours, faults=fault or ())
    with progress.bar(scenario, len(spoken.rows)) as notice:
        outcome = playing.play(settings, spoken, manner, notice=notice, label=label)
    status = progress.conclude(outcome, as_json=as_json)
    if truth and wait:
        story = load(scenario)
        result = scoring.score(story, field(settings, story), seed, outcome.alarms)
        for line in scoring.told(result):
            typer.echo(line, err=as_json)
    raise typer.Exit(status)
