"""What a service's module needs for one poll: its devices, how far it is, and to ask."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import msgspec

from hypervisor.base.process import pause
from hypervisor.base.settings import Settings
from hypervisor.feeds.fetch import Request, fetch
from hypervisor.feeds.model import Answer, Feed, FeedError, FeedState, Unusable, Validators
from hypervisor.registry.model import Registry
from ingest.message import Reason
from sensors._errors import Message

_Shape = TypeVar("_Shape", bound=msgspec.Struct)
_CHANCE = random.SystemRandom()


_FIRST, _LAST = datetime(1800, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_MOST_FAILURES = 3  # in a row, after which a service is asked for no more parts
_MOST_ANSWERS = 20  # as slow as an answer may be, after which a poll leaves the turn to other feeds
# When each service was last asked (monotonic s): its feeds share its rate, and this process alone
# asks.
_ASKED_AT: dict[str, float] = {}
Clock = Callable[[], datetime]


def read_clock() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device that is read from a service. `code`: under which the service lists it."""

    name: str
    code: str
    quantities: frozenset[str]


def list_devices(registry: Registry, feed: str) -> list[Device]:
    """The devices that are read from a service: `properties: {feed: …, code: …}`."""
    quantities: dict[str, set[str]] = {}
    for device, quantity in registry.series:
        quantities.setdefault(device, set()).add(quantity)
    return [
        Device(
            name=device.name,
            code=str(device.properties.get("code") or device.name),
            quantities=frozenset(quantities.get(device.name, ())),
        )
        for device in registry.devices.values()
        if device.properties.get("feed") == feed and device.retired is None
    ]


@dataclass(frozen=True, kw_only=True)
class PollContext:
    """One poll. `departements`: of the territory; `bounds`: west, south, east, north of each."""

    feed: Feed
    settings: Settings
    state: FeedState
    now: datetime
    clock: Clock = read_clock
    devices: tuple[Device, ...] = ()
    departements: tuple[str, ...] = ()
    bounds: Sequence[tuple[float, float, float, float]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    stopping: Callable[[], bool] = lambda: False
    ahead: timedelta = timedelta(minutes=5)  # of our clock, and still believed
    began: float = field(default_factory=time.monotonic)

    def ask(
        self,
        what: str,
        parameters: Mapping[str, str] | None = None,
        *,
        validators: Validators | None = None,
    ) -> Answer:
        """One request, not sooner than the service's spacing after the one before, of any feed.

        Raises FeedError: there is no usable answer.
        """
        service = self.feed.path
        if service in _ASKED_AT:
            pause(_ASKED_AT[service] + self.feed.spacing_s - time.monotonic(), self.stopping)
        _ASKED_AT[service] = time.monotonic()
        if self.stopping():
            raise FeedError("stopped while {title} was read", self.feed.title)
        longest = _MOST_ANSWERS * self.settings.feeds_timeout_seconds
        if time.monotonic() - self.began > longest:
            raise FeedError(
                "{title} was not read to its end within {count:g} s", self.feed.title, longest
            )
        request = Request(
            address=f"{address_of(self.feed, self.settings)}/{what}".rstrip("/"),
            parameters=parameters,
            headers=self.headers,
            validators=validators,
            largest=self.feed.largest,
            form=self.feed.form,
            seconds=self.settings.feeds_timeout_seconds,
        )
        return fetch(request, stopping=self.stopping)

    def ask_if_changed(self, what: str, of: Sequence[object]) -> Answer:
        """The same, unchanged if it is the answer before, and that was read for the same things."""
        same = self.state.cursor.get("of") == list(of)
        if self.feed.lasts and self.state.issued is None:
            same = False  # stored by a version that did not keep the time of publication
        return self.ask(what, validators=self.state.validators if same else None)


def address_of(feed: Feed, settings: Settings) -> str:
    """Where a service is asked: its own setting, the one of all services, or officially."""
    own = str(getattr(settings, f"{feed.path}_url", "") or "")
    if own:
        return own.rstrip("/")
    if settings.feeds_url:
        return f"{settings.feeds_url.rstrip('/')}/{feed.path}"
    return feed.address


def clip_time(time: datetime) -> datetime:
    """The same in UTC, no further away than what a database and every zone can hold."""
    return min(max(time, _FIRST), _LAST).astimezone(UTC)


class Dated(msgspec.Struct, frozen=True):
    """A part of an answer, whose times are clipped."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, datetime) and not _FIRST <= value <= _LAST:
                msgspec.structs.force_setattr(self, name, clip_time(value))


# Of a place in an answer: degrees, and a corner of an outline, which may have a height.
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Corner = Annotated[
    list[Annotated[float, msgspec.Meta(ge=-10_000, le=10_000)]], msgspec.Meta(min_length=2)
]


@dataclass(kw_only=True)
class PartFailures:
    """Parts of a poll that have no usable answer: the others are read all the same."""

    first: FeedError | None = None
    in_a_row: int = 0

    @property
    def are_many(self) -> bool:
        """Whether it is the service that does not answer, and not a part of it."""
        return self.in_a_row >= _MOST_FAILURES

    @contextmanager
    def keep(self) -> Iterator[None]:
        """Keep a part's failure. Raises FeedError: there are many, or the service wants to rest."""
        try:
            yield
        except FeedError as error:
            self.first = self.first or error
            self.in_a_row += 1
            if self.are_many or error.wait_s is not None:
                raise
        else:
            self.in_a_row = 0

    def leave_out(self, unusable: Sequence[Unusable]) -> None:
        """Keep that parts of an answer have another shape."""
        if unusable:
            self.first = self.first or FeedError(
                "{count} rows left out: {problem}", len(unusable), unusable[0].detail
            )

    def raise_first(self) -> None:
        """Raises FeedError: a part had no usable answer."""
        if self.first is not None:
            raise self.first


def require_past(context: PollContext, issued: datetime, body: bytes) -> None:
    """Raises FeedError: what was issued then lies ahead of our clock."""
    if issued > context.now + context.ahead:
        raise FeedError(
            "the bulletin is of {time}, which lies ahead: its clock or ours is wrong",
            issued.isoformat(),
            reason=Reason.TIME_AHEAD,
            body=body,
        )


def require_newest(context: PollContext, issued: datetime, body: bytes) -> None:
    """Raises FeedError: a newer publication was read before, and this says what is over by then."""
    before = context.state.issued
    if before is not None and issued < before:
        raise FeedError(
            "an old copy was answered: it is of {time}, and the one before of {before}",
            issued.isoformat(),
            before.isoformat(),
            reason=Reason.TIME_TOO_OLD,
            body=body,
        )


def draw_chance() -> float:
    """A number in [0, 1) for jitter."""
    return _CHANCE.random()


def read_parts(
    written: Iterable[object], shape: type[_Shape]
) -> tuple[list[_Shape], list[Unusable]]:
    """The parts of an answer that have a shape, and those that have not."""
    usable: list[_Shape] = []
    unusable: list[Unusable] = []
    for part in written:
        try:
            usable.append(msgspec.convert(part, shape, strict=False))
        except msgspec.ValidationError as error:
            detail = Message("another shape than expected: {error}", str(error))
            unusable.append(Unusable(reason=Reason.WRONG_SHAPE, detail=detail, part=part))
    return usable, unusable
