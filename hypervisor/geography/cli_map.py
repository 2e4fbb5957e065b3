"""`hypervisor territory rivers, outlines, zones`: what maps draw, from files of map programs."""

from pathlib import Path
from typing import Annotated

import typer

from hypervisor.base.command_groups import group
from hypervisor.database.command import Author, current_time, name_author, open_instance, print_note

File = Annotated[Path, typer.Argument(help="GeoJSON, or a GeoPackage; WGS 84 or Lambert 93.")]
Layer = Annotated[str, typer.Option(help="The layer, in a GeoPackage with several.")]
NameField = Annotated[str, typer.Option(help="The column with the name; default: the usual ones.")]


def attach(app: typer.Typer) -> None:
    territory = group(app, "territory")
    territory.command()(rivers)
    territory.command()(outlines)
    territory.command()(zones)


def rivers(
    context: typer.Context,
    file: File,
    layer: Layer = "",
    name_field: NameField = "",
    within: Annotated[
        float, typer.Option(min=1, max=5_000, help="Metres from a gauge to its river, at most.")
    ] = 500,
    author: Author = "",
) -> None:
    """Draw rivers by their courses, such as BD TOPAGE's, in place of lines from gauge to gauge.

    Only what lies in the territory is read. Run it again after new gauges: it replaces the courses.
    """
    from hypervisor.geography.service import import_rivers

    connection, _settings = open_instance(context, autocommit=True)
    with connection:
        given = import_rivers(
            connection,
            file,
            layer=layer,
            name_field=name_field,
            within=within,
            author=name_author(author),
        )
    ours = [course for course in given.courses if course.river is not None]
    for course in ours:
        reaches = ", ".join(
            f"{reach.upstream} > {reach.downstream} {reach.length / 1000:.1f} km"
            for reach in course.reaches
        )
        print(f"{course.river}: " + (reaches or "its course, without a reach between gauges"))
        for snap in course.snaps:
            print(f"  {snap.gauge.site}: {snap.distance:.0f} m from its line")
    others = len(given.courses) - len(ours)
    print(f"{file.name}: rivers with gauges {len(ours)}, others {others}")
    for course in ours:
        for note in course.notes:
            print_note(note)
    if given.missing:
        names = ", ".join(given.missing)
        print_note(f"not in the file, so drawn from gauge to gauge: {names}")
    if given.left_out:
        print_note(f"{given.left_out} of the shortest others are left out")


def outlines(context: typer.Context, file: File, layer: Layer = "", author: Author = "") -> None:
    """Take outlines of communes from a file, by INSEE code; EPCI follow from the inventory."""
    from hypervisor.geography.service import import_outlines

    connection, _settings = open_instance(context, autocommit=True)
    with connection:
        stored, others = import_outlines(connection, file, layer=layer, author=name_author(author))
    print(f"{stored} outlines stored; {others} features are of no commune here")


def zones(
    context: typer.Context,
    file: File,
    layer: Layer = "",
    kind: Annotated[str, typer.Option(help="A domain, or other.")] = "flood",
    name_field: NameField = "",
    author: Author = "",
) -> None:
    """Put areas of a file, such as a flood plan's, into the inventory as zones.

    Only what lies in the territory is read; areas of one name are one zone.
    """
    from hypervisor.geography.service_zones import import_zones

    connection, _settings = open_instance(context, autocommit=True)
    with connection:
        changes = import_zones(
            connection,
            file,
            layer=layer,
            kind=kind,
            name_field=name_field,
            author=name_author(author),
            now=current_time(connection),
        )
    print(f"{len(changes.zones)} zones changed" if changes else "nothing new")
