"""What commands of all rooms share: the instance's database, its clock, times as options."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hypervisor.database.connect import Connection


def open_database(context: typer.Context) -> "Connection":
    """A connection to the instance's database."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect

    return connect(load_settings(context.obj).database_url)


def current_time(connection: "Connection") -> datetime | None:
    """Live the wall clock; in an exercise the scenario's, None before it began."""
    from hypervisor.base.instance import Mode
    from hypervisor.database import instance

    current = instance.read(connection)
    if current is not None and current.mode is Mode.EXERCISE:
        return instance.scenario_clock(connection)
    return datetime.now(UTC)


def parse_instant(text: str, option: str) -> datetime:
    """The time that an option gives. Raises typer.BadParameter: it is no time with an offset."""
    from sensors._scalars import ScalarError, instant

    try:
        return instant(text)
    except ScalarError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
