"""Météo-France's stations: temperature, rain, wind and more, every six minutes or every hour.

A request is of one station and one time. The newest times of all stations come first, then what
is missing of the day that the service keeps, as far as fifty requests a minute go.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec

from hypervisor.base.instants import micros, text
from hypervisor.feeds.model import Feed, FeedError, Observation, Page
from hypervisor.feeds.poll import Dated, Device, PartFailures, PollContext, read_parts
from ingest.message import Reason
from sensors._errors import Message

FEED = Feed(
    name="observations",
    title="Météo-France, observations",
    address="https://public-api.meteofrance.fr/public/DPObs/v1",
    path="observations",
    source="Météo-France, observations",
    licence="Licence Ouverte 2.0",
    every=timedelta(minutes=2),
    spacing_s=1.25,  # fifty a minute are allowed
)
HOURLY = replace(
    FEED,
    name="observations-hourly",
    title="Météo-France, hourly observations",
    every=timedelta(minutes=15),
)
_DEEP = timedelta(hours=24)  # what the service keeps
_MOST = 60  # requests of one poll: other services wait meanwhile
_AHEAD = timedelta(minutes=5)
# Ours by theirs, with their units.
_FIELDS = {
    "air_temperature": ("t", "K"),
    "dew_point": ("td", "K"),
    "humidity": ("u", "%"),
    "pressure": ("pres", "Pa"),
    "wind_speed": ("ff", "m/s"),
    "wind_direction": ("dd", "deg"),
    "gust": ("fxi10", "m/s"),
    "gust_direction": ("dxi10", "deg"),
}
QUANTITIES = (*_FIELDS, "rain")

Aware = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """A list of the service: where, how often its stations observe, and which rain is of that."""

    path: str
    step: timedelta
    rain: str


SIX_MINUTES = Rhythm(path="station/infrahoraire-6m", step=timedelta(minutes=6), rain="rr_per")
AN_HOUR = Rhythm(path="station/horaire", step=timedelta(hours=1), rain="rr1")


class Row(Dated, frozen=True, gc=False):
    """An observation as the service writes it; `validity_time` ends what is of a span."""

    validity_time: Aware
    geo_id_insee: str | int
    t: float | None = None
    td: float | None = None
    u: float | None = None
    pres: float | None = None
    ff: float | None = None
    dd: float | None = None
    fxi10: float | None = None
    dxi10: float | None = None
    rr_per: float | None = None
    rr1: float | None = None


@dataclass(kw_only=True)
class Progress:
    """How far each station is: its newest time, and the times before it that are missing."""

    last: dict[str, str]
    missing: dict[str, list[str]]

    def cursor(self) -> dict[str, Any]:
        return {"last": dict(self.last), "missing": {k: list(v) for k, v in self.missing.items()}}

    def take(self, code: str, time: datetime, step: timedelta) -> None:
        """A newest time: what lies between it and the one before is missing."""
        before = self.last.get(code)
        if before is not None and time <= datetime.fromisoformat(before):
            return
        first = time - _DEEP if before is None else datetime.fromisoformat(before)
        at = time - step
        while at > max(first, time - _DEEP):
            self.missing.setdefault(code, []).append(text(micros(at)))
            at -= step
        self.last[code] = text(micros(time))


def needs_key(context: PollContext) -> str:
    """Why it is not read: no key, or no device."""
    if not (context.settings.meteofrance_key or context.settings.feeds_url):
        return Message("HYPERVISOR_METEOFRANCE_KEY is not set")
    return "" if context.devices else Message("no device of the inventory is read from it")


def make_poll(rhythm: Rhythm) -> Callable[[PollContext], Iterator[Page]]:
    """The poller of one of its lists."""
    return lambda context: _poll(context, rhythm)


def _poll(context: PollContext, rhythm: Rhythm) -> Iterator[Page]:
    """The newest of each station, then what is missing, the latest first."""
    devices = {device.code: device for device in context.devices}
    progress = _read_progress(context, devices)
    latest = _floor(context.now, rhythm.step)
    due = [code for code in sorted(devices) if progress.last.get(code) != text(micros(latest))]
    due.sort(key=lambda code: progress.last.get(code, ""))
    failures = PartFailures()
    for code in due[:_MOST]:
        page = Page()
        times: list[datetime] = []
        with failures.keep():
            page, times = _ask(context, rhythm, devices[code], latest)
        for time in times:
            if time <= context.now + _AHEAD:
                progress.take(code, time, rhythm.step)
        yield replace(page, cursor=progress.cursor())
    oldest = text(micros(context.now - _DEEP))
    for code, written in _list_missing(progress)[: _MOST - min(len(due), _MOST)]:
        page = Page()
        with failures.keep():
            if written > oldest:
                page, _ = _ask(context, rhythm, devices[code], datetime.fromisoformat(written))
            progress.missing[code].remove(written)
        yield replace(page, cursor=progress.cursor())
    yield _conclude(devices, progress, oldest)
    failures.raise_first()


def _read_progress(context: PollContext, devices: Mapping[str, Device]) -> Progress:
    """Of the stations that are still read."""
    cursor = context.state.cursor
    return Progress(
        last={k: v for k, v in cursor.get("last", {}).items() if k in devices},
        missing={k: list(v) for k, v in cursor.get("missing", {}).items() if k in devices},
    )


def _list_missing(progress: Progress) -> list[tuple[str, str]]:
    pairs = [(code, time) for code, times in progress.missing.items() for time in times]
    return sorted(pairs, key=lambda pair: (pair[1], pair[0]), reverse=True)


def _conclude(devices: Mapping[str, Device], progress: Progress, oldest: str) -> Page:
    """Stations silent for a day."""
    silent = sorted(code for code in devices if progress.last.get(code, "") <= oldest)
    warning = Message("nothing for a day of {codes}: are the codes right?", ", ".join(silent[:5]))
    missing = sum(len(times) for times in progress.missing.values())
    return Page(
        cursor=progress.cursor(),
        summary=f"{len(devices)} stations, {missing} times still to ask for",
        warning=str(warning) if silent else "",
    )


def _floor(time: datetime, step: timedelta) -> datetime:
    midnight = datetime(time.year, time.month, time.day, tzinfo=UTC)
    return midnight + (time - midnight) // step * step


def _ask(
    context: PollContext, rhythm: Rhythm, device: Device, at: datetime
) -> tuple[Page, list[datetime]]:
    """A station at a time, or at the nearest that the service has."""
    parameters = {
        "id_station": device.code,
        "date": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "format": "json",
    }
    answer = context.ask(rhythm.path, parameters)
    return read_answer(answer.content, answer.body, device, rhythm)


def read_answer(
    content: object, body: bytes, device: Device, rhythm: Rhythm
) -> tuple[Page, list[datetime]]:
    """What it says of the device, and of which times. Raises FeedError: it is no list."""
    if not isinstance(content, list):
        raise FeedError(
            "the answer has another shape than a list of observations: {error}",
            type(content).__name__,
            reason=Reason.WRONG_SHAPE,
            body=body,
        )
    rows, unusable = read_parts(content, Row)
    own = [row for row in rows if str(row.geo_id_insee).zfill(8) == device.code]
    observations = [each for row in own if (each := _observe(row, device, rhythm)).values]
    page = Page(observations=observations, unusable=unusable)
    return page, sorted(row.validity_time for row in own)


def _observe(row: Row, device: Device, rhythm: Rhythm) -> Observation:
    fields = {**_FIELDS, "rain": (rhythm.rain, "mm")}
    values: dict[str, float | None] = {
        quantity: value
        for quantity, (name, _unit) in fields.items()
        if quantity in device.quantities and (value := getattr(row, name)) is not None
    }
    return Observation(
        device=device.name,
        time=row.validity_time,
        values=values,
        units={quantity: fields[quantity][1] for quantity in values},
    )
