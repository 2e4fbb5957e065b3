"""Load and write the registry: upsert by name, one statement a table; append revisions."""

import json
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from hypervisor.database import feed, locks
from hypervisor.database.connect import Connection
from hypervisor.database.locks import Lock
from hypervisor.registry import queries_tables
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import KINDS, Registry, Revision, make_registry

# Table and key of each kind of thing.
_TABLES = {
    "areas": ("area", "code"),
    "sites": ("site", "name"),
    "gateways": ("gateway", "name"),
    "devices": ("device", "name"),
    "series": ("series", "device", "quantity"),
    "groups": ("device_group", "name"),
    "zones": ("zone", "name"),
    "assets": ("asset", "name"),
}
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


def load(connection: Connection) -> Registry:
    """The complete registry; revisions in order of kind, key, effective and recording."""
    things = {name: queries_tables.list_things(connection, kind) for name, kind in KINDS.items()}
    return make_registry(things, queries_tables.list_revisions(connection))


class RegistryCopy:
    """The registry as it was read last; what did not change since is not read again."""

    def __init__(self) -> None:
        """Nothing was read."""
        self._things: dict[str, tuple[object, list[Any]]] = {}  # by kind, with its fingerprint
        self._revisions: dict[int, Revision] = {}
        self._registry: Registry | None = None

    def load(self, connection: Connection) -> Registry:
        """What `load` would return; the same object when nothing changed.

        Waits for one answer, or two. Revisions never change: only new ones are read.
        """
        with connection.pipeline():
            receive = queries_tables.request_fingerprints(connection)
        fingerprints, numbers = receive()
        kinds = {
            name: kind
            for name, kind in KINDS.items()
            if name not in self._things or self._things[name][0] != fingerprints[kind]
        }
        if self._registry is not None and not kinds and numbers == [*self._revisions]:
            return self._registry
        missing = [number for number in numbers if number not in self._revisions]
        with connection.pipeline():
            things = {name: queries_tables.list_things(connection, k) for name, k in kinds.items()}
            new = queries_tables.find_revisions(connection, missing)
        for name, kind in kinds.items():
            self._things[name] = fingerprints[kind], [*things[name]]
        revisions = self._revisions | {r.id: r for r in new if r.id is not None}
        self._revisions = {number: revisions[number] for number in numbers}
        self._registry = make_registry(
            {name: listed for name, (_, listed) in self._things.items()}, self._revisions.values()
        )
        return self._registry


class RegistryCache:
    """A cached registry, reloaded after a change.

    For one database and connections that see all of it.
    """

    def __init__(self) -> None:
        """An empty cache."""
        self._lock = threading.Lock()
        self._copy = RegistryCopy()
        self._known: tuple[int, Registry] | None = None

    def load(self, connection: Connection) -> Registry:
        """What `load` would return."""
        version = feed.registry_version(connection)  # before: what is read may be newer, not older
        with self._lock:
            if self._known is None or self._known[0] != version:
                self._known = version, self._copy.load(connection)
            return self._known[1]


def load_river(connection: Connection, site: str) -> str | None:
    """The river of a site."""
    row = connection.execute("SELECT river FROM site WHERE name = %s", [site]).fetchone()
    return row[0] if row else None


def lock(connection: Connection) -> None:
    """Lock the registry until the transaction ends: one change at a time."""
    locks.wait_for(connection, Lock.REGISTRY)


def write(connection: Connection, changes: Changes) -> None:
    """Insert or replace by name, add revisions and a feed row, in one transaction."""
    with connection.transaction():
        for kind, (table, *key) in _TABLES.items():
            if rows := [asdict(thing) for thing in getattr(changes, kind)]:
                _upsert(connection, table, key, rows)
        add_revisions(connection, changes.revisions)
        feed.append(connection, "registry")


def _upsert(connection: Connection, table: str, key: list[str], rows: list[dict[str, Any]]) -> None:
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
