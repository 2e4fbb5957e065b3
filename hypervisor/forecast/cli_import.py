"""`hypervisor forecast import`: forecasts of others, from their files."""

from pathlib import Path
from typing import Annotated

import typer

from hypervisor.base.command_groups import group
from hypervisor.database.command import Author


def attach(app: typer.Typer) -> None:
    group(app, "forecast").command("import")(import_files)


def import_files(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="`.prv` files, or Sandre's XML.")],
    issuer: Annotated[
        str, typer.Option(help="Whose forecast it is; default: what the file says.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and say what would be stored; store nothing.")
    ] = False,
    author: Author = "",
) -> None:
    """Store forecasts of others as issued, beside ours; no rule uses them."""
    from hypervisor.database.command import name_author, open_database
    from hypervisor.forecast import service_experts

    with open_database(context) as connection:
        for file in files:
            read = service_experts.read_file(service_experts.load(file), file.name)
            rows, notes = service_experts.place_file(
                connection, read, issuer=issuer, author=name_author(author)
            )
            stored = service_experts.import_rows(connection, rows, file=file.name)
            if dry_run:
                connection.rollback()
            same = f", {len(rows) - stored} stored before" if len(rows) > stored else ""
            print(f"{file.name}: {stored} forecasts of {issuer or read.issuer}{same}")
            for note in notes:
                print(f"  {note}")
