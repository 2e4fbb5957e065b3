"""What the official services said: colours and bulletins, now or as they were known."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from hypervisor.access.context import Context
from hypervisor.feeds import queries, queries_bulletins, queries_events
from hypervisor.feeds.queries_bulletins import StoredBulletin
from hypervisor.web.budget import SINCE, costs
from hypervisor.web.schemas import Body
from hypervisor.web.times import Instant

router = APIRouter(prefix="/official", tags=["official"])
_MOST = 1_000
_BACK = timedelta(days=31)

At = Annotated[Instant | None, Query(description="As it stood then; default: now.")]


class ColourBody(BaseModel):
    """An official colour: 1 green … 4 red; null: the service names none."""

    feed: str = Field(examples=["vigicrues"])
    area: str = Field(examples=["SE3"], description="A département, or the code of a reach.")
    title: str = Field(examples=["Essonne aval"])
    phenomenon: str = Field(examples=["flood"])
    colour: int | None = Field(examples=[2])
    begins: datetime
    ends: datetime | None = Field(description="Null: until the next bulletin.")
    issued: datetime
    ahead: int | None = Field(description="The worst of the next 24 h, where it is announced.")


class ColoursBody(Body):
    """The official colours in force."""

    colours: list[ColourBody]


class TextBody(BaseModel):
    """A part of a bulletin, in the service's own words."""

    part: str = Field(examples=["situation"])
    text: str


class BulletinBody(BaseModel):
    """A bulletin as it was issued. Name its source wherever you show it."""

    feed: str = Field(examples=["bulletins"])
    area: str = Field(examples=["7"], description="The code of a territory, or of a reach.")
    title: str = Field(examples=["Seine moyenne-Yonne-Loing"])
    covers: list[str] = Field(description="The reaches of this instance that it speaks of.")
    reference: str
    issued: datetime
    next_at: datetime | None = Field(description="When its author means to issue the next.")
    colour: int | None
    producer: str
    texts: list[TextBody]
    source: str
    licence: str
    stored_at: datetime = Field(description="When this instance had it.")


class BulletinsBody(Body):
    """Bulletins; `complete` false: there are more, ask for a shorter span."""

    bulletins: list[BulletinBody]
    complete: bool


class RoadEventBody(BaseModel):
    """A version of a road event. `state`: active, ended, cancelled, or gone: not listed now."""

    feed: str = Field(examples=["roads"])
    reference: str
    version: str
    state: str
    kind: str = Field(examples=["flood"])
    closed: bool = Field(description="The road, not a lane of it.")
    detail: str = Field(description="DATEX II's own words for it.")
    road: str = Field(examples=["N20"])
    place: str
    words: str
    begins: datetime
    ends: datetime | None = Field(description="Null: not said.")
    issued: datetime
    producer: str
    geometry: dict[str, Any]
    source: str
    licence: str
    stored_at: datetime = Field(description="When this instance had it.")


class EventsBody(Body):
    """Road events; `complete` false: there are more, ask for a shorter span."""

    events: list[RoadEventBody]
    complete: bool


@router.get("/colours")
def list_colours(context: Context, at: At = None) -> ColoursBody:
    """The official colours of reaches and départements in force."""
    with context.owning() as owner:  # they are public
        rows = queries.list_colours(owner, at or context.now())
    fields = ColourBody.model_fields
    return ColoursBody(
        mode=context.mode,
        colours=[ColourBody(**{name: getattr(row, name) for name in fields}) for row in rows],
    )


@router.get("/bulletins")
@costs(SINCE)
def list_bulletins(
    context: Context,
    *,
    at: Annotated[
        Instant | None,
        Query(description="What stood at that time, as this instance knew it then."),
    ] = None,
    since: Annotated[
        Instant | None,
        Query(description="Instead: each version issued since then (31 days at once)."),
    ] = None,
    area: Annotated[str | None, Query(description="Of this territory or reach alone.")] = None,
) -> BulletinsBody:
    """The bulletins in force, those of an earlier time, or everything issued in a span."""
    now = context.now()
    with context.owning() as owner:  # they are public
        if since is not None:
            until = min(since + _BACK, now)
            rows = queries_bulletins.list_history(owner, since, until, area=area, most=_MOST + 1)
        else:
            rows = queries_bulletins.list_in_force(owner, at or now, stored_by=at)
            rows = [row for row in rows if area is None or row.area == area]
    return BulletinsBody(
        mode=context.mode,
        bulletins=[_body(row) for row in rows[:_MOST]],
        complete=len(rows) <= _MOST,
    )


@router.get("/road-events")
@costs(SINCE)
def list_road_events(
    context: Context,
    *,
    at: Annotated[
        Instant | None,
        Query(description="What held at that time, as this instance knew it then."),
    ] = None,
    since: Annotated[
        Instant | None,
        Query(description="Instead: each version stored since then (31 days at once)."),
    ] = None,
) -> EventsBody:
    """The official road events that hold, those of an earlier time, or each version of a span."""
    now = context.now()
    most = _MOST + 1
    with context.owning() as owner:  # they are public
        if since is not None:
            rows = queries_events.list_history(owner, since, min(since + _BACK, now), most=most)
        else:
            rows = queries_events.list_standing(owner, at or now, stored_by=at)
    fields = RoadEventBody.model_fields.keys() - {"stored_at"}
    return EventsBody(
        mode=context.mode,
        events=[
            RoadEventBody(stored_at=row.created_at, **{name: getattr(row, name) for name in fields})
            for row in rows[:_MOST]
        ],
        complete=len(rows) < (most if since is not None else queries_events.MOST),
    )


def _body(row: StoredBulletin) -> BulletinBody:
    return BulletinBody(
        feed=row.feed,
        area=row.area,
        title=row.title,
        covers=row.covers,
        reference=row.reference,
        issued=row.issued,
        next_at=row.next_at,
        colour=row.colour,
        producer=row.producer,
        texts=[TextBody(part=part, text=text) for part, text in row.texts],
        source=row.source,
        licence=row.licence,
        stored_at=row.created_at,
    )
