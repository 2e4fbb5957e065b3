"""Why an alarm is not notified: each reason, and where it does not reach."""

from dataclasses import replace

import pytest

from hypervisor.alarms.chatter import Chatter, Limit
from hypervisor.alarms.lifecycle import Hold
from hypervisor.alarms.model import HoldRecord, Suppression
from hypervisor.alarms.suppression import (
    Case,
    SuppressionInputs,
    find_inhibitors,
    find_suppressions,
)
from hypervisor.registry.queries_works import WorksWindow

HOUR = 3_600_000_000

CABINET = Case(id=1, rule="dead", subject="cab", site="cab", began=100, title="Cab: no supply")
GROUP = Case(id=2, rule="dead", subject="group/cab-lamps", site=None, began=100)
LAMP = Case(
    id=3,
    rule="dark",
    subject="device/lamp-1",
    site="street",
    began=50,
    groups=frozenset({"cab-lamps"}),
    homes=frozenset({"cab"}),
)
INHIBITS = {"dead": frozenset({"dark"})}


def _around(*active: Case, **more: object) -> SuppressionInputs:
    return SuppressionInputs(active=active, **{"inhibits": INHIBITS, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("by", [CABINET, GROUP])
def test_a_dead_cabinet_inhibits_its_lamps(by: Case) -> None:
    (why,) = find_suppressions(LAMP, _around(by, LAMP), now=200)
    assert (why.kind, why.by) == ("inhibited", by.id)
    assert why.reason == f"alarm {by.id} inhibits it: {by.title}"


def test_what_it_does_not_inhibit() -> None:
    elsewhere = Case(id=4, rule="dark", subject="device/lamp-9", site="other", began=50)
    rule = Case(id=5, rule="flicker", subject="device/lamp-1", site="cab", began=50)
    over = Case(id=6, rule="dead", subject="cab", site="cab", began=1, active=False)
    placeless = Case(id=7, rule="dark", subject="device/lamp-8", site=None, began=50)
    assert find_suppressions(elsewhere, _around(CABINET, GROUP), now=200) == ()
    assert find_suppressions(rule, _around(CABINET, GROUP), now=200) == ()
    assert find_suppressions(LAMP, _around(over), now=200) == ()
    assert find_suppressions(placeless, _around(GROUP), now=200) == ()
    assert find_suppressions(CABINET, _around(CABINET, LAMP), now=200) == ()


def test_an_inhibited_alarm_inhibits_in_its_turn() -> None:
    feeder = Case(id=8, rule="feeder", subject="cab", site="cab", began=90)
    chain = {"feeder": frozenset({"dead"}), "dead": frozenset({"dark"})}
    around = _around(feeder, CABINET, LAMP, inhibits=chain)
    assert [one.id for one in find_inhibitors(CABINET, around)] == [8]
    assert [one.id for one in find_inhibitors(LAMP, around)] == [1]


def test_of_two_that_inhibit_each_other_the_first_speaks() -> None:
    mutual = {"one": frozenset({"two"}), "two": frozenset({"one"})}
    first = Case(id=2, rule="one", subject="s", site="s", began=10)
    second = Case(id=1, rule="two", subject="s", site="s", began=11)
    around = _around(first, second, inhibits=mutual)
    assert find_inhibitors(first, around) == []
    assert find_inhibitors(second, around) == [first]


def test_planned_works_while_they_last_where_they_are() -> None:
    works = WorksWindow(
        name="rd446", begins=100, ends=200, reason="paint", groups=frozenset({"cab-lamps"})
    )
    around = SuppressionInputs(works=(works,))
    (why,) = find_suppressions(LAMP, around, now=100)
    assert (why.kind, why.until) == ("works", 200)
    assert "rd446" in why.reason
    assert find_suppressions(LAMP, around, now=99) == ()
    assert find_suppressions(LAMP, around, now=200) == ()
    assert find_suppressions(CABINET, around, now=100) == ()
    assert find_suppressions(GROUP, around, now=100)
    at_home = SuppressionInputs(
        works=(WorksWindow(name="w", begins=0, ends=9, reason="r", sites=frozenset({"cab"})),)
    )
    assert find_suppressions(LAMP, at_home, now=5)
    assert find_suppressions(CABINET, at_home, now=5)


def test_shelved_until_its_end_and_out_of_service_until_returned() -> None:
    def held(kind: Hold, until: int | None) -> SuppressionInputs:
        one = HoldRecord(
            rule="dark",
            subject="device/lamp-1",
            kind=kind,
            since=0,
            until=until,
            author="anne",
            reason="repair",
        )
        return SuppressionInputs(holds={("dark", "device/lamp-1"): one})

    (why,) = find_suppressions(LAMP, held(Hold.SHELVED, HOUR), now=HOUR - 1)
    assert (why.kind, why.reason) == (
        "shelved",
        "shelved by anne until 1970-01-01T01:00:00Z: repair",
    )
    assert find_suppressions(LAMP, held(Hold.SHELVED, HOUR), now=HOUR) == ()
    (why,) = find_suppressions(LAMP, held(Hold.OUT_OF_SERVICE, None), now=10 * HOUR)
    assert (why.kind, why.until) == ("out-of-service", None)


def test_a_device_out_of_service_and_a_chattering_alarm() -> None:
    resting = Case(
        id=9, rule="dark", subject="device/lamp-1", site=None, began=0, out_of_service=True
    )
    chatter = Chatter(
        rule="dark",
        subject="device/lamp-1",
        times=7,
        limit=Limit(count=5, window=HOUR),
        began=0,
        until=9,
    )
    around = SuppressionInputs(chatter={("dark", "device/lamp-1"): chatter})
    first, second = find_suppressions(resting, around, now=5)
    assert (first.kind, second.kind) == ("out-of-service", "chattering")
    assert second.reason == "it began 7 times within 1 h"


def _works(**where: set[str]) -> SuppressionInputs:
    names = {key: frozenset(value) for key, value in where.items()}
    works = WorksWindow(name="rd446", begins=0, ends=HOUR, reason="paint", **names)
    return SuppressionInputs(works=(works,))


@pytest.mark.parametrize(
    ("where", "cabinet", "group", "lamp"),
    [
        ({"sites": {"cab"}}, True, False, True),
        ({"sites": {"street"}}, False, False, True),
        ({"devices": {"lamp-1"}}, False, False, True),
        ({"devices": {"cab-lamps", "cab"}}, False, False, False),
        ({"groups": {"cab-lamps"}}, False, True, True),
        ({"groups": {"lamp-1", "cab"}}, False, False, False),
        ({}, False, False, False),
    ],
)
def test_planned_works_concern_what_they_name(
    where: dict[str, set[str]], *, cabinet: bool, group: bool, lamp: bool
) -> None:
    around = _works(**where)
    found = [bool(find_suppressions(one, around, now=5)) for one in (CABINET, GROUP, LAMP)]
    assert found == [cabinet, group, lamp]


def test_reasons_have_all_their_parts_and_their_order() -> None:
    held = HoldRecord(
        rule="dark",
        subject="device/lamp-1",
        kind=Hold.OUT_OF_SERVICE,
        since=0,
        until=None,
        author="anne",
        reason="repair",
    )
    limit = Limit(count=5, window=HOUR)
    chatter = Chatter(rule="dark", subject="device/lamp-1", times=7, limit=limit, began=0, until=9)
    pair = ("dark", "device/lamp-1")
    around = replace(
        _works(devices={"lamp-1"}),
        active=(CABINET,),
        inhibits=INHIBITS,
        holds={pair: held},
        chatter={pair: chatter},
    )
    assert find_suppressions(replace(LAMP, out_of_service=True), around, now=5) == (
        Suppression(kind="inhibited", reason="alarm 1 inhibits it: Cab: no supply", by=1),
        Suppression(
            kind="works",
            reason="planned works rd446 until 1970-01-01T01:00:00Z: paint",
            until=HOUR,
        ),
        Suppression(kind="out-of-service", reason="out of service by anne: repair"),
        Suppression(kind="out-of-service", reason="lamp-1 is out of service in the inventory"),
        Suppression(kind="chattering", reason="it began 7 times within 1 h", until=9),
    )


def test_inhibitors_in_the_order_in_which_they_began() -> None:
    later = replace(CABINET, id=9, began=200)
    same = replace(CABINET, id=7, began=100)
    around = _around(later, same, CABINET)
    assert [one.id for one in find_inhibitors(LAMP, around)] == [1, 7, 9]


def test_it_is_reached_by_its_subject_its_site_its_groups_and_their_sites() -> None:
    bare = Case(id=3, rule="dark", subject="device/lamp-1", site=None, began=50)
    for by, reached in (
        (Case(id=1, rule="dead", subject="device/lamp-1", site=None, began=1), bare),
        (Case(id=1, rule="dead", subject="street", site="street", began=1), LAMP),
        (Case(id=1, rule="dead", subject="x", site="cab", began=1), LAMP),
        (Case(id=1, rule="dead", subject="group/cab-lamps", site=None, began=1), LAMP),
    ):
        assert [one.id for one in find_inhibitors(reached, _around(by))] == [1]
    for by in (
        Case(id=1, rule="dead", subject="device/cab-lamps", site=None, began=1),
        Case(id=1, rule="dead", subject="group/other", site="other", began=1),
    ):
        assert find_inhibitors(LAMP, _around(by)) == []


def test_of_two_that_reach_each_other_by_different_rules_the_lower_number_speaks() -> None:
    mutual = {"one": frozenset({"two"}), "two": frozenset({"one"})}
    first = Case(id=1, rule="one", subject="s", site="s", began=10)
    second = Case(id=2, rule="two", subject="s", site="s", began=10)
    around = _around(first, second, inhibits=mutual)
    assert (find_inhibitors(first, around), find_inhibitors(second, around)) == ([], [first])
    far = replace(first, subject="group/g", site=None)
    lamp = replace(second, subject="device/x", site="y", groups=frozenset({"g"}), began=11)
    near = _around(far, lamp, inhibits=mutual)
    assert find_inhibitors(lamp, near) == [far]
    early = replace(lamp, began=9)
    assert find_inhibitors(early, _around(far, early, inhibits=mutual)) == [far], (
        "it does not reach far"
    )


def test_nothing_suppresses_a_rule_that_says_so() -> None:
    every = SuppressionInputs(
        active=(CABINET, LAMP),
        inhibits=INHIBITS,
        works=_works(sites={"street"}).works,
        holds={
            ("dark", "device/lamp-1"): HoldRecord(
                rule="dark",
                subject="device/lamp-1",
                kind=Hold.OUT_OF_SERVICE,
                since=0,
                until=None,
                author="anne",
                reason="repair",
            )
        },
    )
    assert len(find_suppressions(LAMP, every, now=HOUR)) >= 2
    assert find_suppressions(LAMP, replace(every, never=frozenset({"dark"})), now=HOUR) == ()
