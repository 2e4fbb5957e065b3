"""Road events of the State's network (Bison Futé), or of any DATEX II server."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from hypervisor.base.instants import micros, text
from hypervisor.feeds.datex import read_publication
from hypervisor.feeds.model import Feed, Page
from hypervisor.feeds.poll import PollContext, require_newest, require_past
from sensors._errors import Message

FEED = Feed(
    name="roads",
    title="Bison Futé",
    address="https://tipi.bison-fute.gouv.fr/bison-fute-ouvert/publicationsDIR/Evenementiel-DIR/grt/RRN",
    path="roads",
    source="Bison Futé, réseau routier national",
    licence="Licence Ouverte 2.0",
    every=timedelta(minutes=10),
    lasts=timedelta(hours=26),
    largest=48 * 2**20,
    form="xml",
    of="hubeau",
)
DOCUMENT = "content.xml"


def needs_place(context: PollContext) -> str:
    """Why it is not read: nothing says where we are."""
    return "" if context.bounds else Message("no commune and no site has a place")


def poll(context: PollContext) -> Iterator[Page]:
    """Everything that is listed within our bounds; what is not listed any more is over."""
    bounds = [[round(edge, 3) for edge in box] for box in context.bounds]
    what = "" if context.settings.roads_url else DOCUMENT
    answer = context.ask_if_changed(what, bounds)
    if not answer.is_new:
        yield Page(validators=answer.validators, summary=context.state.summary or "")
        return
    publication = read_publication(answer.body)
    require_past(context, publication.issued, answer.body)
    require_newest(context, publication.issued, answer.body)
    own = [
        event
        for event in publication.events
        if any(_is_within(event.geometry, box) for box in bounds)
    ]
    yield Page(
        events=own,
        listed=publication.references,
        unusable=publication.unusable,
        cursor={"of": bounds, "issued": text(micros(publication.issued))},
        validators=answer.validators,
        summary=f"{len(own)} of {len(publication.events)} road events"
        f" of {publication.issued:%Y-%m-%d %H:%M} UTC",
    )


def _is_within(geometry: dict[str, Any], bounds: list[float]) -> bool:
    """Whether a point of it lies within (west, south, east, north)."""
    west, south, east, north = bounds
    points = geometry["coordinates"]
    if geometry["type"] == "Point":
        points = [points]
    return any(west <= lon <= east and south <= lat <= north for lon, lat in points)
