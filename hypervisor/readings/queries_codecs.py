"""The instance's own codecs: how vendors' payloads become readings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hypervisor.database import feed
from hypervisor.database.connect import Connection
from ingest.ports import CodecSource


@dataclass(frozen=True, kw_only=True)
class StoredCodec:
    """A row of the table."""

    name: str
    mapping: str
    script: str | None
    author: str
    changed_at: datetime


def load_sources(connection: Connection) -> Mapping[str, CodecSource]:
    """All of them, as ingest wants them."""
    rows = connection.execute("SELECT name, mapping, script FROM codec ORDER BY name")
    return {name: CodecSource(mapping=mapping, script=script) for name, mapping, script in rows}


def list_codecs(connection: Connection) -> list[StoredCodec]:
    rows = connection.execute(
        "SELECT name, mapping, script, author, changed_at FROM codec ORDER BY name"
    )
    return [
        StoredCodec(name=name, mapping=mapping, script=script, author=author, changed_at=at)
        for name, mapping, script, author, at in rows
    ]


def save_codec(connection: Connection, name: str, source: CodecSource, author: str) -> None:
    """Add or replace one, and have the workers read it; one transaction."""
    with connection.transaction():
        connection.execute(
            "INSERT INTO codec (name, mapping, script, author) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (name) DO UPDATE SET (mapping, script, author, changed_at) ="
            " (EXCLUDED.mapping, EXCLUDED.script, EXCLUDED.author, now())",
            [name, source.mapping, source.script, author],
        )
        feed.append(connection, "registry")


def delete_codec(connection: Connection, name: str) -> bool:
    """Take one away, and tell the workers; whether there was one."""
    with connection.transaction():
        gone = connection.execute("DELETE FROM codec WHERE name = %s", [name]).rowcount > 0
        if gone:
            feed.append(connection, "registry")
    return gone
