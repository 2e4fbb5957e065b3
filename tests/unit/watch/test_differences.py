"""From when on two sets of facts differ."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypervisor.instants import micros
from hypervisor.registry.model import Device, Registry, Revision, Series, Site
from hypervisor.watch import differences
from hypervisor.watch.facts import SubjectFacts
from hypervisor.watch.subjects import subjects
from sensors._domain import catalogue

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
    return subjects(registry, CATALOGUE)["orge"]


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
