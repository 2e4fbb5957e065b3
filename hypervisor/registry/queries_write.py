"""Write the registry: upsert by name, one statement a table; append revisions."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from hypervisor.database.connect import Connection
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Revision

# Columns that hold the id of what the model names.
_REFERENCES = {
    ("device", "site"),
    ("series", "device"),
    ("device_group", "site"),
    ("asset", "site"),
}
_REVISIONS = """
    INSERT INTO revision (kind, key, value, effective, author, reason, illustrative, previous)
    SELECT kind, key, nullif(value, 'null'::jsonb), effective, author, reason, illustrative,
        (SELECT id FROM revision AS before
         WHERE (before.kind, before.key) = (given.kind, given.key)
             AND before.effective <= given.effective
         ORDER BY before.effective DESC, id DESC LIMIT 1)
    FROM ROWS FROM (jsonb_to_recordset(%s) AS (kind text, key text, value jsonb,
        effective timestamptz, author text, reason text, illustrative boolean))
        WITH ORDINALITY AS given
    ORDER BY ordinality
"""


def write_things(connection: Connection, changes: Changes) -> None:
    """Insert or replace all but the revisions, in the order of their references."""
    for table, key, things in (
        ("area", ("code",), changes.areas),
        ("site", ("name",), changes.sites),
        ("gateway", ("name",), changes.gateways),
        ("device", ("name",), changes.devices),
        ("series", ("device", "quantity"), changes.series),
        ("device_group", ("name",), changes.groups),
        ("zone", ("name",), changes.zones),
        ("asset", ("name",), changes.assets),
    ):
        if things:
            _upsert(connection, table, key, [asdict(thing) for thing in things])


def _upsert(
    connection: Connection, table: str, key: tuple[str, ...], rows: list[dict[str, Any]]
) -> None:
    """All rows in one statement: areas name each other."""
    columns = [name for name in rows[0] if name != "id"]
    references = [name for name in columns if (table, name) in _REFERENCES]
    values = (
        f"(SELECT id FROM {name} WHERE name = given->>'{name}')"  # noqa: S608  our own columns
        if name in references
        else f"thing.{name}"
        for name in columns
    )
    changed = [name for name in columns if name not in key]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)}"  # noqa: S608  our own columns
        " FROM jsonb_array_elements(%s) AS given,"
        f" jsonb_populate_record(NULL::{table}, given - %s::text[]) AS thing"
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET ({', '.join(changed)})"
        f" = ({', '.join(f'EXCLUDED.{name}' for name in changed)})",
        [json.dumps(rows, default=str), references],
    )


def add_revisions(connection: Connection, revisions: Iterable[Revision]) -> None:
    """Append revisions, each linked to the one in force before; the caller adds a feed row."""
    for rows in _split_repeats(revisions):
        connection.execute(_REVISIONS, [json.dumps(rows, default=str)])


def _split_repeats(revisions: Iterable[Revision]) -> Iterable[list[Mapping[str, Any]]]:
    """Batches with each key at most once: a second revision links to the first."""
    rounds: list[list[Mapping[str, Any]]] = []
    counted: Counter[tuple[str, str]] = Counter()
    for revision in revisions:
        number = counted[revision.kind, revision.key]
        counted[revision.kind, revision.key] += 1
        rounds.extend([[]] if number == len(rounds) else [])
        rounds[number].append(asdict(revision))
    return rounds
