"""What a hand-over says, section by section, and from when to when."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.service import Act, perform
from hypervisor.base.instants import moment
from hypervisor.database import audit
from hypervisor.database.connect import connect
from hypervisor.logbook import handover_page, queries_handovers, service_handover
from hypervisor.logbook import queries as log_queries
from hypervisor.logbook.model import EntryKind, NewEntry
from hypervisor.logbook.queries import LogFilter
from hypervisor.logbook.service import append_entry
from hypervisor.logbook.service_handover import compute_digest
from tests.integration.evaluation.world import RULES, Sent, World, make_world, us
from tests.integration.web.conftest import NORTH, SOUTH, place

pytestmark = pytest.mark.integration

WALL = datetime(2026, 5, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
CLOCK = 30  # minutes of the scenario's day
FAULTY = """
- id: flood-faulty
  title: "{site}: faulty"
  when: battery < 3 %
  severity: info
  category: maintenance
  advice: look
  wrong when: never
  tests: []
"""


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Five gauges: seen, unseen, over and unseen, shelved, faulty and seen; the clock at 30."""
    with closing(make_world(database_url, connect(database_url))) as made:
        made.register(["seen", "unseen", "over", "shelved", "worn"])
        made.rules = RULES[: RULES.index("- id: flood-rise")] + FAULTY
        made.record_rules()
        made.join()
        for at in (0, 5, 10):
            made.store([Sent(site=site, at=at, value=3.1) for site in ("seen", "over", "shelved")])
            made.store([Sent(site="unseen", at=at, value=4.4)])
            made.store([Sent(site="worn", at=at, value=2.0, quantity="battery")])
        made.store([Sent(site="over", at=at, value=1.0) for at in (12, 15, 20, 25, 30)])
        made.beat(CLOCK)
        made.settle()
        for site, kind in (("seen", "acknowledge"), ("worn", "acknowledge"), ("shelved", "shelve")):
            (number,) = [alarm.id for alarm in made.alarms() if alarm.place == site]
            what = Act(
                alarm=number,
                kind=ActKind(kind),
                author="anne",
                reason="because",
                until=moment(us(60)) if kind == "shelve" else None,
            )
            perform(made.connection, what, now=WALL)
        made.connection.commit()
        yield made


def _page(world: World, since: datetime = WALL) -> dict[str, Any]:
    return handover_page.build_page(world.connection, since=since, wall=WALL + 8 * HOUR)


def test_each_alarm_stands_in_its_section(world: World) -> None:
    page = _page(world)
    sections = ("unacknowledged", "returned", "acknowledged", "faulty", "held")
    found = {name: [one["site"] for one in page[name]] for name in sections}
    assert found == {
        "unacknowledged": ["unseen"],
        "returned": ["over"],
        "acknowledged": ["seen"],
        "faulty": ["worn"],
        "held": ["shelved"],
    }
    assert page["unacknowledged"][0]["severity"] == "major"
    assert page["held"][0]["why"]["by"] is None
    assert (page["since"], page["at"]) == ("2026-05-01T08:00:00Z", "2024-01-01T00:30:00Z")
    assert [page["outlook"], page["works"], page["at_rest"]] == [{}, [], []]


def test_an_alarm_is_stale_while_it_is_not_heard(world: World) -> None:
    for site, until in (("unseen", '"2024-01-01T00:25:00Z"'), ("seen", "null")):
        world.connection.execute(
            "UPDATE alarm SET stale = %s::jsonb FROM site"
            " WHERE site.id = alarm.site AND site.name = %s",
            [f'[["2024-01-01T00:20:00Z", {until}]]', site],
        )
    page = _page(world)
    stale = [page[name][0]["stale"] for name in ("unacknowledged", "acknowledged", "returned")]
    assert stale == [False, True, False]


def test_the_worst_comes_first_then_the_latest() -> None:
    rows = [("minor", "01"), ("major", "00"), ("critical", "02"), ("major", "03"), ("info", "09")]
    found = handover_page.sort_by_severity({"severity": a, "began": b} for a, b in rows)
    assert [(one["severity"], one["began"]) for one in found] == [
        *(("critical", "02"), ("major", "03"), ("major", "00"), ("minor", "01"), ("info", "09")),
    ]


def test_works_of_now_and_of_the_next_day(world: World) -> None:
    day = 24 * 60
    spans = {
        "now": (CLOCK - 5, CLOCK + 5),
        "ending": (CLOCK - 5, CLOCK),
        "ended": (CLOCK - 5, CLOCK - 1),
        "soon": (CLOCK + day, CLOCK + day + 5),
        "later": (CLOCK + day + 1, CLOCK + day + 5),
    }
    for name, (begins, ends) in spans.items():
        value = {
            "begins": moment(us(begins)).isoformat(),
            "ends": moment(us(ends)).isoformat(),
            "sites": ["seen"],
            "devices": ["worn"],
            "groups": [],
        }
        world.revise(world.fact("works", name, value))
    found = {one["name"]: one for one in _page(world)["works"]}
    assert found.keys() == {"now", "ending", "soon"}
    assert found["now"]["at"] == ["seen", "worn"]
    assert found["now"]["reason"] == "test"


def test_devices_at_rest_now(world: World) -> None:
    for device, since, serves in (
        ("seen", CLOCK, False),
        ("worn", CLOCK + 1, False),  # not yet
        ("over", 0, False),
        ("over", CLOCK, True),  # no longer
        ("shelved", 0, False),
    ):
        world.revise(world.fact("device", device, {"in_service": serves}, since=us(since)))
    retired = "UPDATE device SET retired = %s WHERE name = 'shelved'"
    world.connection.execute(retired, [moment(us(CLOCK))])
    found = [(one["device"], one["since"], one["author"]) for one in _page(world)["at_rest"]]
    assert found == [("seen", "2024-01-01T00:30:00Z", "test")]


def test_edits_since_the_hand_over_before(world: World) -> None:
    (made,) = world.connection.execute(
        "SELECT max(recorded_at) FROM revision WHERE kind = 'threshold'"
    ).fetchone() or (None,)
    assert made is not None
    world.connection.commit()
    world.revise(world.fact("threshold", "seen/alert", {"value": 4.5, "unit": "m"}))
    world.revise(world.fact("threshold", "worn/alert", None))
    world.revise(world.fact("device", "seen", {"in_service": True}))
    (after,) = world.connection.execute("SELECT max(recorded_at) FROM revision").fetchone() or (0,)
    found = _page(world, since=made)["edits"]
    assert [(one["kind"], one["key"]) for one in found] == [
        ("threshold", "seen/alert"),
        ("threshold", "worn/alert"),
    ]
    assert (found[0]["before"]["value"], found[0]["value"]["value"]) == (4.0, 4.5)
    assert found[1]["value"] is None
    own = world.connection.execute(
        "SELECT min(recorded_at) FROM revision WHERE key = 'seen/alert' AND previous IS NOT NULL"
    ).fetchone()
    assert own is not None
    assert len(_page(world, since=own[0])["edits"]) == 2
    assert _page(world, since=after)["edits"] == []


def test_what_was_said_since_and_what_stands_open(world: World) -> None:
    due = WALL + HOUR
    for number, kind in enumerate(EntryKind):
        if kind in {EntryKind.SETTLED, EntryKind.CORRECTION}:
            continue
        timed = kind in {EntryKind.PROMISE, EntryKind.EXPECTATION, EntryKind.BULLETIN}
        new = NewEntry(author="anne", kind=kind, text=f"a {kind}", due=due if timed else None)
        append_entry(world.connection, new, now=WALL + number * timedelta(minutes=1))
    note = log_queries.list_entries(world.connection, LogFilter(kinds=frozenset({EntryKind.NOTE})))[
        0
    ]
    wrong = NewEntry(author="anne", kind=EntryKind.CORRECTION, text="not so", about=note.id)
    append_entry(world.connection, wrong, now=WALL + HOUR)
    page = _page(world)
    names = ("promises", "closures", "expectations", "bulletins", "decisions", "calls", "notes")
    assert {name: [one["text"] for one in page[name]] for name in names} == {
        "promises": ["a promise"],
        "closures": ["a closure"],
        "expectations": ["a expectation"],
        "bulletins": ["a bulletin"],
        "decisions": ["a decision"],
        "calls": ["a call"],
        "notes": ["not so", "a note"],
    }
    later = _page(world, since=WALL + timedelta(seconds=1))
    assert [one["text"] for one in later["notes"]] == ["not so"]


def _offer(world: World, area: str | None, *, at: datetime = WALL, author: str = "anne") -> int:
    made = service_handover.offer_handover(
        world.connection, {"since": "now"}, author=author, note=" x ", area=area, now=at
    )
    return made.id


def test_each_territory_hands_over_by_itself(world: World) -> None:
    place(world, "seen")
    first, north, south = (_offer(world, area) for area in (None, NORTH, SOUTH))
    page = {"since": "now"}
    for number in (first, north):
        service_handover.apply_step(
            world.connection,
            number,
            "take",
            author="bruno",
            signed=compute_digest(page, "x"),
            remark=" seen ",
            now=WALL + HOUR,
        )
    waiting = queries_handovers.find_offered(world.connection, SOUTH)
    assert waiting is not None
    assert waiting.id == south
    assert queries_handovers.find_offered(world.connection, NORTH) is None
    assert queries_handovers.find_latest(world.connection, SOUTH) is None
    taken = queries_handovers.find_latest(world.connection, NORTH)
    assert taken is not None
    assert (taken.id, taken.remark, taken.note, taken.closed_at) == (
        north,
        "seen",
        "x",
        WALL + HOUR,
    )
    again = queries_handovers.find_handover(
        world.connection, _offer(world, NORTH, at=WALL + 2 * HOUR)
    )
    assert again is not None
    assert again.begins == WALL + HOUR
    acts = audit.list_acts(world.connection, kind="handover")
    assert [(one.author, one.subject, one.reason) for one in acts] == [
        ("anne", f"handover/{first}", "offer"),
        ("anne", f"handover/{north}", "offer"),
        ("anne", f"handover/{south}", "offer"),
        ("bruno", f"handover/{first}", "take"),
        ("bruno", f"handover/{north}", "take"),
        ("anne", f"handover/{again.id}", "offer"),
    ]


def test_the_mark_is_of_the_page_and_of_the_note() -> None:
    marks = {compute_digest(page, note) for page in ({}, {"a": 1}) for note in ("", "x")}
    assert len(marks) == 4
    assert compute_digest({"a": 1, "b": 2}, "x") == compute_digest({"b": 2, "a": 1}, "x")


def test_an_entry_is_of_the_commune_of_its_site_else_of_its_author(world: World) -> None:
    place(world, "seen")
    said = NewEntry(author="anne", kind=EntryKind.NOTE, text="x", area=NORTH)
    here = append_entry(world.connection, said, now=WALL)
    there = append_entry(world.connection, NewEntry(**{**vars(said), "site": "seen"}), now=WALL)
    assert (here.area, here.area_name, there.area) == (NORTH, "Nord", "91002")


def test_an_entry_is_found_by_the_scenarios_clock(world: World) -> None:
    said = NewEntry(author="anne", kind=EntryKind.NOTE, text="100 % wet", site="seen")
    entry = append_entry(world.connection, said, now=WALL)
    at = moment(us(CLOCK))

    def found(**wanted: Any) -> bool:
        rows = log_queries.list_entries(world.connection, LogFilter(**wanted))
        return [row.id for row in rows] == [entry.id]

    second = timedelta(seconds=1)
    assert found(first=at)
    assert not found(first=at + second)
    assert found(last=at + second)
    assert not found(last=at)
    assert found(since=WALL)
    assert not found(since=WALL + second)
    assert found(until=WALL + second)
    assert not found(until=WALL)
    assert found(text="% W")
    assert not found(text="_")
    assert not found(alarm=1)


def test_hand_overs_page_by_page(world: World) -> None:
    place(world, "seen")
    made = [_offer(world, area) for area in (None, NORTH, SOUTH)]
    handovers = queries_handovers.list_handovers(world.connection, limit=2)
    assert [handover.id for handover in handovers] == [made[2], made[1]]
    assert [
        handover.id
        for handover in queries_handovers.list_handovers(world.connection, before=made[1])
    ] == [made[0]]
