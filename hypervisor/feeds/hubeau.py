"""Hub'Eau, hydrometry v2: levels and discharges of gauges, in pages by cursor, a month deep."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from hypervisor.base.instants import micros, text
from hypervisor.feeds.model import Feed, FeedError, Observation, Page
from hypervisor.feeds.poll import Dated, Device, PollContext, read_parts
from ingest.message import Reason

FEED = Feed(
    name="hubeau",
    title="Hub'Eau",
    address="https://hubeau.eaufrance.fr/api/v2/hydrometrie",
    path="hubeau",
    source="Hub'Eau, API Hydrométrie (Eaufrance)",
    licence="Licence Ouverte 2.0",
    every=timedelta(minutes=5),
)
OBSERVATIONS = "observations_tr"
# What a row may be, the first that the device has: some scales are heights above the sea.
QUANTITIES = {"H": ("level", "surface_elevation"), "Q": ("discharge",)}
_UNITS = {"level": "mm", "surface_elevation": "mm", "discharge": "l/s"}
_DOUBTFUL = 12  # Sandre nomenclature 515; 16 is not qualified, 20 good
_DEEP = timedelta(days=31)  # what the service keeps
_OVERLAP = timedelta(
    hours=3
)  # asked again at each poll: gauges that send once an hour, corrections
_NEAR = timedelta(hours=6)  # without anything newer, after which a gauge is asked once an hour
_LATE = timedelta(days=2)  # after which it is asked once a day, as all are for corrections
_STATIONS = 50  # of one request; the service takes a hundred
_ROWS = "10000"  # of one page
_MOST_PAGES = 400  # of one request
_AHEAD = timedelta(minutes=5)
_DAY = timedelta(days=1)
_FIELDS = "code_station,grandeur_hydro,date_obs,resultat_obs,code_qualification_obs,code_statut"


class Row(Dated, frozen=True, gc=False):
    """An observation as the service writes it."""

    grandeur_hydro: str
    date_obs: Annotated[datetime, msgspec.Meta(tz=True)]
    resultat_obs: float | None
    code_station: str | None = None
    code_qualification_obs: int | None = None
    code_statut: int | None = None


class Listing(msgspec.Struct, frozen=True):
    """A page of any of its lists."""

    data: list[Any]
    next: str | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """Gauges that are asked together: what they say since `since`."""

    name: str
    stations: tuple[str, ...]
    since: datetime


def poll(context: PollContext) -> Iterator[Page]:
    """What is new of the gauges, page by page; each page advances the cursor of its gauges."""
    gauges = {device.code: device for device in context.devices}
    cursor = {
        "last": dict(context.state.cursor.get("last", {})),
        "asked": dict(context.state.cursor.get("asked", {})),
    }
    recovering = context.state.failures > 0
    for part in plan_parts(sorted(gauges), cursor, context.now, recovering=recovering):
        for first in range(0, len(part.stations), _STATIONS):
            chunk = part.stations[first : first + _STATIONS]
            # A new gauge stays new until all of its month was read: what fails begins again.
            last = {} if part.name == "new" else cursor["last"]
            for rows in list_observation_pages(context, chunk, part.since):
                read, unusable = read_parts(rows, Row)
                _advance(last, read, chunk, latest=context.now + _AHEAD)
                yield Page(
                    observations=list_observations(read, gauges), unusable=unusable, cursor=cursor
                )
            for station in chunk:
                cursor["last"].setdefault(station, last.get(station))
        cursor["asked"][part.name] = text(micros(context.now))
        yield Page(cursor=cursor)


def plan_parts(
    stations: Sequence[str],
    cursor: Mapping[str, Mapping[str, str | None]],
    now: datetime,
    *,
    recovering: bool = False,
) -> list[Part]:
    """Which gauges are due, and since when each is asked.

    `recovering`: the service did not answer, so that every gauge looks late.
    """
    last = {
        station: datetime.fromisoformat(written) if written else None
        for station, written in cursor["last"].items()
    }
    new = tuple(each for each in stations if each not in last)
    near = tuple(each for each in stations if _is_since(last.get(each), now - _NEAR))
    late = tuple(
        each for each in stations if each not in near and _is_since(last.get(each), now - _LATE)
    )
    parts = []
    if new:
        parts.append(Part(name="new", stations=new, since=now - _DEEP))
    for name, some, pause in (("near", near, None), ("late", late, timedelta(hours=1))):
        due = recovering or pause is None or _is_due(cursor["asked"].get(name), now, pause)
        if some and due:
            since = min(time for each in some if (time := last[each]) is not None)
            parts.append(Part(name=name, stations=some, since=min(since, now) - _OVERLAP))
    old = tuple(each for each in stations if each not in new)
    if old and _is_due(cursor["asked"].get("all") or cursor["asked"].get("new"), now, _DAY):
        parts.append(Part(name="all", stations=old, since=now - _DEEP))
    return parts


def _is_since(time: datetime | None, bound: datetime) -> bool:
    return time is not None and time >= bound


def _is_due(before: str | None, now: datetime, pause: timedelta) -> bool:
    return before is None or now - datetime.fromisoformat(before) >= pause


def list_observation_pages(
    context: PollContext, stations: Sequence[str], since: datetime
) -> Iterator[list[Any]]:
    """The observations of stations, page by page, oldest first."""
    parameters = {
        "code_entite": ",".join(stations),
        "date_debut_obs": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "sort": "asc",
        "size": _ROWS,
        "fields": _FIELDS,
    }
    return list_pages(context, OBSERVATIONS, parameters)


def list_pages(
    context: PollContext, what: str, parameters: Mapping[str, str]
) -> Iterator[list[Any]]:
    """The rows of each page of a list. Raises FeedError: it is none, or has no end."""
    place: Mapping[str, str] = {}
    for _ in range(_MOST_PAGES):
        answer = context.ask(what, {**parameters, **place})
        listing = read_listing(answer.content, answer.body)
        yield listing.data
        following = _read_place(listing.next)
        if not following or following == place:
            return
        place = following
    raise FeedError("more than {count} pages of one request: given up", _MOST_PAGES)


def read_listing(content: object, body: bytes) -> Listing:
    """A page. Raises FeedError: it has no list of data."""
    try:
        return msgspec.convert(content, Listing)
    except msgspec.ValidationError as error:
        raise FeedError(
            "the answer has another shape than a list of data: {error}",
            str(error),
            reason=Reason.WRONG_SHAPE,
            body=body,
        ) from error


def _read_place(address: str | None) -> dict[str, str]:
    """Of the next page's address only which page: where we ask is a setting of ours."""
    try:
        query = parse_qs(urlsplit(address or "").query)
    except ValueError:
        return {}
    return {name: query[name][0] for name in ("cursor", "page") if name in query}


def list_observations(rows: Iterable[Row], gauges: Mapping[str, Device]) -> list[Observation]:
    """Observations by device and time; `gauges`: the device of each station.

    Rows of a site repeat those of its station, and are left out. Of several rows of one time the
    furthest corrected one stands.
    """
    best: dict[tuple[str, datetime, str], Row] = {}
    for row in rows:
        device = gauges.get(row.code_station or "")
        names = QUANTITIES.get(row.grandeur_hydro, ())
        quantity = next((name for name in names if device and name in device.quantities), None)
        if device is None or quantity is None:
            continue
        key = (device.name, row.date_obs, quantity)
        before = best.get(key)
        if before is None or (row.code_statut or 0) >= (before.code_statut or 0):
            best[key] = row
    return _gather(best)


def _gather(best: Mapping[tuple[str, datetime, str], Row]) -> list[Observation]:
    values: dict[tuple[str, datetime], dict[str, float | None]] = {}
    doubtful: dict[tuple[str, datetime], dict[str, str]] = {}
    for (device, time, quantity), row in best.items():
        values.setdefault((device, time), {})[quantity] = row.resultat_obs
        if row.code_qualification_obs == _DOUBTFUL:
            doubtful.setdefault((device, time), {})[quantity] = "doubtful"
    return [
        Observation(
            device=device,
            time=time,
            values=own,
            units={quantity: _UNITS[quantity] for quantity in own},
            status=doubtful.get((device, time), {}),
        )
        for (device, time), own in values.items()
    ]


def _advance(
    last: dict[str, str | None], rows: Iterable[Row], stations: Sequence[str], *, latest: datetime
) -> None:
    """Remember the last time of each station; a time that cannot be believed moves nothing."""
    times: dict[str, datetime] = {}
    for row in rows:
        if row.code_station is not None and row.date_obs <= latest:
            before = times.get(row.code_station, row.date_obs)
            times[row.code_station] = max(before, row.date_obs)
    for station in times.keys() & set(stations):
        stored = last.get(station)
        if stored is None or times[station] > datetime.fromisoformat(stored):
            last[station] = text(micros(times[station]))
