"""`hypervisor inventory`: territory, sites, devices, thresholds and links, from files."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.database.command import (
    Author,
    Json,
    current_time,
    name_author,
    open_database,
    parse_optional_instant,
    print_json,
    print_note,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hypervisor.registry.apply import Act
    from hypervisor.registry.changes import Changes
    from hypervisor.registry.inventory import Inventory
    from hypervisor.registry.model import Registry

    Steps = Callable[[Registry, datetime | None], Iterable[Inventory]]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="The registry: apply files, show, export, seed.")
    group.command()(apply)
    group.command()(show)
    group.command()(export)
    group.command()(examples)
    group.command()(seed)
    app.add_typer(group, name="inventory")


def apply(
    context: typer.Context,
    sources: Annotated[
        list[str], typer.Argument(help="Files (YAML, CSV, GeoJSON), folders or examples.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the difference, change nothing.")
    ] = False,
    author: Author = "",
    reason: Annotated[str, typer.Option(help="Why; kept with each revision.")] = "",
    effective: Annotated[
        str, typer.Option(help="Effective time; default: commissioning, or now for a change.")
    ] = "",
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Also replace thresholds set by hand since the last inventory."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Update the registry from files; what they do not name stays as it is."""
    from hypervisor.registry.apply import Act
    from hypervisor.registry.inventory_files import read_sources
    from sensors._errors import Message

    since = parse_optional_instant(effective, "--effective")
    inventory = read_sources(sources)
    apply_and_print(
        context,
        lambda _registry, _now: [inventory],
        act=Act(subject=" ".join(sources), overwrites=overwrite),
        author=author,
        reason=reason or Message("inventory apply {file}", " ".join(sources)),
        effective=since,
        dry_run=dry_run,
        as_json=as_json,
    )


def print_changes(changes: "Changes", *, as_json: bool, dry_run: bool) -> None:
    """Print what changed or would change."""
    from hypervisor.registry import tables

    if as_json:
        print_json(tables.change_rows(changes))
        return
    if not changes:
        print("nothing to change")
        return
    from rich.console import Console

    Console().print(tables.changes_table(changes, every=dry_run))
    print(tables.summarise_changes(changes, dry_run=dry_run))


def show(context: typer.Context, as_json: Json = False) -> None:
    """Show sites in river order with devices and levels; gateways, groups, assets, works."""
    from hypervisor.registry import queries as registry
    from hypervisor.registry import tables

    with open_database(context) as connection:
        content, now = registry.load(connection), current_time(connection)
    if as_json:
        print_json(tables.registry_rows(content))
        return
    from rich.console import Console

    for table in tables.build_tables(content, now):
        Console().print(table)
    print(tables.summarise_registry(content))


def export(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="all, or sites, zones, assets as GeoJSON.")] = "all",
    output: Annotated[Path | None, typer.Option(help="Where to; default: standard output.")] = None,
) -> None:
    """Write the registry as one YAML file, or a part as GeoJSON; `apply` reads both again."""
    from hypervisor.registry import queries as registry
    from hypervisor.registry.export_geojson import ExportError, export_features, format_features
    from hypervisor.registry.export_yaml import format_registry
    from sensors._domain import catalogue

    with open_database(context) as connection:
        content = registry.load(connection)
    if what == "all":
        text = format_registry(content, catalogue())
    else:
        text = format_features(export_features(content, what))
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ExportError("{output} cannot be written: {error}", output, error.strerror) from error
    print_note(f"{output}: written")


def examples(as_json: Json = False) -> None:
    """List the example inventories of this package."""
    from hypervisor.registry.inventory_files import list_examples as names
    from hypervisor.registry.inventory_files import read_sources

    for name in names():
        title = read_sources([name]).title
        print(json.dumps({"name": name, "title": title}) if as_json else f"{name:10} {title}")


def seed(
    departement: Annotated[str, typer.Argument(help="Its INSEE code, such as 77.")],
    source: Annotated[
        Path,
        typer.Option("--from", help="The data folder of @etalab/decoupage-administratif."),
    ],
    output: Annotated[Path | None, typer.Option(help="Where to; default: standard output.")] = None,
) -> None:
    """Write a département's communes as CSV, for `inventory apply`."""
    from hypervisor.registry.communes import format_communes

    text = format_communes(departement, source)
    if output is None:
        print(text, end="")
        return
    output.write_text(text, encoding="utf-8")
    print_note(f"{output}: {text.count(chr(10)) - 1} communes")


def apply_and_print(
    context: typer.Context,
    steps: "Steps",
    *,
    act: "Act",
    author: str,
    reason: str,
    effective: datetime | None = None,
    dry_run: bool = False,
    as_json: bool = False,
) -> "Changes":
    """Apply what `steps` makes of the registry and the time; print the changes."""
    from hypervisor.registry.apply import apply_steps
    from hypervisor.registry.revisions import Stamp

    with open_database(context) as connection:
        now = current_time(connection)
        changes = apply_steps(
            connection,
            lambda registry: steps(registry, now),
            stamp=Stamp(author=name_author(author), reason=reason, now=now, effective=effective),
            act=act,
            dry_run=dry_run,
        )
    print_changes(changes, as_json=as_json, dry_run=dry_run)
    return changes
