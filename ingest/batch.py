"""A batch: what one transaction stores. Rows are packed as the watch will read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from ingest.message import Acknowledgement, Arrival, NewDeadLetter
from sensors._row import Rows


class Beat(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A heartbeat that came round: the clock it carries, and when it was back (both µs).

    `session_made`: rather that the broker made our session then, and had queued nothing before.
    `part`: through whose queue it came, by the name of that worker; "": the one worker there is.
    """

    clock: int
    received_at: int
    session_made: bool = False
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """What was received since the last one: the messages of one batch, not yet looked into.

    `mids` are to be acknowledged on `connection` and no other: after a reconnection the broker
    sends all of them again. `dropped`: what the broker has dropped since it started, if it says so.
    """

    arrivals: Sequence[Arrival]
    beats: Sequence[Beat]
    mids: Sequence[int]
    connection: int
    dropped: int | None = None


@dataclass(frozen=True, kw_only=True)
class Listened:
    """What heartbeats add. `heard`: the latest, None: no further than before; `gaps`: spans; µs.

    `lost`: of those, the spans at whose end the broker had lost our session with its queue.
    """

    heard: int | None = None
    gaps: Sequence[tuple[int, int]] = ()
    lost: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one transaction stores. `listened`: by part, as of a Beat.

    `dropped`: messages that the broker has dropped since it started, None: it has not said.
    `messages`: how many it was made of. `again`: a try before may have stored it, or a part of it.
    """

    rows: Rows
    letters: Sequence[NewDeadLetter] = ()
    acknowledgements: Sequence[Acknowledgement] = ()
    listened: Mapping[str, Listened] = field(default_factory=dict)
    dropped: int | None = None
    messages: int = 0
    again: bool = False
