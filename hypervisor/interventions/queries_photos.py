"""SQL of photographs from the field."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from hypervisor.database.connect import Connection
from hypervisor.interventions.photos import Photo


@dataclass(frozen=True, kw_only=True)
class PhotoMark:
    """A photograph without its content. `number`: of its event; `taken_at`: the wall's clock."""

    order: int
    number: int
    taken_at: datetime
    lon: float | None
    lat: float | None
    width: int
    height: int


def insert_photo(  # noqa: PLR0913  the columns
    connection: Connection,
    order: int,
    number: int,
    photo: Photo,
    *,
    taken_at: datetime,
    position: tuple[float, float] | None,
) -> None:
    """Store the photograph of an event; `position`: longitude, latitude."""
    lon, lat = position or (None, None)
    connection.execute(
        "INSERT INTO intervention_photo (intervention, number, taken_at, lon, lat, width, height,"
        " digest, content) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(order, number, taken_at, lon, lat),
            *(photo.width, photo.height, photo.digest, photo.content),
        ],
    )


def list_photos(connection: Connection, orders: Sequence[int]) -> list[PhotoMark]:
    """The photographs of orders that are still kept, by event."""
    with connection.cursor(row_factory=class_row(PhotoMark)) as cursor:
        return cursor.execute(
            'SELECT intervention AS "order", number, taken_at, lon, lat, width, height'
            " FROM intervention_photo WHERE intervention = ANY (%s) ORDER BY intervention, number",
            [list(orders)],
        ).fetchall()


def find_content(connection: Connection, order: int, number: int) -> bytes | None:
    """The JPEG of an event, where it is visible and still kept."""
    row = connection.execute(
        "SELECT content FROM intervention_photo WHERE intervention = %s AND number = %s",
        [order, number],
    ).fetchone()
    return None if row is None else bytes(row[0])


def sum_sizes(connection: Connection, author: str, since: datetime) -> int:
    """Bytes of the photographs that somebody has added since then."""
    row = connection.execute(
        "SELECT coalesce(sum(octet_length(p.content)), 0) FROM intervention_photo p"
        " JOIN intervention_event e USING (intervention, number)"
        " WHERE e.author = %s AND e.at > %s",
        [author, since],
    ).fetchone()
    return int(row[0]) if row else 0


def delete_photos(connection: Connection, before: datetime) -> int:
    """Delete the photographs taken before then; how many. Their events stay."""
    return connection.execute(
        "DELETE FROM intervention_photo WHERE taken_at < %s", [before]
    ).rowcount
