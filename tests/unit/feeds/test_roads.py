"""Road events from DATEX II, in both versions, and what is none."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from hypervisor.feeds import roads
from hypervisor.feeds.datex import read_publication
from hypervisor.feeds.model import FeedError, Page, RoadEvent
from hypervisor.feeds.recordings import Recordings
from hypervisor.standards.datex import Place, Publisher, Situation, write_situations
from ingest.message import Reason
from tests.unit.feeds.asking import make_context
from tests.unit.feeds.hostile import answering, body

SHIPPED = Path(roads.__file__).parent / "answers" / "roads-datex.xml"
VERSION_3 = """\
<mc:messageContainer xmlns:mc="m" xmlns:com="c" xmlns:sit="s" xmlns:loc="l" xmlns:xsi="x">
 <mc:payload xsi:type="sit:SituationPublication" lang="fr">
  <com:publicationTime>2026-08-25T14:00:00Z</com:publicationTime>
  <sit:situation id="S1">
   <sit:situationRecord xsi:type="sit:RoadOrCarriagewayOrLaneManagement" id="R1" version="4">
    <sit:situationRecordVersionTime>2026-08-25T13:00:00Z</sit:situationRecordVersionTime>
    <sit:source><com:sourceName><com:values><com:value lang="en">County</com:value>
     <com:value lang="fr">Département</com:value></com:values></com:sourceName></sit:source>
    <sit:validity><com:validityStatus>active</com:validityStatus>
     <com:validityTimeSpecification><com:overallStartTime>2026-08-25T12:00:00Z</com:overallStartTime>
      <com:overallEndTime>2026-08-26T12:00:00+02:00</com:overallEndTime>
     </com:validityTimeSpecification></sit:validity>
    <sit:generalPublicComment><com:comment><com:values>
     <com:value lang="fr">Route coupée.</com:value>
     </com:values></com:comment><com:commentType>internalNote</com:commentType>
    </sit:generalPublicComment>
    <sit:generalPublicComment><com:comment><com:values><com:value lang="fr">Déviation par
     Itteville.</com:value></com:values></com:comment></sit:generalPublicComment>
    <sit:locationReference xsi:type="loc:LinearLocation"><loc:gmlLineString><loc:posList>48.5 2.3
     48.51 2.31 48.52 2.33</loc:posList></loc:gmlLineString>
     <loc:roadInformation><loc:roadNumber>D17</loc:roadNumber></loc:roadInformation>
    </sit:locationReference>
    <sit:roadOrCarriagewayOrLaneManagementType>roadClosed</sit:roadOrCarriagewayOrLaneManagementType>
   </sit:situationRecord>
  </sit:situation>
 </mc:payload>
</mc:messageContainer>
"""


def _only(text: str) -> RoadEvent:
    (event,) = read_publication(text.encode()).events
    return event


def test_version_2_as_bison_fute_has_it() -> None:
    publication = read_publication(SHIPPED.read_bytes())
    flood, accident, works = publication.events
    assert publication.references == {"ESSAI-1", "ESSAI-2", "ESSAI-3"}
    assert (flood.kind, flood.is_closed, flood.road, flood.place) == (
        "flood",
        True,
        "N20",
        "Arpajon",
    )
    assert flood.detail == "EnvironmentalObstruction: flooding"
    assert flood.words.startswith("Chaussée inondée")
    assert (flood.version, flood.producer) == ("2", "Gestionnaire d'essai")
    assert flood.begins == datetime(2022, 1, 10, 4, tzinfo=UTC)
    assert flood.ends is None
    assert flood.geometry == {"type": "Point", "coordinates": [2.2471, 48.5886]}
    assert (accident.kind, accident.road, accident.is_closed) == ("accident", "A6", False)
    assert (works.kind, works.geometry["type"]) == ("works", "MultiPoint")


def test_version_3_with_its_line_and_without_what_is_not_for_people() -> None:
    event = _only(VERSION_3)
    assert (event.kind, event.is_closed, event.road) == ("closed", True, "D17")
    assert event.words == "Déviation par Itteville."
    assert (event.version, event.producer, event.state) == ("4", "Département", "active")
    assert event.ends == datetime(2026, 8, 26, 10, tzinfo=UTC)
    assert event.geometry == {
        "type": "LineString",
        "coordinates": [[2.3, 48.5], [2.31, 48.51], [2.33, 48.52]],
    }


@pytest.mark.parametrize(
    ("addition", "state"),
    [
        ("<m><lifeCycleManagement><end>true</end></lifeCycleManagement></m>", "ended"),
        ("<lifeCycleManagement><cancel>true</cancel></lifeCycleManagement>", "cancelled"),
        ("<lifeCycleManagement><end>false</end></lifeCycleManagement>", "active"),
        ("", "active"),
    ],
)
def test_its_end_and_its_cancellation_are_told_apart(addition: str, state: str) -> None:
    text = VERSION_3.replace("</sit:situationRecord>", f"{addition}</sit:situationRecord>")
    assert _only(text).state == state
    assert _only(VERSION_3.replace(">active<", ">suspended<")).state == "ended"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2026-08-25T12:00:00Z", "soon"),
        ("2026-08-25T12:00:00Z", "2026-08-25T12:00:00"),
        ("48.5 2.3", "148.5 2.3"),
        ("48.5 2.3", "here there"),
        ('id="S1"', ""),
        ("overallStartTime", "start"),
        ("posList", "list"),
    ],
)
def test_a_situation_that_differs_hides_no_other(old: str, new: str) -> None:
    first = VERSION_3.index("<sit:situation ")
    last = VERSION_3.index("</mc:payload>")
    other = VERSION_3[first:last].replace(old, new)
    publication = read_publication((VERSION_3[:last] + other + VERSION_3[last:]).encode())
    assert [event.reference for event in publication.events] == ["S1"]
    assert [part.reason for part in publication.unusable] == [Reason.WRONG_SHAPE]


@pytest.mark.parametrize(
    "text",
    [
        "<a/>",
        VERSION_3[:600],
        VERSION_3.replace("SituationPublication", "MeasuredDataPublication"),
        VERSION_3.replace("com:publicationTime", "com:time"),
        "<!DOCTYPE a [<!ENTITY b 'c'>]>" + VERSION_3,
        "<payload>" + "<b>" * 100,
    ],
)
def test_what_is_no_publication_is_a_sentence_and_ends_no_event(text: str) -> None:
    with pytest.raises(FeedError) as caught:
        read_publication(text.encode())
    assert caught.value.reason is Reason.WRONG_SHAPE


def _poll(address: str) -> Page:
    context = make_context(roads.FEED, address)
    (page,) = roads.poll(context)
    return page


def test_only_what_lies_within_our_bounds_is_kept() -> None:
    with answering(body(VERSION_3.encode(), kind=b"application/xml")) as address:
        page = _poll(address)
    assert [event.reference for event in page.events] == ["S1"]
    assert page.listed == {"S1"}
    far = VERSION_3.replace("2.3", "5.3")
    with answering(body(far.encode())) as address:
        page = _poll(address)
    assert (page.events, page.listed) == ([], {"S1"})


def test_each_departement_has_edges_of_its_own() -> None:
    """Events between two départements, which belong to neither, were taken as ours."""
    apart = ((0.0, 43.0, 1.0, 44.0), (4.0, 50.0, 5.0, 51.0))
    with answering(body(VERSION_3.encode())) as address:
        context = make_context(roads.FEED, address)
        (page,) = roads.poll(replace(context, bounds=apart))
        assert page.events == []
        (page,) = roads.poll(replace(context, bounds=(*apart, *context.bounds)))
        assert len(page.events) == 1


def test_a_publication_without_its_time_says_so() -> None:
    """It said `SituationPublication instead of SituationPublication`."""
    timeless = re.sub("<(\\w+:)?publicationTime>.*?</(\\w+:)?publicationTime>", "", VERSION_3)
    with pytest.raises(FeedError) as caught:
        read_publication(timeless.encode())
    assert "no publicationTime" in str(caught.value)
    assert "instead of" not in str(caught.value)


def test_a_publication_of_tomorrow_is_none() -> None:
    late = VERSION_3.replace("2026-08-25T14", "2026-08-26T14")
    with answering(body(late.encode())) as address, pytest.raises(FeedError) as caught:
        _poll(address)
    assert caught.value.reason is Reason.TIME_AHEAD


def test_what_is_recorded_is_of_today() -> None:
    recorded = Recordings(clock=lambda: datetime(2026, 11, 28, 12, tzinfo=UTC))
    text = recorded.text("roads-", "xml") or ""
    publication = read_publication(text.encode())
    assert publication.issued == datetime(2026, 11, 28, 6, tzinfo=UTC)
    assert not publication.unusable


@pytest.mark.parametrize(("mode", "roads"), [("LIVE", ["N118"]), ("EXERCICE", [])])
def test_our_own_publication_is_read_and_an_exercise_left_out(
    mode: Literal["LIVE", "EXERCICE"], roads: list[str]
) -> None:
    at = datetime(2024, 1, 1, 12, tzinfo=UTC)
    publisher = Publisher(name="Essonne", mode=mode, licence="", time=at)
    flooded = Situation(
        id="flooded-1",
        version=at,
        kind="EnvironmentalObstruction",
        details={"environmentalObstructionType": "flooding"},
        begins=at,
        texts={"fr": "route inondée"},
        places=[Place(line=[(2.3, 48.6), (2.4, 48.7)], road="N118")],
    )
    publication = read_publication(b"".join(write_situations(publisher, [flooded])))
    assert [(event.road, event.kind) for event in publication.events] == [
        (road, "flood") for road in roads
    ]


@pytest.mark.parametrize("begins", [-1, 1])
@pytest.mark.parametrize("created", [None, -2, 3_000])
@pytest.mark.parametrize("version", [-1, 3_000])
def test_nothing_was_created_or_changed_after_it_was_published(
    begins: int, created: int | None, version: int
) -> None:
    """Planned works begin later; in an exercise people's acts bear the time of a real clock."""
    published = datetime(2024, 1, 1, 12, tzinfo=UTC)
    publisher = Publisher(name="Essonne", mode="EXERCICE", licence="", time=published)
    works = Situation(
        id="works-1",
        created=None if created is None else published + timedelta(hours=created),
        version=published + timedelta(hours=version),
        kind="MaintenanceWorks",
        details={"roadMaintenanceType": "roadworks"},
        begins=published + timedelta(hours=begins),
        texts={"fr": "travaux"},
        places=[Place(id=name, line=[(2.3, 48.6)]) for name in ("north", "south")],
    )
    written = b"".join(write_situations(publisher, [works])).decode()
    times = [
        [datetime.fromisoformat(time) for time in re.findall(f"Record{name}Time>([^<]+)<", written)]
        for name in ("Creation", "Version")
    ]
    assert [len(each) for each in times] == [2, 2]
    assert all(made <= changed <= published for made, changed in zip(*times, strict=True))
