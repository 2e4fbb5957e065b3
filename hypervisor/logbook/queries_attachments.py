"""SQL of the files of log entries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.database.connect import Connection
from hypervisor.logbook.attachments import NewAttachment


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file with its content."""

    name: str
    media: str
    digest: str
    content: bytes


def insert_attachments(
    connection: Connection, entry: int, attachments: Iterable[NewAttachment]
) -> None:
    """Insert the files of an entry."""
    for new in attachments:
        connection.execute(
            "INSERT INTO attachment (entry, name, media, digest, content)"
            " VALUES (%(entry)s, %(name)s, %(media)s, %(digest)s, %(content)s)",
            {**vars(new), "entry": entry},
        )


def sum_sizes(connection: Connection, author: str, since: datetime) -> int:
    """Bytes of the files that somebody has added since then."""
    row = connection.execute(
        "SELECT coalesce(sum(octet_length(content)), 0) FROM attachment a"
        " JOIN log_entry e ON e.id = a.entry WHERE e.author = %s AND e.at > %s",
        [author, since],
    ).fetchone()
    return int(row[0]) if row else 0


def find_file(connection: Connection, number: int) -> StoredFile | None:
    """A file, if its entry is visible."""
    cursor = connection.cursor(row_factory=class_row(StoredFile))
    return cursor.execute(
        "SELECT name, media, digest, content FROM attachment WHERE id = %s", [number]
    ).fetchone()
