"""DATEX II v3 (3.5) as XML: situations on roads, counting stations and what they measure.

https://docs.datex2.eu: elements stand in the order of its schema.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree as ET

from hypervisor.base.instance import Banner
from hypervisor.web.times import text

MEDIA = "application/xml"
_BASE = "http://datex2.eu/schema/3/"
_NAMES = {
    "d2": f"{_BASE}d2Payload",
    "com": f"{_BASE}common",
    "loc": f"{_BASE}locationReferencing",
    "roa": f"{_BASE}roadTrafficData",
    "sit": f"{_BASE}situation",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
_SEVERITIES = {"critical": "highest", "major": "high", "minor": "medium", "info": "low"}
_TABLE = "measurement-sites"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # in XML 1.0
# By the catalogue's standard name: basic data, its value, the number; the index in a station.
_MEASURES = {
    "vehicleFlowRate": ("TrafficFlow", "vehicleFlow", "vehicleFlowRate", "trafficFlow"),
    "averageVehicleSpeed": ("TrafficSpeed", "averageVehicleSpeed", "speed", "trafficSpeed"),
    "occupancy": ("TrafficConcentration", "occupancy", "percentage", "trafficConcentration"),
}
STANDARDS = tuple(_MEASURES)
Line = Sequence[tuple[float, float]]  # longitude, latitude


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """Whose publication it is."""

    name: str
    mode: Banner
    licence: str
    time: datetime


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place of a situation: a point, or a line. `id` within it; `road`: its road's number."""

    id: str = "1"
    line: Line
    road: str | None = None


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What happens on roads, with a record for each place. `kind`: the records' type.

    `details`: the type's own elements; `texts`: what it is, by language; `created`: None for when
    it began; `ends`: when it is over, if that is known.
    """

    id: str
    created: datetime | None = None
    version: datetime
    kind: str
    details: Mapping[str, str]
    begins: datetime
    ends: datetime | None = None
    severity: str = "minor"
    certain: bool = False
    texts: Mapping[str, str]
    places: Sequence[Place]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What a station measures of a kind, and its last value; `standard`: DATEX II's name of it."""

    standard: str
    period: float | None  # s
    value: float | None
    suspect: bool


@dataclass(frozen=True, kw_only=True)
class Station:
    """A counting station. `time`: of its last values."""

    id: str
    title: str
    lon: float
    lat: float
    road: str | None
    commissioned: datetime
    time: datetime | None
    measures: Sequence[Measure]


def write_situations(publisher: Publisher, situations: Iterable[Situation]) -> Iterator[bytes]:
    """A SituationPublication: all that lasts or is planned."""
    yield from _write(
        "sit:SituationPublication",
        publisher,
        [],
        (_build_situation(publisher, each) for each in situations),
    )


def write_stations(publisher: Publisher, stations: Sequence[Station]) -> Iterator[bytes]:
    """A MeasurementSiteTablePublication; at least one station."""
    table = _element("roa:measurementSiteTable", id=_TABLE, version="1")
    table.extend(map(_build_station, stations))
    yield from _write(
        "roa:MeasurementSiteTablePublication",
        publisher,
        [_build_header("roa", publisher)],
        [table],
    )


def write_measures(publisher: Publisher, stations: Iterable[Station]) -> Iterator[bytes]:
    """A MeasuredDataPublication: the last values; at least one station that has any."""
    reference = _element("roa:measurementSiteTableReference", id=_TABLE, version="1",
                         targetClass="roa:MeasurementSiteTable")  # fmt: skip
    yield from _write(
        "roa:MeasuredDataPublication",
        publisher,
        [reference, _build_header("roa", publisher)],
        map(_build_measures, stations),
    )


def _write(
    kind: str, publisher: Publisher, head: Iterable[ET.Element], parts: Iterable[ET.Element]
) -> Iterator[bytes]:
    """A publication, part by part; the names of the namespaces are declared once."""
    names = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in _NAMES.items())
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<d2:payload {names} xsi:type="{kind}" lang="fr"'
        ' modelBaseVersion="3">\n'
    ).encode()
    about = " ".join(filter(None, [publisher.name, publisher.licence]))
    if publisher.mode != "LIVE":
        about = f"{publisher.mode} - {about}"
    creator = _element("com:publicationCreator")
    creator.append(_element("com:country", "FR"))
    creator.append(_element("com:nationalIdentifier", publisher.name))
    yield _serialize(_build_texts("com:feedDescription", {"fr": about}))
    yield _serialize(_element("com:publicationTime", text(publisher.time)))
    yield _serialize(creator)
    for part in (*head, *parts):
        yield _serialize(part)
    yield b"</d2:payload>\n"


def _serialize(element: ET.Element) -> bytes:
    return ET.tostring(element, encoding="unicode").encode() + b"\n"


def _element(name: str, content: str | None = None, **attributes: str) -> ET.Element:
    """With the prefix as it is: the publication declares it."""
    element = ET.Element(name, attributes)
    element.text = None if content is None else _FORBIDDEN.sub("", content)
    return element


def _typed(name: str, kind: str) -> ET.Element:
    return ET.Element(name, {"xsi:type": kind})


def _build_texts(name: str, texts: Mapping[str, str]) -> ET.Element:
    element = _element(name)
    values = ET.SubElement(element, "com:values")
    for language, words in texts.items():
        values.append(_element("com:value", words, lang=language))
    return element


def _build_header(prefix: str, publisher: Publisher) -> ET.Element:
    """An exercise is marked here, as the standard has it."""
    header = _element(f"{prefix}:headerInformation")
    status = "real" if publisher.mode == "LIVE" else "securityExercise"
    header.append(_element("com:informationStatus", status))
    return header


def _build_situation(publisher: Publisher, situation: Situation) -> ET.Element:
    severity = _SEVERITIES.get(situation.severity, "unknown")
    element = _element("sit:situation", id=situation.id)
    element.append(_element("sit:overallSeverity", severity))
    element.append(_element("sit:situationVersionTime", text(_date_version(publisher, situation))))
    element.append(_build_header("sit", publisher))
    element.extend(_build_record(publisher, situation, place) for place in situation.places)
    return element


def _date_version(publisher: Publisher, situation: Situation) -> datetime:
    """Not after the publication: in an exercise people's acts bear the time of a real clock."""
    return min(situation.version, publisher.time)


def _build_record(publisher: Publisher, situation: Situation, place: Place) -> ET.Element:
    severity = _SEVERITIES.get(situation.severity, "unknown")
    version = _date_version(publisher, situation)
    record = ET.Element(
        "sit:situationRecord",
        {
            "xsi:type": f"sit:{situation.kind}",
            "id": f"{situation.id}-{place.id}",
            "version": str(int(situation.version.timestamp())),
        },
    )
    for name, content in (
        (
            "situationRecordCreationTime",
            text(min(situation.created or situation.begins, version)),
        ),
        ("situationRecordVersionTime", text(version)),
        ("probabilityOfOccurrence", "certain" if situation.certain else "probable"),
        ("severity", severity),
    ):
        record.append(_element(f"sit:{name}", content))
    record.append(_build_validity(publisher, situation))
    comment = ET.SubElement(record, "sit:generalPublicComment")
    mark = "" if publisher.mode == "LIVE" else f"{publisher.mode} - "
    words = {language: f"{mark}{content}" for language, content in situation.texts.items()}
    comment.append(_build_texts("sit:comment", words))
    record.append(_build_location("sit:locationReference", place.line, place.road))
    record.extend(_element(f"sit:{name}", content) for name, content in situation.details.items())
    return record


def _build_validity(publisher: Publisher, situation: Situation) -> ET.Element:
    validity = _element("sit:validity")
    status = "active" if situation.begins <= publisher.time else "planned"
    validity.append(_element("com:validityStatus", status))
    span = ET.SubElement(validity, "com:validityTimeSpecification")
    span.append(_element("com:overallStartTime", text(situation.begins)))
    if situation.ends is not None:
        span.append(_element("com:overallEndTime", text(situation.ends)))
    return validity


def _build_location(name: str, line: Line, road: str | None) -> ET.Element:
    """A point, or a line of two and more."""
    element = _typed(name, "loc:PointLocation" if len(line) == 1 else "loc:LinearLocation")
    if road:
        about = ET.SubElement(element, "loc:supplementaryPositionalDescription")
        information = ET.SubElement(about, "loc:roadInformation")
        information.append(_element("loc:roadNumber", road))
    if len(line) == 1:
        point = ET.SubElement(element, "loc:pointByCoordinates")
        coordinates = ET.SubElement(point, "loc:pointCoordinates")
        ((lon, lat),) = line
        coordinates.append(_element("loc:latitude", f"{lat:.6f}"))
        coordinates.append(_element("loc:longitude", f"{lon:.6f}"))
        return element
    gml = ET.SubElement(element, "loc:gmlLineString", {"srsName": "EPSG:4326"})
    places = " ".join(f"{lat:.6f} {lon:.6f}" for lon, lat in line)
    gml.append(_element("loc:posList", places))
    return element


def _build_station(station: Station) -> ET.Element:
    element = _element("roa:measurementSite", id=station.id, version="1")
    element.append(_element("roa:measurementSiteRecordVersionTime", text(station.commissioned)))
    element.append(_build_texts("roa:measurementSiteName", {"fr": station.title}))
    element.append(_element("roa:measurementSiteIdentification", station.id))
    for measure in station.measures:
        outer = ET.SubElement(
            element,
            "roa:measurementSpecificCharacteristics",
            {"index": str(_index(measure))},
        )
        inner = ET.SubElement(outer, "roa:measurementSpecificCharacteristics")
        if measure.period is not None:
            inner.append(_element("roa:period", f"{measure.period:g}"))
        kind = _MEASURES[measure.standard][3]
        inner.append(_element("roa:specificMeasurementValueType", kind))
    place = [(station.lon, station.lat)]
    element.append(_build_location("roa:measurementSiteLocation", place, station.road))
    return element


def _build_measures(station: Station) -> ET.Element:
    element = _element("roa:siteMeasurements")
    element.append(_element("roa:measurementSiteReference", id=station.id, version="1",
                            targetClass="roa:MeasurementSite"))  # fmt: skip
    for measure in station.measures:
        if measure.value is not None:
            element.append(_build_measure(measure, measure.value))
    time = ET.SubElement(element, "roa:measurementTimeDefault")
    if station.time is not None:
        time.append(_element("roa:timeValue", text(station.time)))
    return element


def _build_measure(measure: Measure, value: float) -> ET.Element:
    kind, holder, number, _ = _MEASURES[measure.standard]
    outer = _element("roa:physicalQuantity", index=str(_index(measure)))
    inner = ET.SubElement(outer, "roa:physicalQuantity", {"xsi:type": "roa:SinglePhysicalQuantity"})
    data = ET.SubElement(inner, "roa:basicData", {"xsi:type": f"roa:{kind}"})
    element = ET.SubElement(data, f"roa:{holder}")
    if measure.suspect:
        element.append(_element("com:dataError", "true"))
    whole = number == "vehicleFlowRate"
    element.append(_element(f"com:{number}", f"{round(value)}" if whole else f"{value:g}"))
    return outer


def _index(measure: Measure) -> int:
    return STANDARDS.index(measure.standard) + 1
