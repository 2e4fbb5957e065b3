"""The instance's own codecs: how vendors' payloads become readings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hypervisor.database import feed
from hypervisor.database.connect import Connection, fetch
from ingest.ports import CodecSource


@dataclass(frozen=True, kw_only=True)
class StoredCodec:
    """A codec of the instance's own."""

    name: str
    mapping: str
    script: str | None
    author: str
    changed_at: datetime


def load_sources(connection: Connection) -> Mapping[str, CodecSource]:
    """The sources by name, for ingest."""
    rows = connection.execute("SELECT name, mapping, script FROM codec ORDER BY name")
    return {name: CodecSource(mapping=mapping, script=script) for name, mapping, script in rows}


def list_codecs(connection: Connection) -> list[StoredCodec]:
    return fetch(
        connection,
        StoredCodec,
        "SELECT name, mapping, script, author, changed_at FROM codec ORDER BY name",
    )


def save_codec(connection: Connection, name: str, source: CodecSource, author: str) -> None:
    """Add or replace a codec, and have the workers load it, in one transaction."""
    with connection.transaction():
        connection.execute(
            "INSERT INTO codec (name, mapping, script, author) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (name) DO UPDATE SET (mapping, script, author, changed_at) ="
            " (EXCLUDED.mapping, EXCLUDED.script, EXCLUDED.author, now())",
            [name, source.mapping, source.script, author],
        )
        feed.append(connection, "registry")


def delete_codec(connection: Connection, name: str) -> bool:
    """Remove a codec, and have the workers unload it; False: there is none."""
    with connection.transaction():
        removed = connection.execute("DELETE FROM codec WHERE name = %s", [name]).rowcount > 0
        if removed:
            feed.append(connection, "registry")
    return removed
