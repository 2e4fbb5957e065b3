"""`hypervisor sparkplug`: the bridge from Sparkplug B."""

import typer


def attach(app: typer.Typer) -> None:
    app.command("sparkplug")(run_bridge)


def run_bridge(context: typer.Context) -> None:
    """Bridge Sparkplug B until stopped (part of `up` where HYPERVISOR_SPARKPLUG is true)."""
    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.sparkplug import bridge

    log_to_stderr()
    bridge.run(load_settings(context.obj), stopping=stopping())
