"""What commands of all rooms share: the instance's database and clock, options, what they print."""

import json
import sys
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sensors._foreign import make_showable

if TYPE_CHECKING:
    from hypervisor.base.settings import Settings
    from hypervisor.database.connect import Connection

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Author = Annotated[str, typer.Option(help="Who does it; default: your user name.")]


def open_database(context: typer.Context, *, autocommit: bool = False) -> "Connection":
    """A connection to the instance's database."""
    return open_instance(context, autocommit=autocommit)[0]


def open_instance(
    context: typer.Context, *, autocommit: bool = False
) -> "tuple[Connection, Settings]":
    """The same, and the settings."""
    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect

    settings = load_settings(context.obj)
    return connect(settings.database_url, autocommit=autocommit), settings


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


def parse_optional_instant(text: str, option: str) -> datetime | None:
    """The same; None: the option is not given."""
    return parse_instant(text, option) if text else None


def name_author(given: str) -> str:
    """Who the audit says did it."""
    from hypervisor.database.audit import current_user

    return given.strip() or current_user()


def print_json(rows: Iterable[Any]) -> None:
    """Rows as JSON, one a line: times RFC 3339 in UTC."""
    from pydantic_core import to_jsonable_python

    for row in rows:
        print(json.dumps(row, ensure_ascii=False, default=to_jsonable_python))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    empty: str = "",
    unwrapped: Collection[str] = (),
) -> None:
    """Rows of text under their columns (none: without a head), or what to say without any.

    As wide as the terminal; 200 characters where there is none, so that lines are not wrapped.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=bool(columns))
    for column in columns:
        table.add_column(column, no_wrap=column in unwrapped)
    for row in rows:
        table.add_row(*row)
    console = Console(markup=False, width=None if sys.stdout.isatty() else 200)
    console.print(table if table.row_count or not empty else empty)


def print_note(text: str) -> None:
    """Print to standard error: standard output holds what another program reads."""
    print(make_showable(text), file=sys.stderr)
