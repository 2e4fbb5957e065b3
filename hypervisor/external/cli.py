"""`hypervisor sources`: systems whose webhooks bring external alarms."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hypervisor.database.command import (
    Author,
    Json,
    name_author,
    open_database,
    print_json,
    print_table,
)


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Other systems that send alarms by webhook.")
    group.command("list")(list_sources)
    group.command("show")(show_file)
    group.command("apply")(apply_file)
    group.command("try")(try_body)
    app.add_typer(group, name="sources")


def list_sources(context: typer.Context, as_json: Json = False) -> None:
    """List the sources: when each last sent, its open alarms, what was wrong."""
    from hypervisor.external import queries

    now = datetime.now(UTC)
    with open_database(context) as connection:
        states = queries.list_states(connection)
    if as_json:
        print_json({**vars(state), "state": state.describe(now)} for state in states)
        return
    rows = [
        (
            *(state.name, state.kind or "", str(state.open), str(state.stale)),
            *(f"{state.raised:,}", f"{state.refused:,}", state.describe(now)),
        )
        for state in states
    ]
    columns = ("source", "kind", "open", "stale", "raised", "refused", "state")
    empty = "no source: hypervisor account add NAME --no-password --role source"
    print_table(columns, rows, empty=empty)


def show_file(context: typer.Context) -> None:
    """Print the file that says how sources are read, if one was applied."""
    from hypervisor.external import queries

    with open_database(context) as connection:
        revision = queries.MAPPINGS.find_revision(connection)
    print("# none: all sources are read by the defaults" if revision is None else revision.text)


def apply_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A YAML file.")],
    reason: Annotated[str, typer.Option(help="Why, in a few words.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check it.")] = False,
    author: Author = "",
) -> None:
    """Say how sources are read: which labels give severity, site and title."""
    from hypervisor.external import mappings

    with open_database(context) as connection:
        done = mappings.apply(
            connection, file, author=name_author(author), reason=reason, dry_run=dry_run
        )
    print(done)


def try_body(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="Whose mapping is used.")],
    file: Annotated[Path, typer.Argument(help="A webhook's body; -: standard input.")],
) -> None:
    """Show which alarms a webhook's body would make; nothing is stored."""
    from hypervisor.base.instants import micros
    from hypervisor.external import mappings

    body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    with open_database(context) as connection:
        wordings, problems = mappings.preview(
            connection, source, body, now=micros(datetime.now(UTC))
        )
    rows = [
        (wording.severity, wording.title, wording.site or wording.commune or "no place")
        for wording in wordings
    ]
    print_table(("severity", "title", "place"), rows, empty="no alert")
    for problem in problems:
        print(problem.detail)
