"""What lies upstream of a site, and how far away."""

from datetime import UTC, datetime, timedelta

from hypervisor.base.instants import micros
from hypervisor.evaluation import differences
from hypervisor.evaluation.facts import SubjectFacts, in_force
from hypervisor.evaluation.subjects import build_subjects
from hypervisor.registry.model import Device, Registry, Revision, Series, Site
from sensors._domain import catalogue

DAY = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = 3_600_000_000
CATALOGUE = catalogue()


def link(above: str, below: str, hours: float | None, *, since: float = 0) -> Revision:
    return Revision(
        kind="link",
        key=f"{above}>{below}",
        value=None if hours is None else {"travel_s": hours * 3600},
        effective=DAY + timedelta(hours=since),
        author="test",
        reason="test",
    )


def river(measured: dict[str, tuple[str, ...]], *links: Revision) -> dict[str, SubjectFacts]:
    """Sites, each with a device called as it that measures so much."""
    series = [(site, name) for site, names in measured.items() for name in names]
    ordered = sorted(links, key=lambda one: (one.key, one.effective))
    registry = Registry(
        areas={},
        sites={s: Site(name=s, title=s, domain="flood", id=n) for n, s in enumerate(measured, 1)},
        devices={s: Device(name=s, site=s, commissioned=DAY) for s in measured},
        series={
            (site, name): Series(device=site, quantity=name, id=number)
            for number, (site, name) in enumerate(series, 1)
        },
        revisions=tuple(ordered),
    )
    return build_subjects(registry, CATALOGUE)


def nearest(site: SubjectFacts) -> dict[tuple[str, str], float]:
    """By site and quantity: hours away, as it is now."""
    return {
        (above.site, name): float(above.lag.value[-1]) / HOUR
        for above in site.upstream
        for name in above.series
        if "@" not in name
    }


def test_on_each_branch_the_nearest_that_measures() -> None:
    both = ("level", "discharge")
    known = river(
        {"a": both, "b": ("level",), "c": both, "low": ("level",)},
        link("a", "b", 3),
        link("b", "low", 2),
        link("c", "low", 1),
    )

    assert nearest(known["low"]) == {
        ("b", "level"): 2,
        ("a", "discharge"): 5,
        ("c", "level"): 1,
        ("c", "discharge"): 1,
    }
    assert nearest(known["b"]) == {("a", "level"): 3, ("a", "discharge"): 3}
    assert known["a"].upstream == ()


def test_of_two_ways_the_shorter() -> None:
    known = river(
        {"a": ("level",), "b": (), "c": (), "low": ("level",)},
        link("a", "b", 3),
        link("b", "low", 2),
        link("a", "c", 1),
        link("c", "low", 2),
    )

    assert nearest(known["low"]) == {("a", "level"): 3}


def test_while_no_water_comes_what_is_there_is_withdrawn() -> None:
    links = link("a", "low", 2), link("a", "low", None, since=5), link("a", "low", 1, since=9)
    (above,) = river({"a": ("level",), "low": ("level",)}, *links)["low"].upstream
    withdrawn = above.series["level"].withdrawn
    assert withdrawn is not None

    at = [micros(DAY + timedelta(hours=hours)) for hours in (-1, 0, 6, 10)]

    assert [in_force(withdrawn, one) for one in at] == [1, 0, 1, 0]
    assert [in_force(above.lag, one) / HOUR for one in at] == [2, 2, 2, 1]
    assert above.farthest == 2 * HOUR


def test_facts_differ_from_when_the_way_does() -> None:
    def low(*links: Revision) -> SubjectFacts:
        return river({"a": ("level",), "low": ("level",)}, *links)["low"]

    def since(before: SubjectFacts, now: SubjectFacts) -> float | None:
        written = [differences.of_subject(subject_facts) for subject_facts in (before, now)]
        between_subjects = differences.between_subjects(*written)
        return None if between_subjects is None else (between_subjects.since - micros(DAY)) / HOUR

    subject_facts = low(link("a", "low", 2))
    assert since(subject_facts, low(link("a", "low", 2))) is None
    assert since(subject_facts, low(link("a", "low", 2), link("a", "low", 3, since=7))) == 7
    assert since(low(), subject_facts) == 0
    assert since(subject_facts, low()) == 0
