"""DATEX II, versions 2 and 3: the situations of a publication, each as one road event.

Read is what both versions name alike, and what Bison Futé adds to it; docs/feeds.md has the rest.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from xml.etree.ElementTree import Element

from hypervisor.base.xml_reader import XmlError, read_elements
from hypervisor.feeds.model import FeedError, RoadEvent, Unusable
from hypervisor.feeds.poll import clip_time
from ingest.message import Reason
from sensors._errors import Message

ROOTS = ("d2LogicalModel", "Envelope", "messageContainer", "payload", "payloadPublication")
_EXERCISES = {"securityExercise", "technicalExercise"}
_PUBLICATION = "SituationPublication"
_CLOSED = {"roadClosed", "carriagewayClosures", "closedPermanentlyForTheWinter", "bridgeClosed"}
_HIDDEN = {"internalNote"}
_LONGEST = 2_000  # characters of a text for readers
_LONGEST_ID = 500  # characters
_MOST_POINTS = 2_000
# By the record's type, or by a word of its own; what comes first is what the event is.
_KINDS = (
    ("flood", {"flooding", "flashFloods", "riverFlood", "surfaceWater", "seaFlood"}),
    ("accident", {"Accident"}),
    ("closed", _CLOSED),
    ("obstruction", {"landslips", "rockfalls", "fallenTrees", "avalanches", "mudSlide"}),
    ("obstruction", {"GeneralObstruction", "EnvironmentalObstruction", "VehicleObstruction"}),
    ("obstruction", {"AnimalPresenceObstruction", "InfrastructureDamageObstruction"}),
    ("weather", {"WeatherRelatedRoadConditions", "PoorEnvironmentConditions"}),
    ("works", {"MaintenanceWorks", "ConstructionWorks"}),
    ("traffic", {"AbnormalTraffic"}),
)


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What a document says. `references`: of everything listed, usable or not."""

    issued: datetime
    events: Sequence[RoadEvent]
    references: frozenset[str]
    unusable: Sequence[Unusable]


def read_publication(body: bytes) -> Publication:
    """Read a document; exercises are left out.

    Raises FeedError: it is none, or publishes something else.
    """
    outer: dict[str, dict[str, str]] = {}
    events: list[RoadEvent] = []
    unusable: list[Unusable] = []
    references: set[str] = set()
    issued: datetime | None = None
    try:
        for element in read_elements(
            body, {"situation", "publicationTime"}, roots=ROOTS, attributes=outer
        ):
            if element.tag == "publicationTime":
                issued = issued or _read_time(element.text)
                continue
            if _find(element, "informationStatus") in _EXERCISES:
                continue
            reference = element.get("id", "")
            references.add(reference)
            try:
                events.append(read_situation(element, reference))
            except (ValueError, OverflowError) as error:
                detail = Message("a situation has another shape: {error}", str(error)[:200])
                part = {"situation": reference[:200]}
                unusable.append(Unusable(reason=Reason.WRONG_SHAPE, detail=detail, part=part))
    except (XmlError, ValueError) as error:
        raise _wrong_shape(str(error), body) from error
    kinds = [_local(each.get("type")) for each in outer.values() if each.get("type")]
    if _PUBLICATION not in kinds:
        words = ", ".join(kinds)[:100] or "no type"
        raise _wrong_shape(f"{words} instead of {_PUBLICATION}", body)
    if issued is None:
        raise _wrong_shape("no publicationTime", body)
    # A version ahead of its publication would hide all that come after it.
    events = [replace(event, issued=min(event.issued, issued)) for event in events]
    return Publication(
        issued=issued, events=events, references=frozenset(references), unusable=unusable
    )


def read_situation(situation: Element, reference: str) -> RoadEvent:
    """Its records together. Raises ValueError: without a name, a record, a begin or a place."""
    records = situation.findall("situationRecord")
    if not reference or not records:
        raise ValueError("no id" if records else "no situationRecord")
    if len(reference) > _LONGEST_ID:
        raise ValueError(f"an id of more than {_LONGEST_ID} characters")
    main = min(records, key=lambda record: _rank(record)[0])
    kind = _rank(main)[1]
    begins = [t for r in records if (t := _read_time(_find(r, "overallStartTime")))]
    ends = [_read_time(_find(record, "overallEndTime")) for record in records]
    versions = [t for r in records if (t := _read_time(_find(r, "situationRecordVersionTime")))]
    if not begins:
        raise ValueError("no overallStartTime")
    points = list(dict.fromkeys(p for record in [main, *records] for p in _list_points(record)))
    if not points:
        raise ValueError("no coordinates")
    return RoadEvent(
        reference=reference,
        version=situation.get("version") or main.get("version") or "",
        state=_read_state(records),
        kind=kind,
        is_closed=any(_CLOSED & _list_words(record) for record in records),
        detail=_describe(main),
        road=_find(situation, "roadNumber", "roadName") or "",
        place=", ".join(_list_places(situation))[:300],
        words=_read_words(records),
        begins=min(begins),
        ends=None if None in ends else max(end for end in ends if end),
        issued=max(versions) if versions else min(begins),
        producer=_read_producer(main),
        geometry=_make_geometry(main, points),
    )


def _local(name: str | None) -> str:
    return (name or "").rpartition(":")[2]


def _list_words(record: Element) -> set[str]:
    """Its type, and the words of its own elements such as accidentType."""
    words = {
        (child.text or "").strip()
        for child in record.iter()
        if child.tag.endswith("Type") and len(child) == 0
    }
    return {_local(record.get("type")), *words} - {""}


def _rank(record: Element) -> tuple[int, str]:
    words = _list_words(record)
    for place, (kind, names) in enumerate(_KINDS):
        if names & words:
            return place, kind
    return len(_KINDS), "other"


def _describe(record: Element) -> str:
    kind = _local(record.get("type"))
    own = [
        (child.text or "").strip()
        for child in record
        if child.tag.endswith("Type") and (child.text or "").strip()
    ]
    return ": ".join([kind, ", ".join(own)] if own else [kind])[:300]


def _read_state(records: Sequence[Element]) -> Literal["active", "ended", "cancelled"]:
    """What all of its records are: over, or taken back."""
    states = {_read_record_state(record) for record in records}
    if "active" in states:
        return "active"
    return "cancelled" if "cancelled" in states else "ended"


def _read_record_state(record: Element) -> Literal["active", "ended", "cancelled"]:
    for management in record.iter("lifeCycleManagement"):
        if _find(management, "cancel") == "true":
            return "cancelled"
        if _find(management, "end") == "true":
            return "ended"
    return "ended" if _find(record, "validityStatus") == "suspended" else "active"


def _find(element: Element, *names: str) -> str | None:
    """The first text of an element of one of these names."""
    for name in names:
        for child in element.iter(name):
            text = (child.text or "").strip() or next(_list_values(child), "")
            if text:
                return text
    return None


def _list_values(element: Element) -> Iterator[str]:
    """Texts in several languages, French before others."""
    values = sorted(element.iter("value"), key=lambda value: value.get("lang") != "fr")
    yield from (text for value in values[:1] if (text := " ".join((value.text or "").split())))


def _list_places(situation: Element) -> Iterable[str]:
    """Towns, as the locations name them."""
    names = []
    for descriptor in situation.iter("name"):
        if _find(descriptor, "tpegOtherPointDescriptorType") == "townName":
            names += list(_list_values(descriptor))
    return dict.fromkeys(names)


def _read_words(records: Sequence[Element]) -> str:
    texts = []
    for record in records:
        for comment in record.iter("generalPublicComment"):
            kinds = {(kind.text or "").strip() for kind in comment.iter("commentType")}
            if not kinds & _HIDDEN:
                texts += list(_list_values(comment))
    return "\n".join(dict.fromkeys(texts))[:_LONGEST]


def _read_producer(record: Element) -> str:
    source = record.find("source")
    if source is None:
        return ""
    name = _find(source, "sourceName", "sourceIdentification") or ""
    return name[:200]


def _list_points(record: Element) -> Iterator[tuple[float, float]]:
    """(lon, lat) of its location, in their order."""
    count = 0
    for element in record.iter():
        pairs: list[tuple[float, float]] = []
        if element.tag == "pointCoordinates":
            lat, lon = (float(_find(element, name) or "nan") for name in ("latitude", "longitude"))
            pairs = [(lon, lat)]
        elif element.tag == "posList":
            numbers = [float(number) for number in (element.text or "").split()]
            pairs = list(zip(numbers[1::2], numbers[::2], strict=False))
        for lon, lat in pairs:
            if not (abs(lon) <= 180 and abs(lat) <= 90 and math.isfinite(lon + lat)):
                raise ValueError("coordinates that are none")
            count += 1
            if count <= _MOST_POINTS:
                yield round(lon, 6), round(lat, 6)


def _make_geometry(main: Element, points: Sequence[tuple[float, float]]) -> dict[str, object]:
    """A line where the standard gives one, else its point, or the ends of a linear location."""
    own = list(dict.fromkeys(_list_points(main))) or list(points)
    if len(own) == 1:
        return {"type": "Point", "coordinates": list(own[0])}
    kind = "LineString" if next(main.iter("posList"), None) is not None else "MultiPoint"
    return {"type": kind, "coordinates": [list(point) for point in own]}


def _read_time(written: str | None) -> datetime | None:
    """Raises ValueError: it is no time, or without its offset."""
    if not written:
        return None
    time = datetime.fromisoformat(written.strip())
    if time.tzinfo is None:
        raise ValueError(f"time {written[:40]!r} without an offset")
    return clip_time(time)


def _wrong_shape(error: str, body: bytes) -> FeedError:
    return FeedError(
        "the answer has another shape than a DATEX II publication: {error}",
        error[:200],
        reason=Reason.WRONG_SHAPE,
        body=body,
    )
