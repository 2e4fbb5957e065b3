"""Why an alarm notifies nobody: each reason, and where it does not reach."""

import pytest

from hypervisor.alarms.chatter import Chatter, Limit
from hypervisor.alarms.lifecycle import Hold
from hypervisor.alarms.suppression import Case, Surroundings, Window, inhibitors, suppressed
from hypervisor.store.alarms.lifecycle import Held

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


def _around(*active: Case, **more: object) -> Surroundings:
    return Surroundings(active=active, **{"inhibits": INHIBITS, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("by", [CABINET, GROUP])
def test_a_dead_cabinet_inhibits_its_lamps(by: Case) -> None:
    (why,) = suppressed(LAMP, _around(by, LAMP), now=200)
    assert (why.kind, why.by) == ("inhibited", by.id)
    assert why.reason == f"alarm {by.id} inhibits it: {by.title}"


def test_what_it_does_not_inhibit() -> None:
    elsewhere = Case(id=4, rule="dark", subject="device/lamp-9", site="other", began=50)
    rule = Case(id=5, rule="flicker", subject="device/lamp-1", site="cab", began=50)
    over = Case(id=6, rule="dead", subject="cab", site="cab", began=1, active=False)
    placeless = Case(id=7, rule="dark", subject="device/lamp-8", site=None, began=50)
    assert suppressed(elsewhere, _around(CABINET, GROUP), now=200) == ()
    assert suppressed(rule, _around(CABINET, GROUP), now=200) == ()
    assert suppressed(LAMP, _around(over), now=200) == ()
    assert suppressed(placeless, _around(GROUP), now=200) == ()
    assert suppressed(CABINET, _around(CABINET, LAMP), now=200) == ()


def test_an_inhibited_alarm_inhibits_in_its_turn() -> None:
    feeder = Case(id=8, rule="feeder", subject="cab", site="cab", began=90)
    chain = {"feeder": frozenset({"dead"}), "dead": frozenset({"dark"})}
    around = _around(feeder, CABINET, LAMP, inhibits=chain)
    assert [one.id for one in inhibitors(CABINET, around)] == [8]
    assert [one.id for one in inhibitors(LAMP, around)] == [1]


def test_of_two_that_inhibit_each_other_the_first_speaks() -> None:
    mutual = {"one": frozenset({"two"}), "two": frozenset({"one"})}
    first = Case(id=2, rule="one", subject="s", site="s", began=10)
    second = Case(id=1, rule="two", subject="s", site="s", began=11)
    around = _around(first, second, inhibits=mutual)
    assert inhibitors(first, around) == []
    assert inhibitors(second, around) == [first]


def test_planned_works_while_they_last_where_they_are() -> None:
    works = Window(
        name="rd446", begins=100, ends=200, reason="paint", groups=frozenset({"cab-lamps"})
    )
    around = Surroundings(works=(works,))
    (why,) = suppressed(LAMP, around, now=100)
    assert (why.kind, why.until) == ("works", 200)
    assert "rd446" in why.reason
    assert suppressed(LAMP, around, now=99) == ()
    assert suppressed(LAMP, around, now=200) == ()
    assert suppressed(CABINET, around, now=100) == ()
    assert suppressed(GROUP, around, now=100)
    at_home = Surroundings(
        works=(Window(name="w", begins=0, ends=9, reason="r", sites=frozenset({"cab"})),)
    )
    assert suppressed(LAMP, at_home, now=5)
    assert suppressed(CABINET, at_home, now=5)


def test_shelved_until_its_end_and_out_of_service_until_returned() -> None:
    def held(kind: Hold, until: int | None) -> Surroundings:
        one = Held(
            rule="dark",
            subject="device/lamp-1",
            kind=kind,
            since=0,
            until=until,
            author="anne",
            reason="repair",
        )
        return Surroundings(holds={("dark", "device/lamp-1"): one})

    (why,) = suppressed(LAMP, held(Hold.SHELVED, HOUR), now=HOUR - 1)
    assert (why.kind, why.reason) == (
        "shelved",
        "shelved by anne until 1970-01-01T01:00:00Z: repair",
    )
    assert suppressed(LAMP, held(Hold.SHELVED, HOUR), now=HOUR) == ()
    (why,) = suppressed(LAMP, held(Hold.OUT_OF_SERVICE, None), now=10 * HOUR)
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
    around = Surroundings(chatter={("dark", "device/lamp-1"): chatter})
    first, second = suppressed(resting, around, now=5)
    assert (first.kind, second.kind) == ("out-of-service", "chattering")
    assert second.reason == "it began 7 times within 1 h"
