"""Documents that people replace as a whole: each revision is kept, with who, when and why."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hypervisor.base.versions import require_current
from hypervisor.database import audit
from hypervisor.database.connect import Connection, fetch
from sensors._errors import Message


@dataclass(frozen=True, kw_only=True)
class DocumentRevision:
    """A revision of a document."""

    id: int
    text: str
    author: str
    reason: str
    recorded_at: datetime

    def __str__(self) -> str:
        return f"{self.id}  {self.recorded_at:%Y-%m-%d %H:%M:%S}Z  {self.author}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Document:
    """`table`: of its revisions. `kind`: of the acts that replace it."""

    table: str
    kind: str

    def list_revisions(self, connection: Connection) -> list[DocumentRevision]:
        """All revisions, the latest last."""
        return self._fetch(connection, "ORDER BY id")

    def find_revision(self, connection: Connection, after: int = 0) -> DocumentRevision | None:
        """The revision in force, if its number is above `after`."""
        latest = self._fetch(connection, "WHERE id > %s ORDER BY id DESC LIMIT 1", after)
        return latest[0] if latest else None

    def _fetch(self, connection: Connection, tail: str, *values: int) -> list[DocumentRevision]:
        query = f"SELECT id, text, author, reason, recorded_at FROM {self.table} {tail}"  # noqa: S608  our own tables
        return fetch(connection, DocumentRevision, query, values)

    def lock(self, connection: Connection) -> None:
        """Lock it until the transaction's end."""
        connection.execute(f"LOCK TABLE {self.table} IN SHARE ROW EXCLUSIVE MODE".encode())

    def require_seen(self, before: DocumentRevision | None, seen: int) -> None:
        """Refuse to replace what its author did not see. Raises ConflictError."""
        current = str(before.id if before else 0)
        require_current(str(seen), current, Message("the file of {kind}", self.kind))

    def insert_revision(
        self, connection: Connection, text: str, *, author: str, reason: str
    ) -> int:
        """A new revision; its number."""
        row = connection.execute(
            f"INSERT INTO {self.table} (text, author, reason)"  # noqa: S608  our own tables
            " VALUES (%s, %s, %s) RETURNING id".encode(),
            [text, author, reason],
        ).fetchone()
        return int(row[0]) if row else 0

    def replace(  # noqa: PLR0913  who, why and on what belong to a change
        self,
        connection: Connection,
        before: DocumentRevision | None,
        text: str,
        *,
        subject: str,
        author: str,
        reason: str,
        mask: Callable[[str], str] = str,
    ) -> int:
        """Record the act and the revision, in the caller's transaction; its number.

        `mask`: hides what an audit must not show. Raises ActError: the reason is missing.
        """
        author = author.strip() or audit.current_user()
        old, new = mask(before.text if before else ""), mask(text)
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
        changed = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
        audit.record(
            connection,
            kind=self.kind,
            subject=subject,
            reason=reason,
            author=author,
            details={"changed": changed},
        )
        return self.insert_revision(connection, text, author=author, reason=reason.strip())

    def apply(  # noqa: PLR0913  who, why and on what belong to a change
        self,
        connection: Connection,
        text: str,
        *,
        file: str,
        summary: str,
        subject: str,
        author: str,
        reason: str,
        dry_run: bool = False,
        mask: Callable[[str], str] = str,
        seen: int | None = None,
    ) -> str:
        """Replace it by the text of a file that was checked; what was done.

        `seen`: the revision that its author saw, 0: none; None: they replace whatever is in force.
        Raises ConflictError: another is in force.
        """
        with connection.transaction():
            self.lock(connection)
            before = self.find_revision(connection)
            if seen is not None:
                self.require_seen(before, seen)
            if before is not None and before.text == text:
                return f"{file} is already in force, as revision {before.id}"
            if dry_run:
                return f"{file} is valid: {summary} (--dry-run: nothing was changed)"
            number = self.replace(
                connection, before, text, subject=subject, author=author, reason=reason, mask=mask
            )
        return f"revision {number} is in force: {summary}"
