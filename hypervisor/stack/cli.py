"""`hypervisor up`, `down` and `migrate`: a private instance, or a server's database."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.base.settings import Settings


def attach(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(down)
    app.command()(migrate)


def up(
    context: typer.Context,
    exercise: Annotated[
        bool, typer.Option("--exercise", help="Make it an exercise (for good; new folders only).")
    ] = False,
    name: Annotated[str | None, typer.Option(help="Its display name (new folders).")] = None,
    web_port: Annotated[
        int | None, typer.Option(help="The web's port; default: 8000 or the next free one.")
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return once it runs; `hypervisor down` stops it.")
    ] = False,
) -> None:
    """Run a broker, a database, ingest, watch and web of its own; Ctrl-C stops all of it."""
    import os

    from hypervisor.base.instance import Mode
    from hypervisor.base.settings import load_settings
    from hypervisor.stack import detached
    from hypervisor.stack.up import UpOptions, run

    data = context.obj or load_settings().data
    mode = Mode.EXERCISE if exercise else None
    if detach:
        detached.start(data, mode=mode, name=name, web_port=web_port)
        return

    def say(text: str) -> None:
        with suppress(OSError):  # a full disk or a closed pipe must not end what still runs
            print(f"{datetime.now(UTC).astimezone():%H:%M:%S} {text}", flush=True)

    options = UpOptions(data=data, mode=mode, name=name, web_port=web_port, environment=os.environ)
    run(options, say)


def down(context: typer.Context) -> None:
    """Stop the instance of this data folder."""
    from hypervisor.base.settings import load_settings
    from hypervisor.stack import detached

    data = context.obj or load_settings().data
    print("stopped" if detached.stop(data) else f"no instance is up in {data}")


def migrate(
    context: typer.Context,
    mode: Annotated[str, typer.Option(help="live or exercise, for a new database.")] = "live",
    name: Annotated[str, typer.Option(help="The display name of a new instance.")] = "territory",
) -> None:
    """Bring the database that the settings name up to date (`up` does this by itself).

    With HYPERVISOR_READER_PASSWORD it also gets a reader `grafana` of the whole territory.
    """
    from hypervisor.base.instance import InstanceError, Mode
    from hypervisor.base.settings import load_settings
    from hypervisor.stack.up import UpOptions, prepare

    settings = load_settings(context.obj)
    if mode not in set(Mode):
        raise InstanceError(f"--mode {mode!r}: expected live or exercise")
    options = UpOptions(data=settings.data, mode=Mode(mode))
    instance = prepare(settings.database_url, options, name, print)
    if settings.reader_password:
        _let_grafana_read(settings)
    print(f"{instance.mode.banner} {instance.name!r}: the database is up to date")


def _let_grafana_read(settings: "Settings") -> None:
    from hypervisor.accounts.readers import ensure_reader
    from hypervisor.database.connect import connect

    with connect(settings.database_url) as connection:
        reader = ensure_reader(
            connection,
            "grafana",
            settings.reader_password,
            timeout=settings.reader_timeout_seconds,
        )
    print(f"{reader.role} reads the whole territory")
