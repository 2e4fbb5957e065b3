"""What a feed is, how far it has come, and what one of its polls gave."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from hypervisor.forecast.experts import ExpertFile
from ingest.message import Reason
from sensors._errors import Message, TerritoryError
from sensors._foreign import remove_controls

COLOURS_STATED = range(1, 5)


class FeedError(TerritoryError):
    """An answer cannot be used, or there is none: says what came, and what to do.

    `reason`: of the dead letter that keeps `body`, where the answer itself is at fault.
    `wait_s`: how long the service asks us to wait. `is_missing`: it has nothing at this address.
    """

    def __init__(
        self,
        template: str,
        /,
        *values: object,
        reason: Reason | None = None,
        body: bytes = b"",
        wait_s: float | None = None,
        is_missing: bool = False,
    ) -> None:
        # No database takes what a service may have written.
        clean = (remove_controls(each) if type(each) is str else each for each in values)
        super().__init__(template, *clean)
        self.reason, self.body, self.wait_s = reason, body, wait_s
        self.is_missing = is_missing


@dataclass(frozen=True, kw_only=True)
class Feed:
    """An official service. `path`: below the address of all services (HYPERVISOR_FEEDS_URL).

    `every`: between two polls; `spacing_s`: between two requests to its path, of whatever feed;
    `largest`: bytes of an answer.
    `of`: the feed whose devices it speaks of, where it has none of its own. `form`: of its answers.
    `lasts`: how long a publication holds, None where the feed has no time of one.
    """

    name: str
    title: str
    address: str  # the official one
    path: str
    source: str  # who publishes it, as its licence wants it named
    licence: str
    every: timedelta
    spacing_s: float = 0.2
    largest: int = 16 * 2**20
    of: str = ""
    lasts: timedelta | None = None
    form: Literal["json", "xml"] = "json"


@dataclass(frozen=True, kw_only=True)
class Validators:
    """What makes the next request conditional."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, kw_only=True)
class FeedState:
    """A feed as the database has it. `cursor`: of the service; `failures`: in a row."""

    name: str
    cursor: Mapping[str, Any] = field(default_factory=dict)
    etag: str | None = None
    last_modified: str | None = None
    due_at: datetime | None = None
    polled_at: datetime | None = None
    answered_at: datetime | None = None
    failures: int = 0
    problem: str | None = None
    excerpt: str | None = None
    readings: int = 0
    summary: str | None = None

    @property
    def issued(self) -> datetime | None:
        """The time of its last publication, where the feed keeps one."""
        written = self.cursor.get("issued")
        return datetime.fromisoformat(written) if written else None

    @property
    def validators(self) -> Validators:
        return Validators(etag=self.etag, last_modified=self.last_modified)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A usable answer. `content`: its JSON as built-in types, or its XML; None: nothing new."""

    content: Any
    body: bytes = b""
    validators: Validators = field(default_factory=Validators)

    @property
    def is_new(self) -> bool:
        return self.content is not None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What a service says of one device at one time, in the service's own units.

    `status`: the producer's qualification by quantity, where it is not plainly usable.
    """

    device: str
    time: datetime
    values: Mapping[str, float | None]
    units: Mapping[str, str] = field(default_factory=dict)
    status: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Colour:
    """An official colour: 1 green … 4 red; None: the service names none.

    `ends` None: until the next bulletin.
    """

    area: str
    title: str
    phenomenon: str
    begins: datetime
    issued: datetime
    colour: int | None
    ends: datetime | None = None


def find_worst(levels: Iterable[int | None]) -> int | None:
    """Of all colours that an answer has for the same; None: none, or green beside one unstated."""
    every = list(levels)
    worst = max((level for level in every if level is not None), default=None)
    return None if worst == 1 and None in every else worst


@dataclass(frozen=True, kw_only=True)
class Bulletin:
    """A text as issued. `area`: a territory's or a reach's code; `covers`: our reaches in it.

    `texts`: (part, text) in the order to read; `next_at`: when its author means to issue the next.
    """

    area: str
    title: str
    covers: Sequence[str]
    reference: str
    issued: datetime
    next_at: datetime | None
    colour: int | None
    producer: str
    texts: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class RoadEvent:
    """A version of an event. `reference`: the service's own name of it; `kind`: what it is.

    `detail`: DATEX II's own words for it; `words`: its text for readers; `ends` None: not said.
    """

    reference: str
    version: str
    state: Literal["active", "ended", "cancelled"]
    kind: str
    is_closed: bool
    detail: str
    road: str
    place: str
    words: str
    begins: datetime
    ends: datetime | None
    issued: datetime
    producer: str
    geometry: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """A part of an answer that cannot be used, as it came."""

    reason: Reason
    detail: Message
    part: object = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of an answer: what is stored in one transaction, with the cursor after it.

    `listed`: the references of all events that the service lists; None: this page does not say.
    `warning`: of the last page, what somebody should see to although the service answered.
    """

    observations: Sequence[Observation] = ()
    colours: Sequence[Colour] = ()
    bulletins: Sequence[Bulletin] = ()
    forecasts: Sequence[ExpertFile] = ()
    events: Sequence[RoadEvent] = ()
    listed: Collection[str] | None = None
    unusable: Sequence[Unusable] = ()
    cursor: Mapping[str, Any] | None = None
    validators: Validators = field(default_factory=Validators)
    summary: str = ""
    warning: str = ""
