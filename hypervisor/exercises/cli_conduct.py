"""`hypervisor conduct`: play what an exercise's leaders ask for, until stopped."""

import typer


def attach(app: typer.Typer) -> None:
    app.command()(conduct)


def conduct(context: typer.Context) -> None:
    """Play what leaders ask for on the page or through the API; `up` starts it in an exercise."""
    import logging

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.exercises import playing
    from hypervisor.exercises.conductor import Conductor

    settings = load_settings(context.obj)
    playing.require(settings, "conducting")
    log_to_stderr()
    say = logging.getLogger("hypervisor.conduct").info
    Conductor(settings=settings, stopping=stopping(), say=say).run()
