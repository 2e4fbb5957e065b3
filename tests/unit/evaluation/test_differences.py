"""From when on two sets of facts differ."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypervisor.base.instants import BEGINNING, micros
from hypervisor.evaluation import differences
from hypervisor.evaluation.facts import Plans, SubjectFacts, Supply
from hypervisor.evaluation.subjects import build_subjects
from hypervisor.registry.model import Device, Registry, Revision, Series, Site
from rules._inputs import Calendar, Steps
from sensors._domain import catalogue
from sensors._quantity import Reporting

DAY = datetime(2024, 1, 1, tzinfo=UTC)
CATALOGUE = catalogue()


def revision(kind: str, key: str, value: dict[str, Any] | None, hours: float = 0) -> Revision:
    return Revision(
        kind=kind,
        key=key,
        value=value,
        effective=DAY + timedelta(hours=hours),
        author="test",
        reason="test",
    )


def site(
    *revisions: Revision, devices: tuple[str, ...] = ("gauge",), retired: datetime | None = None
) -> SubjectFacts:
    registry = Registry(
        areas={},
        sites={"orge": Site(name="orge", title="Orge", domain="flood", id=1)},
        devices={
            name: Device(name=name, site="orge", commissioned=DAY, retired=retired)
            for name in devices
        },
        series={
            (name, "level"): Series(device=name, quantity="level", id=number)
            for number, name in enumerate(devices)
        },
        revisions=revisions,
    )
    return build_subjects(registry, CATALOGUE)["orge"]


def between(before: SubjectFacts, now: SubjectFacts) -> differences.Difference | None:
    return differences.between_subjects(differences.of_subject(before), differences.of_subject(now))


def hours(count: float) -> int:
    return micros(DAY + timedelta(hours=count))


LIMIT = {"value": 3.0, "unit": "m"}


def test_the_same_facts_do_not_differ() -> None:
    assert between(site(), site()) is None


def test_a_threshold_differs_from_its_revision_on() -> None:
    before = site(revision("threshold", "orge/alert", LIMIT))
    now = site(
        revision("threshold", "orge/alert", LIMIT),
        revision("threshold", "orge/alert", {"value": 2.5, "unit": "m"}, 5),
    )

    found = between(before, now)

    assert found == differences.Difference(since=hours(5), what="threshold alert")


def test_a_new_threshold_counts_from_its_first_revision() -> None:
    found = between(site(), site(revision("threshold", "orge/alert", LIMIT, 3)))

    assert found is not None
    assert found.since == hours(3)


def test_a_value_withdrawn_and_one_changed_in_place_both_count() -> None:
    before = site(revision("threshold", "orge/alert", LIMIT, 1))
    later = revision("threshold", "orge/alert", None, 1)  # recorded later: it stands

    found = between(before, site(revision("threshold", "orge/alert", LIMIT, 1), later))

    assert found is not None
    assert found.since == hours(1)


def test_a_device_out_of_service() -> None:
    found = between(site(), site(revision("device", "gauge", {"in_service": False}, 2)))

    assert found is not None
    assert found.since == hours(2)


def test_a_device_retired() -> None:
    found = between(site(), site(retired=DAY + timedelta(hours=4)))

    assert found is not None
    assert found.since == hours(4)


def test_another_interval() -> None:
    found = between(site(), site(revision("series", "gauge/level", {"interval_s": 60}, 2)))

    assert found is not None
    assert found.since == hours(2)


def test_two_devices_in_service_measure_the_same() -> None:
    now = site(devices=("gauge", "other"))

    assert now.doubled == {"level": hours(0)}
    found = between(site(), now)
    assert found is not None
    assert found.since == hours(0)


def test_one_of_two_devices_out_of_service_leaves_the_other() -> None:
    now = site(revision("device", "gauge", {"in_service": False}, 2), devices=("gauge", "other"))

    assert now.doubled == {}
    assert now.series["level"].device == "other"


def test_deaf_spans() -> None:
    assert differences.between_spans([[0, 5]], [[0, 5]]) is None
    assert differences.between_spans([[0, 5]], [[0, 7]]) == 5
    assert differences.between_spans([], [[3, 7]]) == 3
    assert differences.between_spans([[0, 5], [8, 9]], [[0, 9]]) == 5


def written(each: SubjectFacts) -> dict[str, Any]:
    return dict(differences.of_subject(each))


def test_what_is_remembered_of_a_subject_is_all_that_it_is_judged_by() -> None:
    usual = CATALOGUE.quantities["level"].interval.total_seconds() * 1_000_000
    facts = written(
        site(
            revision("threshold", "orge/alert", LIMIT),
            revision("threshold", "orge/alert", None, 2),
            revision("series", "gauge/level", None, 3),
            revision("datum", "orge", {"zero_m": 1.0}),
            revision("datum", "orge", {"zero_m": 2.0}, 4),
        )
    )
    assert facts == {
        "series": {
            "level": {
                "sources": [[BEGINNING, 0]],
                "kind": ["gauge", "periodic", False],
                "interval": [[BEGINNING, usual]],
                "stale after": [[BEGINNING, 3 * usual]],
                "breaks": [[hours(4)]],
                "withdrawn": [[hours(3), 1.0]],
            }
        },
        "devices": {"gauge": {"commissioned": hours(0), "in service": [[BEGINNING, 1.0]]}},
        "supplies": {},
        "thresholds": {"alert": [[hours(0), 3.0], [hours(2), None]]},
        "doubled": {},
        "domain": "flood",
        "upstream": {},
    }


def test_where_a_subject_stands_how_it_is_lit_and_fed_is_remembered() -> None:
    plans: Plans = ((BEGINNING, None), (hours(1), {"spells": []}))
    supply = Supply(plans=plans, place=(2.35, 48.6))
    lit = replace(
        site(),
        supplies={"lamp": supply},
        lighting=supply,
        calendar=Calendar(zone="Europe/Paris", lon=2.35, lat=48.6),
    )
    plainly = {"plans": [[BEGINNING, None], [hours(1), {"spells": []}]], "place": [2.35, 48.6]}
    assert written(lit)["supplies"] == {"lamp": plainly}
    assert written(lit)["lighting"] == plainly
    assert written(lit)["calendar"] == ["Europe/Paris", 2.35, 48.6]
    assert differences.of_subjects({"a": lit, "b": site()}) == {
        "a": written(lit),
        "b": written(site()),
    }


def test_what_is_shared_is_written_once() -> None:
    facts = differences.of_subjects({"a": site(), "b": site()})
    first, second = (facts[name]["series"]["level"]["interval"] for name in "ab")
    assert first is second


def differs(before: SubjectFacts, now: SubjectFacts) -> tuple[int, str] | None:
    """From which hour on (BEGINNING: always), and what; the same back and forth."""
    found = between(before, now)
    assert found == between(now, before)
    if found is None:
        return None
    since = found.since
    return (since if since == BEGINNING else (since - hours(0)) // 3_600_000_000, found.what)


def test_what_always_was_otherwise_differs_from_the_beginning_on() -> None:
    each = site()
    level = each.series["level"]
    nonnegative = replace(level.quantity, nonnegative=True)
    for other, what in (
        (replace(each, domain="weather"), "domain"),
        (replace(each, calendar=Calendar(zone="Europe/Paris", lon=1.0, lat=2.0)), "place"),
        (
            replace(each, series={"level": replace(level, reporting=Reporting.ON_CHANGE)}),
            "series level",
        ),
        (replace(each, series={"level": replace(level, quantity=nonnegative)}), "series level"),
        (replace(each, series={}), "series level"),
        (
            replace(each, devices={"gauge": replace(each.devices["gauge"], commissioned=hours(9))}),
            "device gauge",
        ),
        (
            replace(
                each,
                series={"level": replace(level, sources=(replace(level.sources[0], id=9),))},
            ),
            "series level",
        ),
    ):
        assert differs(each, other) == (BEGINNING, what), what


def steps(*pairs: tuple[float, float]) -> Steps:
    return Steps.of([(hours(at), value) for at, value in pairs])


def test_each_fact_of_a_series_differs_from_when_it_does() -> None:
    each = site()
    level = each.series["level"]
    for changes in (
        {"interval": Steps.of([*usual(level.interval), (hours(5), 1.0)])},
        {"stale_after": Steps.of([*usual(level.stale_after), (hours(5), 1.0)])},
        {"breaks": (hours(5),)},
        {"withdrawn": steps((5, 1.0))},
    ):
        made: dict[str, Any] = dict(changes)
        other = replace(each, series={"level": replace(level, **made)})
        assert differs(each, other) == (5, "series level")
    twice = replace(level, breaks=(hours(4),), withdrawn=steps((3, 1.0)))
    assert differs(each, replace(each, series={"level": twice})) == (3, "series level")


def usual(known: Steps) -> list[tuple[int, float]]:
    return list(zip(known.at.tolist(), known.value.tolist(), strict=True))


def test_of_several_differences_the_earliest_counts() -> None:
    before = site(revision("threshold", "orge/alert", LIMIT, 5))
    now = site(
        revision("threshold", "orge/alert", LIMIT, 6),
        revision("device", "gauge", {"in_service": False}, 3),
    )
    assert differs(before, now) == (3, "device gauge")


def test_two_devices_that_measure_the_same_differ_from_when_they_do() -> None:
    each = site()
    doubled = replace(each, doubled={"level": hours(4)})
    assert differs(each, doubled) == (4, "two devices that measure level")
    later = replace(each, doubled={"level": hours(6)})
    assert differs(doubled, later) == (4, "two devices that measure level")


def test_a_supply_and_a_lighting_plan_differ_from_their_first_plan_on() -> None:
    each = site()
    supply = Supply(plans=((BEGINNING, None), (hours(2), {"a": 1})), place=(1.0, 2.0))
    fed, lit = replace(each, supplies={"lamp": supply}), replace(each, lighting=supply)
    assert differs(each, fed) == (2, "supply of lamp")
    assert differs(each, lit) == (2, "lighting plan")
    never = replace(each, supplies={"lamp": replace(supply, plans=((BEGINNING, None),))})
    assert differs(each, never) is None
    moved = replace(supply, place=(1.0, 3.0))
    assert differs(fed, replace(each, supplies={"lamp": moved})) == (BEGINNING, "supply of lamp")
    longer = replace(supply, plans=(*supply.plans, (hours(7), None)))
    assert differs(fed, replace(each, supplies={"lamp": longer})) == (7, "supply of lamp")
    assert differs(lit, replace(each, lighting=longer)) == (7, "lighting plan")


def test_what_an_earlier_version_did_not_say_is_no_revision() -> None:
    each = replace(site(), calendar=Calendar(zone="Europe/Paris", lon=1.0, lat=2.0))
    before = written(site())
    del before["upstream"]
    assert differences.between_subjects(before, written(each)) is None


def member(name: str, withdrawn: Steps | None, each: SubjectFacts) -> SubjectFacts:
    """Of a group, with a member of that name."""
    level = each.series["level"]
    source = replace(level.sources[0], device=name, id=7)
    series = replace(level, sources=(source,), withdrawn=withdrawn)
    return replace(
        each,
        series={**each.series, f"level@{name}": series},
        devices={**each.devices, name: each.devices["gauge"]},
    )


def test_a_new_member_matters_from_when_it_belongs() -> None:
    each = site()
    joins = Steps.of([(BEGINNING, 1.0), (hours(4), 0.0)])
    assert differs(each, member("lamp", joins, each)) == (4, "device lamp")
    never = Steps.of([(BEGINNING, 1.0)])
    assert differs(each, member("lamp", never, each)) == (0, "device lamp")
    assert differs(each, member("lamp", None, each)) == (0, "device lamp")
    later = Steps.of([(hours(2), 1.0)])
    both = member("lamp", joins, each)
    assert differs(both, member("lamp", later, each)) == (BEGINNING, "series level@lamp")


def test_lists_of_steps_differ_from_the_first_that_is_otherwise() -> None:
    steps_between = differences.between_steps
    assert steps_between([[1, 2], [3, 4]], [(1, 2), (3, 4)]) is None
    assert steps_between([[1, 2], [3, 4]], [[1, 2], [5, 4]]) == 3
    assert steps_between([[1, 2], [5, 4]], [[1, 2], [3, 4]]) == 3
    assert steps_between([[1, 2]], [[1, 2], [3, 4]]) == 3
    assert steps_between([[1, 2], [3, 4]], [[1, 2]]) == 3
    assert steps_between([], []) is None


def test_a_rule_differs_from_when_it_is_judged_otherwise() -> None:
    plain = {"domain": "flood", "when": "level > 1 m", "title": "a"}
    renamed, higher = {**plain, "title": "b"}, {**plain, "when": "level > 2 m"}
    rules = differences.between_rules
    assert rules([[1, plain]], [[1, renamed]]) is None
    assert rules([[1, plain]], [[1, plain], [3, renamed]]) is None
    assert rules([[1, plain]], [[1, plain], [3, renamed], [4, higher]]) == 4
    assert rules([[1, plain], [5, None]], [[1, plain]]) == 5
    assert rules([[1, plain], [2, higher]], [[1, plain], [2, higher], [3, plain]]) == 3
