"""`hypervisor simulate`: play a scenario into an exercise."""

from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    app.command()(simulate)


def simulate(
    context: typer.Context,
    scenario: Annotated[
        str, typer.Argument(help="A scenario of --list, or your own file (.yaml).")
    ] = "october-flood",
    seed: Annotated[int, typer.Option(help="The same seed gives the same readings.")] = 1,
    speed: Annotated[
        str,
        typer.Option(help="Scenario seconds per second: 1 is real time; max: as fast as possible."),
    ] = "3600",
    hours: Annotated[float | None, typer.Option(help="Only the first hours.")] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="KIND:WHO:FROM..TO, such as drop-out:orge-arpajon:30h..36h; repeatable."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the scenarios.")] = False,
    describe: Annotated[
        bool, typer.Option(help="Describe the scenario without playing it.")
    ] = False,
    truth: Annotated[
        bool,
        typer.Option(help="For leaders: show the events, and after playing which were detected."),
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="Wait until all readings are stored and evaluated."),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Play a simulated scenario into an exercise; refused in a live instance."""
    from hypervisor.base.settings import load_settings
    from hypervisor.exercises import briefing, playing, progress, scoring
    from hypervisor.exercises.simulation import load_field, make_label, make_messages
    from simulators import _options
    from simulators._scenarios import load_scenario

    if listed or describe:
        lines = (
            briefing.list_scenarios()
            if listed
            else briefing.describe_scenario(load_scenario(scenario), truth=truth)
        )
        for line in lines:
            typer.echo(line)
        return
    settings = load_settings(context.obj)
    playing.require_exercise_instance(settings, "a simulation")
    faults = [_options.parse_fault(text) for text in fault or ()]
    manner = playing.PlayOptions(speed=_options.parse_speed(speed), wait=wait)
    spoken = make_messages(settings, scenario, seed=seed, hours=hours, faults=faults)
    label = make_label(scenario, seed=seed, hours=hours, faults=fault or ())
    with progress.show_progress(scenario, len(spoken.rows)) as notice:
        outcome = playing.play(settings, spoken, manner, notice=notice, label=label)
    status = progress.print_outcome(outcome, as_json=as_json)
    if truth and wait:
        story = load_scenario(scenario)
        result = scoring.score_alarms(story, load_field(settings, story), seed, outcome.alarms)
        for line in scoring.format_score(result):
            typer.echo(line, err=as_json)
    raise typer.Exit(status)
