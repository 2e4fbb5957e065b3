"""When a feed is due, from when on its service does not answer, and what Hub'Eau's rows mean."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypervisor.base.settings import Settings
from hypervisor.feeds import hubeau
from hypervisor.feeds.hubeau import FEED, Row, list_observations, plan_parts
from hypervisor.feeds.model import Answer, FeedError, FeedState, Validators
from hypervisor.feeds.poll import Device, PollContext, read_parts
from hypervisor.feeds.schedule import Outage, find_outage, next_poll

NOW = datetime(2026, 8, 26, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_delays_grow_with_failures_up_to_a_quarter_of_an_hour() -> None:
    delays = [next_poll(FEED, NOW, n, chance=0.5) - NOW for n in (0, 1, 2, 3, 6, 60)]
    assert delays == [5 * MINUTE, MINUTE / 2, MINUTE, 2 * MINUTE, 15 * MINUTE, 15 * MINUTE]


def test_jitter_is_a_fifth_to_both_sides_and_a_longer_wait_is_granted() -> None:
    assert next_poll(FEED, NOW, 0, chance=0) - NOW == 4 * MINUTE
    assert next_poll(FEED, NOW, 0, chance=1) - NOW == 6 * MINUTE
    assert next_poll(FEED, NOW, 1, chance=0.5, wait_s=600) - NOW == 10 * MINUTE


def test_an_outage_begins_with_the_last_answer() -> None:
    before = FeedState(name="hubeau", answered_at=NOW - HOUR)
    assert find_outage(FEED, before, NOW, usable=False) == Outage(begins=NOW - HOUR, ends=None)
    assert find_outage(FEED, before, NOW, usable=True) == Outage(begins=NOW - HOUR, ends=NOW)
    lately = FeedState(name="hubeau", answered_at=NOW - 20 * MINUTE)
    assert find_outage(FEED, lately, NOW, usable=False) is None
    never = FeedState(name="hubeau")
    assert find_outage(FEED, never, NOW, usable=True) is None
    assert find_outage(FEED, never, NOW, usable=False) == Outage(begins=NOW, ends=None)
    failed = FeedState(name="hubeau", polled_at=NOW - HOUR, failures=1)
    assert find_outage(FEED, failed, NOW, usable=True) == Outage(begins=NOW - HOUR, ends=NOW)


def test_gauges_are_asked_the_less_often_the_longer_they_say_nothing() -> None:
    last = {"near": NOW - HOUR, "late": NOW - 9 * HOUR, "gone": NOW - 9 * DAY}
    cursor: dict[str, dict[str, str | None]] = {
        "last": {**{name: at.isoformat() for name, at in last.items()}, "never": None},
        "asked": {"late": (NOW - HOUR / 2).isoformat(), "all": (NOW - HOUR).isoformat()},
    }
    every = ["gone", "late", "near", "never", "new"]

    def parts(now: datetime, *, recovering: bool = False) -> list[tuple[str, int, timedelta]]:
        planned = plan_parts(every, cursor, now, recovering=recovering)
        return [(part.name, len(part.stations), now - part.since) for part in planned]

    assert parts(NOW) == [("new", 1, 31 * DAY), ("near", 1, 4 * HOUR)]
    assert parts(NOW, recovering=True)[2] == ("late", 1, 12 * HOUR)
    assert parts(NOW + HOUR) == [
        ("new", 1, 31 * DAY),
        ("near", 1, 5 * HOUR),
        ("late", 1, 13 * HOUR),
    ]
    assert ("all", 4, 31 * DAY) in parts(NOW + DAY)


@dataclass(frozen=True, kw_only=True)
class _Cut(PollContext):
    """Answers one page of another gauge's month, then nothing more."""

    def ask(
        self,
        what: str,
        parameters: Mapping[str, str] | None = None,
        *,
        validators: Validators | None = None,  # noqa: ARG002  as the method it stands for
    ) -> Answer:
        asked = parameters or {}
        if "added" not in asked["code_entite"]:
            return Answer(content={"data": []})
        if "cursor" in asked:
            raise FeedError("no answer")
        at = (NOW - 25 * DAY).isoformat()
        row = {"grandeur_hydro": "H", "date_obs": at, "resultat_obs": 1, "code_station": "added"}
        return Answer(content={"data": [row], "next": f"{what}?cursor=2"})


def test_the_month_of_a_new_gauge_begins_again_where_it_was_cut_off() -> None:
    hour_ago = (NOW - HOUR).isoformat()
    cursor: Mapping[str, Any] = {"last": {"old": hour_ago}, "asked": {"all": hour_ago}}
    devices = tuple(
        Device(name=name, code=name, quantities=frozenset({"level"})) for name in ("added", "old")
    )
    context = _Cut(
        feed=FEED,
        settings=Settings(),
        state=FeedState(name="hubeau", cursor=cursor),
        now=NOW,
        devices=devices,
    )
    pages = []
    with suppress(FeedError):
        for page in hubeau.poll(context):
            pages.append(page)  # noqa: PERF402  what was stored before it failed
    assert len(pages[0].observations) == 1
    stored = pages[-1].cursor or {}
    again = plan_parts(["added", "old"], stored, NOW + 5 * MINUTE, recovering=True)
    assert [(part.name, part.stations) for part in again if "added" in part.stations] == [
        ("new", ("added",))
    ]


def test_the_recorded_answer_of_august() -> None:
    """Its shape, with the row of a site that repeats its station's, and a doubtful one."""
    file = Path(__file__).parent / "answers" / "hubeau-observations_tr.json"
    body = file.read_bytes()
    rows = hubeau.read_listing(json.loads(body), body).data
    gauges = {
        code: Device(name=code, code=code, quantities=frozenset({height, "discharge"}))
        for code, height in (
            ("F447000302", "level"),
            ("F459000101", "level"),
            ("F490000105", "surface_elevation"),  # its scale is a height above the sea
        )
    }
    read, unusable = read_parts(rows, Row)
    assert not unusable
    said = {each.device: each for each in list_observations(read, gauges)}
    assert said["F447000302"].values == {"discharge": 42600.0}
    assert said["F447000302"].units == {"discharge": "l/s"}
    assert said["F459000101"].status == {"discharge": "doubtful"}
    assert said["F490000105"].values == {"surface_elevation": 29980.0}
    assert len(said) == 3


def test_rows_of_another_shape_are_told_apart_and_the_others_read() -> None:
    good = {"grandeur_hydro": "H", "date_obs": "2026-08-26T07:20:00Z", "resultat_obs": "12.5"}
    bad = [
        {**good, "date_obs": "2026-08-26T07:20:00"},  # whose time?
        {**good, "date_obs": "yesterday"},
        {**good, "resultat_obs": {"value": 3}},
        {"date_obs": good["date_obs"]},
        "a line",
        None,
    ]
    read, unusable = read_parts([good, *bad], Row)
    assert [row.resultat_obs for row in read] == [12.5]
    assert [part.part for part in unusable] == bad


def test_of_rows_of_one_time_the_furthest_corrected_stands() -> None:
    device = Device(name="mill", code="M", quantities=frozenset({"level"}))
    rows = [
        Row(
            grandeur_hydro="H",
            date_obs=NOW,
            resultat_obs=value,
            code_station="M",
            code_statut=status,
        )
        for value, status in ((1.0, 4), (2.0, 12), (3.0, 8))
    ]
    (observation,) = hubeau.list_observations(rows, {"M": device})
    assert observation.values == {"level": 2.0}
