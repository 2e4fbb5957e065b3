"""SQL of publications as operators see them: drafts, acts, states."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from hypervisor.base.person import Territory
from hypervisor.database.connect import Connection, fetch
from hypervisor.database.instance import SCENARIO_CLOCK
from hypervisor.publications.model import (
    MessageKind,
    Publication,
    PublicationAct,
    PublicationEvent,
    PublishedArea,
    PublishedMessage,
    Status,
    WarningContent,
    list_communes,
)
from hypervisor.publications.queries_messages import list_of_publications

_EVENTS = (
    "SELECT publication, number, act, kind, at, scenario_at, author, reason, content, areas"
    " FROM publication_event WHERE publication = ANY (%s) ORDER BY publication, number"
)
_PAGE = (
    "SELECT id, status, alarm, communes FROM publication"
    " WHERE %(before)s::bigint IS NULL OR id < %(before)s ORDER BY id DESC LIMIT %(limit)s"
)
# Of an area its communes: itself, or those below it; none, where the inventory has none.
_AREAS = """
WITH RECURSIVE below AS (
    SELECT code AS top, code FROM area WHERE code = ANY (%s)
    UNION SELECT below.top, area.code FROM area JOIN below ON area.parent = below.code)
SELECT t.code, t.kind, t.name, coalesce(jsonb_agg(
    jsonb_build_object('code', c.code, 'name', c.name) ORDER BY c.name)
    FILTER (WHERE c.kind = 'commune'), '[]') AS communes
FROM below JOIN area t ON t.code = below.top JOIN area c ON c.code = below.code
GROUP BY t.code, t.kind, t.name
ORDER BY array_position(ARRAY['departement', 'epci', 'commune'], t.kind), t.name
"""


_CHOICES = """
WITH RECURSIVE below AS (SELECT code AS top, code FROM area
    UNION SELECT below.top, area.code FROM area JOIN below ON area.parent = below.code)
SELECT t.code, t.kind, t.name, array_agg(c.code) AS communes
FROM below JOIN area t ON t.code = below.top JOIN area c ON c.code = below.code
WHERE c.kind = 'commune' GROUP BY t.code, t.kind, t.name
ORDER BY array_position(ARRAY['departement', 'epci', 'commune'], t.kind), t.name
"""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An area in which somebody may publish, with the codes of its communes."""

    code: str
    kind: str
    name: str
    communes: list[str]


def insert_publication(
    connection: Connection, *, status: Status, alarm: int | None, areas: Sequence[PublishedArea]
) -> int:
    """A publication without an event yet; its number."""
    row = connection.execute(
        "INSERT INTO publication (status, alarm, communes) VALUES (%s, %s, %s) RETURNING id",
        [status, alarm, list_communes(areas)],
    ).fetchone()
    return int(row[0]) if row else 0


def insert_event(  # noqa: PLR0913  the columns
    connection: Connection,
    publication: int,
    *,
    number: int,
    act: PublicationAct,
    kind: MessageKind,
    at: datetime,
    author: str,
    reason: str,
    content: WarningContent | None = None,
    areas: Sequence[PublishedArea] | None = None,
) -> None:
    """Append an event; who may see the areas of a draft sees the publication from now on."""
    if areas is not None:
        connection.execute(
            "UPDATE publication SET communes = ARRAY (SELECT unnest(communes) UNION"
            " SELECT unnest(%s::text[]) ORDER BY 1) WHERE id = %s",
            [list_communes(areas), publication],
        )
    connection.execute(
        "INSERT INTO publication_event (publication, number, act, kind, at, scenario_at, author,"  # noqa: S608  a constant
        f" reason, content, areas) VALUES (%s, %s, %s, %s, %s, {SCENARIO_CLOCK}, %s, %s, %s, %s)",
        [
            *(publication, number, act.value, kind.value, at, author, reason),
            None if content is None else Jsonb(content.model_dump(mode="json")),
            None if areas is None else Jsonb([area.model_dump(mode="json") for area in areas]),
        ],
    )


def lock_publication(connection: Connection, number: int) -> Publication | None:
    """A publication, locked until the transaction's end."""
    connection.execute("SELECT FROM publication WHERE id = %s FOR UPDATE", [number])
    return find_publication(connection, number)


def find_publication(connection: Connection, number: int) -> Publication | None:
    """A publication by its number."""
    rows = connection.cursor(row_factory=dict_row).execute(
        "SELECT id, status, alarm, communes FROM publication WHERE id = %s", [number]
    )
    publications = _complete(connection, rows.fetchall())
    return publications[0] if publications else None


def list_publications(
    connection: Connection, *, before: int | None = None, limit: int = 100
) -> list[Publication]:
    """Publications, the latest first."""
    rows = connection.cursor(row_factory=dict_row).execute(
        _PAGE, {"before": before, "limit": limit}
    )
    return _complete(connection, rows.fetchall())


def _complete(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[Publication]:
    """With their events and messages."""
    numbers = [row["id"] for row in rows]
    events: dict[int, list[PublicationEvent]] = {number: [] for number in numbers}
    for event in connection.cursor(row_factory=dict_row).execute(_EVENTS, [numbers]):
        events[event["publication"]].append(PublicationEvent.model_validate(event))
    messages: dict[int, list[PublishedMessage]] = {number: [] for number in numbers}
    for message in list_of_publications(connection, numbers):
        messages[message.publication].append(message)
    return [
        Publication(
            id=row["id"],
            status=row["status"],
            alarm=row["alarm"],
            communes=tuple(row["communes"]),
            events=tuple(events[row["id"]]),
            messages=tuple(messages[row["id"]]),
        )
        for row in rows
    ]


def list_areas(connection: Connection, codes: Sequence[str]) -> list[PublishedArea]:
    """The areas of these codes with their communes; a code that is none of an area is left out."""
    rows = connection.cursor(row_factory=dict_row).execute(_AREAS, [list(codes)])
    return [PublishedArea.model_validate(row) for row in rows]


def list_waiting(connection: Connection, *, written_before: datetime | None = None) -> list[int]:
    """The numbers of the publications with a draft that awaits its second signature."""
    rows = connection.execute(
        "SELECT publication FROM (SELECT DISTINCT ON (publication) publication, content, at"
        " FROM publication_event ORDER BY publication, number DESC) e"
        " WHERE content IS NOT NULL AND coalesce(at < %s, true) ORDER BY publication",
        [written_before],
    )
    return [number for (number,) in rows]


def list_choices(connection: Connection, held: Territory) -> list[Choice]:
    """Areas of which all communes lie in a territory, the largest first."""
    rows = fetch(connection, Choice, _CHOICES)
    return [row for row in rows if held.covers(Territory(communes=frozenset(row.communes)))]
