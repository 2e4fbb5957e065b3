"""Official road events as people see them: what, where, since when, until when, by whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.base.freshness import Assessment, assess
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.database.connect import Connection
from hypervisor.feeds import queries as feed_queries
from hypervisor.feeds import queries_events, roads
from hypervisor.feeds.queries_events import StoredEvent
from hypervisor.feeds.views_official import make_issue_input, make_service_input
from hypervisor.web import filters

SHOWN = 5  # before they are folded
_KINDS = {
    "flood": mark("Flood on the road"),
    "accident": mark("Accident"),
    "closed": mark("Road closed"),
    "obstruction": mark("Obstacle"),
    "weather": mark("Road conditions"),
    "works": mark("Works"),
    "traffic": mark("Traffic"),
    "other": mark("Road event"),
}


@dataclass(frozen=True, kw_only=True)
class Roads:
    """What holds now. `assessment`: of the service; None: it was never asked."""

    events: Sequence[StoredEvent] = ()
    assessment: Assessment | None = None

    @property
    def shown(self) -> Sequence[StoredEvent]:
        return self.events[:SHOWN]

    @property
    def folded(self) -> Sequence[StoredEvent]:
        return self.events[SHOWN:]


def load_roads(owner: Connection, now: datetime) -> Roads:
    """All road events that hold, floods and closures first: they are public."""
    events = queries_events.list_standing(owner, now)
    state = feed_queries.get_state(owner, roads.FEED.name)
    if state.polled_at is None:
        return Roads(events=events)
    inputs = [
        make_service_input(roads.FEED, state.answered_at),
        make_issue_input(roads.FEED, state),
    ]
    return Roads(events=events, assessment=assess(inputs, now))


def title_event(event: StoredEvent) -> str:
    """What it is and on which road."""
    kind = _(_KINDS.get(event.kind, _KINDS["other"]))
    if event.closed and event.kind != "closed":
        kind = _("%(what)s, road closed") % {"what": kind}
    return " · ".join(filter(None, (kind, event.road)))


def time_event(event: StoredEvent) -> str:
    """Since when, and until when if it is said."""
    since = filters.day_time(event.begins)
    if event.ends is None:
        return _("since %(time)s") % {"time": since}
    return _("%(since)s to %(until)s") % {"since": since, "until": filters.day_time(event.ends)}


def build_features(events: Sequence[StoredEvent]) -> list[dict[str, Any]]:
    """For the map, as GeoJSON."""
    return [
        {
            "type": "Feature",
            "geometry": event.geometry,
            "properties": {
                "name": title_event(event),
                "grave": event.closed or event.kind == "flood",
                "words": " · ".join(filter(None, (event.place, time_event(event)))),
                "source": f"{event.source}, {event.licence}",
            },
        }
        for event in events
    ]


def road_words() -> dict[str, Any]:
    """Functions for templates."""
    return {"title_event": title_event, "time_event": time_event}
