"""`hypervisor forecast issued`: what was issued, for whoever verifies it elsewhere."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Literal

import typer

from hypervisor.base.command_groups import group
from hypervisor.database.command import parse_optional_instant


def attach(app: typer.Typer) -> None:
    group(app, "forecast").command("issued")(write_issued)


def write_issued(
    context: typer.Context,
    site: Annotated[
        list[str] | None, typer.Option("--site", help="Only this site (may be repeated).")
    ] = None,
    start: Annotated[str, typer.Option("--from", help="Issued at or after this time.")] = "",
    end: Annotated[str, typer.Option("--to", help="Issued at or before this time.")] = "",
    newest: Annotated[
        bool,
        typer.Option(
            "--newest", help="As late readings changed them; default: as people first saw them."
        ),
    ] = False,
    kind: Annotated[
        Literal["csv", "parquet"], typer.Option("--format", help="Parquet needs --output.")
    ] = "csv",
    output: Annotated[
        Path | None, typer.Option(help="Write this file; default: standard output.")
    ] = None,
) -> None:
    """Forecasts as issued: issue time, valid time, quantiles, model; a row for each horizon."""
    from hypervisor.base.errors import NotFoundError
    from hypervisor.database.command import open_database
    from hypervisor.database.instance import require
    from hypervisor.forecast import issued_table, queries_issued
    from hypervisor.registry import queries as registry_queries
    from hypervisor.web import table_files
    from sensors._nearest import did_you_mean

    if kind == "parquet" and output is None:
        raise typer.BadParameter("a Parquet file needs --output", param_hint="--format")
    since = parse_optional_instant(start, "--from")
    until = parse_optional_instant(end, "--to")
    with open_database(context) as connection:
        registered = registry_queries.load(connection).sites if site else {}
        for name in site or ():
            if name not in registered:
                raise NotFoundError(
                    "there is no site {name!r}{hint}", name, did_you_mean(name, registered)
                )
        span = queries_issued.read_issue_span(connection)
        if span is None:
            raise NotFoundError(
                "no forecast was ever issued here: `hypervisor forecast fit` makes the models"
            )
        instance = require(connection)
        table = issued_table.make_table(
            connection,
            (since or span[0], until or span[1]),
            sites=site or (),
            newest=newest,
            facts={"instance": instance.name, "mode": instance.mode.value},
        )
        write = table_files.write_csv if kind == "csv" else table_files.write_parquet
        with output.open("wb") if output else nullcontext(sys.stdout.buffer) as file:
            for part in write(table):
                file.write(part)
