"""What somebody who listens is sent: what they may hear of, once, and never at others' cost."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

from hypervisor.database.credentials import Credential
from hypervisor.database.events import LoggedEvent, News, Parts, Position, Valid
from hypervisor.web.hub import Hub, Sight, chunk, merged

NOW = datetime(2024, 1, 2, tzinfo=UTC)
SHOWN = Credential(account=1, token=1)
ORGE, YVETTE = frozenset({"orge"}), frozenset({"yvette"})


def seeing(sites: frozenset[str]) -> Sight:
    return Sight(sites=sites)


def event(number: int, kind: str = "alarm", sites: frozenset[str] | None = ORGE) -> LoggedEvent:
    key = "" if kind == "reading" else str(number)
    position = Position(xid=7, id=number)
    return LoggedEvent(position=position, kind=kind, key=key, sites=sites, data={})


def told(found: bytes) -> list[tuple[str, str, dict[str, object]]]:
    """(kind, id, data) of each event."""
    events = []
    for block in found.decode().split("\n\n")[:-1]:
        words = dict(line.split(": ", 1) for line in block.split("\n"))
        events.append((words["event"], words.get("id", ""), json.loads(words["data"])))
    return events


def test_a_position_is_read_as_it_was_written_and_nothing_else_is() -> None:
    assert Position.parse(str(Position(xid=81, id=5))) == Position(xid=81, id=5)
    for written in ("", "-", "5", "5-", "-5", "a-1", "1-²", "1-1-1", f"{10**19}-1", "-1--1"):
        assert Position.parse(written) is None


def test_one_hears_of_ones_own_territory_alone() -> None:
    events = [
        event(1),
        event(2, sites=YVETTE),
        event(3, sites=None),
        event(4, sites=frozenset()),  # of the whole territory
    ]
    assert [number for _, number, _ in told(chunk(events, seeing(ORGE)))] == ["7-1", "7-3"]
    assert [number for _, number, _ in told(chunk(events, seeing(YVETTE)))] == ["7-2", "7-3"]
    assert [number for _, number, _ in told(chunk(events, Sight()))] == [
        "7-1",
        "7-2",
        "7-3",
        "7-4",
    ]
    assert chunk([event(2, sites=YVETTE)], seeing(ORGE)) == b""


def test_of_a_home_one_hears_with_the_duty_alone() -> None:
    home = frozenset({"ta-1"})
    alarm = LoggedEvent(
        position=Position(xid=7, id=1), kind="alarm", key="1", sites=home, data={}, personal=home
    )
    readings = merged(
        [
            event(2, "reading", ORGE),
            replace(alarm, position=Position(xid=7, id=3), kind="reading"),
        ]
    )
    assert chunk([alarm], Sight()) == b""
    for sight in (Sight(personal=True), seeing(home)):
        assert len(told(chunk([alarm], sight))) == 1
    ((_, _, data),) = told(chunk(readings, Sight()))
    assert data["sites"] == ["orge"]
    ((_, _, data),) = told(chunk(readings, Sight(personal=True)))
    assert data["sites"] == ["orge", "ta-1"]


def test_readings_are_told_once_and_name_only_what_one_may_see() -> None:
    found = merged(
        [
            event(1, "reading", ORGE),
            event(2),
            event(3, "reading", ORGE | YVETTE),
            event(4),
        ]
    )
    assert [one.position.id for one in found] == [2, 3, 4]
    (_, _, data) = told(chunk(found, seeing(YVETTE)))[0]
    assert data == {"kind": "reading", "key": "", "sites": ["yvette"]}
    (_, _, data) = told(chunk(found, Sight()))[1]
    assert data["sites"] == ["orge", "yvette"]


def test_readings_of_unnamed_sites_may_be_of_any() -> None:
    many = frozenset(f"site-{number}" for number in range(101))
    for sites in (None, many):
        ((_, _, data),) = told(chunk(merged([event(1, "reading", sites)]), Sight()))
        assert data["sites"] is None
    mixed = merged([event(1, "reading", ORGE), event(2, "reading", None)])
    ((_, _, data),) = told(chunk(mixed, seeing(ORGE)))
    assert data["sites"] is None


def test_a_crowd_of_thresholds_is_told_once_and_every_alarm_by_itself() -> None:
    rules = [event(number, "rule") for number in range(1, 201)]
    alarms = [event(number) for number in range(201, 401)]
    found = merged([*rules[:100], *alarms, *rules[100:]])
    assert [one.key for one in found if one.kind == "rule"] == [""]
    assert [one.key for one in found if one.kind == "alarm"] == [alarm.key for alarm in alarms]
    assert merged(rules[:100]) == rules[:100]


def test_who_is_too_slow_is_told_so_and_holds_nobody_up() -> None:
    async def play() -> None:
        hub = Hub("", lambda: NOW)
        slow, quick = hub.join(Sight(), SHOWN), hub.join(Sight(), SHOWN)
        for number in range(200):
            for listener in (slow, quick):
                listener.put(b"%d " % number)
            assert await quick.take(0.01) == b"%d " % number
        assert slow.missed
        assert not quick.missed
        assert await slow.take(0.01) is None
        for listener in (slow, quick):
            hub.leave(listener)
        assert (len(hub.listeners), hub.lost) == (0, 1)

    asyncio.run(play())


def test_what_waits_is_taken_whole_and_in_order() -> None:
    async def play() -> None:
        listener = Hub("", lambda: NOW).join(Sight(), SHOWN)
        listener.put(b"a")
        listener.put(b"b")
        assert await listener.take(0.01) == b"ab"
        assert await listener.take(0.01) is None

    asyncio.run(play())


def test_who_sees_a_part_comes_again_when_the_registry_changed() -> None:
    async def play() -> None:
        hub = Hub("", lambda: NOW)
        part, whole = hub.join(seeing(ORGE), SHOWN), hub.join(Sight(), SHOWN)
        for registry, over in ((1, False), (1, False), (2, True)):
            await hub._take(Parts(late=(), registry=registry))  # noqa: SLF001  what it follows
            assert (part.over, whole.over) == (over, False)

    asyncio.run(play())


def test_who_is_sent_away_is_told_nothing_more() -> None:
    async def play() -> None:
        hub = Hub("", lambda: NOW)
        gone, stays = hub.join(Sight(), SHOWN), hub.join(Sight(), Credential(account=2, token=2))
        shown = frozenset({SHOWN, stays.credential})
        await hub._take(Valid(shown=shown, good=shown - {SHOWN}))  # noqa: SLF001
        await hub._take(News(events=[event(1)], upto=8))  # noqa: SLF001
        assert (gone.over, stays.over) == (True, False)
        assert await gone.take(0.01) is None
        assert await stays.take(0.01) is not None
        assert (hub.listens(1), hub.listens(2), hub.listens(3)) == (1, 1, 0)

    asyncio.run(play())
