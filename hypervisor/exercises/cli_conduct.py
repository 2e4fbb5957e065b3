"""`hypervisor conduct`: the exercise player."""

import typer


def attach(app: typer.Typer) -> None:
    app.command()(conduct)


def conduct(context: typer.Context) -> None:
    """Run the exercise player until stopped; `up` starts it in an exercise."""
    import logging

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.exercises import playing
    from hypervisor.exercises.conductor import Conductor

    settings = load_settings(context.obj)
    playing.require_exercise_instance(settings, "conducting")
    log_to_stderr()
    say = logging.getLogger("hypervisor.conduct").info
    Conductor(settings=settings, stopping=stopping(), say=say).run()
