"""What rules may be judged of: sites, devices and groups, as a registry tells of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypervisor.base.instants import BEGINNING, micros
from hypervisor.evaluation.facts import SubjectFacts
from hypervisor.evaluation.subjects import build_subjects
from hypervisor.registry.model import Area, Device, Group, Registry, Revision, Series, Site
from rules._inputs import Steps
from sensors._domain import catalogue

DAY = datetime(2024, 1, 1, tzinfo=UTC)
CATALOGUE = catalogue()


def at(hours: float) -> int:
    return micros(DAY + timedelta(hours=hours))


def says(kind: str, key: str, value: dict[str, Any] | None, hours: float = -48) -> Revision:
    return Revision(
        kind=kind,
        key=key,
        value=value,
        effective=DAY + timedelta(hours=hours),
        author="test",
        reason="test",
    )


def device(name: str, begins: float = 0, *, site: str = "cab", ends: float | None = None) -> Device:
    return Device(
        name=name,
        site=site,
        commissioned=DAY + timedelta(hours=begins),
        retired=None if ends is None else DAY + timedelta(hours=ends),
    )


def registry(
    devices: tuple[Device, ...],
    measures: Mapping[str, tuple[str, ...]],
    *revisions: Revision,
    groups: tuple[Group, ...] = (),
    **more: Any,
) -> Registry:
    """Series are numbered in the order in which they stand here."""
    pairs = [(name, quantity) for name, some in measures.items() for quantity in some]
    ordered = sorted(revisions, key=lambda each: (each.kind, each.key, each.effective))
    return Registry(
        areas=more.get("areas", {}),
        sites=more.get("sites")
        or {
            "cab": Site(name="cab", title="Cabinet", domain="lighting", lon=2.354, lat=48.6, id=1),
            "street": Site(name="street", title="Street", domain="lighting", id=2),
        },
        devices={each.name: each for each in devices},
        series={
            pair: Series(device=pair[0], quantity=pair[1], id=number)
            for number, pair in enumerate(pairs, 1)
        },
        revisions=tuple(ordered),
        groups={each.name: each for each in groups},
    )


def numbers(subject: SubjectFacts) -> dict[str, tuple[int, ...]]:
    return {name: each.ids for name, each in sorted(subject.series.items())}


def pairs(steps: Steps | None) -> list[tuple[int, float]]:
    assert steps is not None
    return list(zip(steps.at.tolist(), steps.value.tolist(), strict=True))


LAMPS = (device("x", site="street"), device("y", 5, site="street"), device("meter"))
MEASURES = {
    "x": ("lamp_power", "battery"),
    "y": ("lamp_power",),
    "meter": ("cabinet_power", "battery"),
}
CABINET = Group(name="g", title="Main street", kind="cabinet", site="cab")
BELONGING = (
    *(says("member", "g/x", {}), says("member", "g/y", {}), says("member", "g/y", None, 9)),
    says("member", "g/nobody", {}),
)


def field_of(*more: Revision, groups: tuple[Group, ...] = (CABINET,)) -> dict[str, SubjectFacts]:
    return build_subjects(registry(LAMPS, MEASURES, *BELONGING, *more, groups=groups), CATALOGUE)


def test_sites_devices_that_measure_and_groups_are_subjects() -> None:
    mute = device("mute")
    result = build_subjects(
        registry((*LAMPS, mute), MEASURES, *BELONGING, groups=(CABINET,)), CATALOGUE
    )
    assert sorted(result) == [
        *("cab", "device/meter", "device/x", "device/y", "group/g", "street"),
    ]
    assert {
        key: (each.per, each.domain, each.site, each.place) for key, each in result.items()
    } == {
        "cab": ("site", "lighting", 1, "cab"),
        "street": ("site", "lighting", 2, "street"),
        "device/meter": ("device", "lighting", 1, "cab"),
        "device/x": ("device", "lighting", 2, "street"),
        "device/y": ("device", "lighting", 2, "street"),
        "group/g": ("group", "lighting", 1, "cab"),
    }
    assert result["cab"].titles == {"site": "Cabinet", "device": "", "group": ""}
    assert result["device/x"].titles == {"site": "Street", "device": "x", "group": "Main street"}
    assert result["device/meter"].titles == {"site": "Cabinet", "device": "meter", "group": ""}
    assert result["group/g"].titles == {"site": "Cabinet", "device": "", "group": "Main street"}


def test_a_site_that_is_not_stored_is_none() -> None:
    given = registry(LAMPS, MEASURES)
    given = replace(given, sites={**given.sites, "cab": replace(given.sites["cab"], id=None)})
    assert "cab" not in build_subjects(given, CATALOGUE)


def test_what_is_not_stored_or_not_in_this_version_is_no_series() -> None:
    given = registry((device("meter"),), {"meter": ("cabinet_power", "magic")})
    unsaved = Series(device="meter", quantity="battery")
    given = replace(given, series={("meter", "battery"): unsaved, **given.series})
    result = build_subjects(given, CATALOGUE)
    assert numbers(result["cab"]) == numbers(result["device/meter"]) == {"cabinet_power": (1,)}


def test_a_group_sees_its_members_and_beside_them_what_its_site_measures() -> None:
    group = field_of()["group/g"]
    assert numbers(group) == {
        "battery@site:meter": (5,),
        "battery@x": (2,),
        "cabinet_power": (4,),
        "lamp_power@x": (1,),
        "lamp_power@y": (3,),
    }
    assert group.group == {
        "battery": ("battery@x", "battery@y"),
        "lamp_power": ("lamp_power@x", "lamp_power@y"),
    }
    assert sorted(group.devices) == ["site:meter", "x", "y"]
    assert group.series["cabinet_power"].device == "site:meter"


def test_a_member_counts_from_when_it_is_there_and_belongs_to_when_it_leaves() -> None:
    group = field_of()["group/g"]
    assert pairs(group.series["lamp_power@y"].withdrawn) == [
        *((BEGINNING, 1.0), (at(-48), 1.0), (at(5), 0.0), (at(9), 1.0)),
    ]
    assert pairs(group.series["lamp_power@x"].withdrawn)[-1] == (at(0), 0.0)
    alone = field_of()["device/y"]
    assert alone.series["lamp_power"].withdrawn is None
    gone = field_of(says("series", "x/lamp_power", None, 3))["group/g"]
    assert pairs(gone.series["lamp_power@x"].withdrawn)[-1] == (at(3), 1.0)


def test_lamps_that_a_cabinet_of_the_site_feeds_measure_nothing_of_the_site() -> None:
    here = replace(LAMPS[0], site="cab")
    given = registry((here, *LAMPS[1:]), MEASURES, *BELONGING, groups=(CABINET,))
    assert numbers(build_subjects(given, CATALOGUE)["cab"]) == {
        "battery": (5,),
        "cabinet_power": (4,),
    }
    section = replace(CABINET, kind="section")
    given = registry((here, *LAMPS[1:]), MEASURES, *BELONGING, groups=(section,))
    assert "lamp_power" in build_subjects(given, CATALOGUE)["cab"].series


def test_a_group_that_is_run_from_nowhere_has_the_place_of_a_member() -> None:
    group = field_of(groups=(replace(CABINET, site=None),))["group/g"]
    assert (group.domain, group.site, group.place, group.thresholds) == ("lighting", None, None, {})
    assert group.titles["site"] == "Main street"
    assert numbers(group) == {"battery@x": (2,), "lamp_power@x": (1,), "lamp_power@y": (3,)}
    empty = Group(name="none", title="Nobody", kind="section")
    nobody = field_of(groups=(CABINET, empty))["group/none"]
    assert (nobody.domain, nobody.series, nobody.calendar) == ("", {}, None)


def limit(key: str, value: float) -> Revision:
    return says("threshold", key, {"value": value, "unit": "%"})


def test_a_device_has_its_own_thresholds_before_those_of_its_site() -> None:
    result = field_of(limit("street/dark", 40), limit("street/dim", 60), limit("device/x/dark", 30))
    own = result["device/x"].thresholds
    assert {name: float(each.value[-1]) for name, each in own.items()} == {"dark": 30, "dim": 60}
    assert float(result["device/y"].thresholds["dark"].value[-1]) == 40
    assert float(result["street"].thresholds["dark"].value[-1]) == 40
    assert result["group/g"].thresholds == {}
    cab = field_of(limit("cab/dark", 20), limit("nowhere/dark", 9))
    assert float(cab["group/g"].thresholds["dark"].value[-1]) == 20


def test_of_two_in_service_that_measure_the_same_the_rule_is_doubled_from_the_second_on() -> None:
    two = (device("meter"), device("other", 7), device("third", 8))
    measures = dict.fromkeys(("other", "third", "meter"), ("cabinet_power",))
    site = build_subjects(registry(two, measures), CATALOGUE)["cab"]
    assert site.doubled == {"cabinet_power": at(7)}
    assert numbers(site) == {
        "cabinet_power": (3,),
        "cabinet_power@other": (1,),
        "cabinet_power@third": (2,),
    }
    out = says("device", "meter", {"in_service": False}, 9)
    site = build_subjects(registry(two[:2], dict(list(measures.items())[::2]), out), CATALOGUE)[
        "cab"
    ]
    assert site.doubled == {}


def test_where_none_serves_the_youngest_speaks() -> None:
    """Both left on one day: neither took the other's place."""
    two = (device("meter", 0, ends=20), device("other", 3, ends=20))
    measures = {"meter": ("cabinet_power",), "other": ("cabinet_power",)}
    site = build_subjects(registry(two, measures), CATALOGUE)["cab"]
    assert numbers(site) == {"cabinet_power": (2,), "cabinet_power@meter": (1,)}
    assert site.doubled == {}


def test_a_gauge_that_took_anothers_place_speaks_from_then_on() -> None:
    two = (device("old", 0, ends=20), device("new", 15))
    measures = {"old": ("cabinet_power",), "new": ("cabinet_power",)}
    site = build_subjects(registry(two, measures), CATALOGUE)["cab"]
    (series,) = site.series.values()
    assert [(source.device, source.since) for source in series.sources] == [
        ("old", BEGINNING),
        ("new", at(20)),
    ]
    assert pairs(site.devices["new"].in_service) == [(at(15), 1.0)]
    assert pairs(site.devices["old"].in_service) == [(BEGINNING, 1.0), (at(20), 0.0)]
    out = says("device", "new", {"in_service": False}, 15)
    again = says("device", "new", {"in_service": True}, 30)
    earlier = says("device", "new", {"in_service": False}, 2)
    site = build_subjects(registry(two, measures, out, again, earlier), CATALOGUE)["cab"]
    assert pairs(site.devices["new"].in_service) == [(at(15), 0.0), (at(30), 1.0)]


def test_a_level_breaks_where_its_zero_was_moved_and_nothing_else_does() -> None:
    zeros = (
        says("datum", "cab", {"zero_m": 1.0}, 0),
        says("datum", "cab", {"zero_m": 1.0}, 2),
        says("datum", "cab", {"zero_m": 0.5}, 4),
        says("datum", "cab", None, 6),
    )
    given = registry((device("meter"),), {"meter": ("level", "cabinet_power")}, *zeros)
    site = build_subjects(given, CATALOGUE)["cab"]
    assert site.series["level"].breaks == (at(4), at(6))
    assert site.series["cabinet_power"].breaks == ()


def place(given: Registry, key: str = "street") -> tuple[float, float] | None:
    calendar = build_subjects(given, CATALOGUE, "Europe/Berlin")[key].calendar
    if calendar is None:
        return None
    assert calendar.zone == "Europe/Berlin"
    return calendar.lon, calendar.lat


def test_a_calendar_is_of_the_site_else_of_its_commune() -> None:
    area = Area(code="91001", kind="commune", name="Town", lon=2.104, lat=48.506)
    street = Site(name="street", title="Street", domain="lighting", id=2)
    lamp = (device("x", site="street"),)

    def given(site: Site) -> Registry:
        return registry(lamp, {"x": ("lamp_power",)}, sites={"street": site}, areas={"91001": area})

    assert place(given(street)) is None
    assert place(given(replace(street, commune="91001"))) == (2.1, 48.51)
    assert place(given(replace(street, commune="91001", lon=3.0))) == (2.1, 48.51)
    here = replace(street, commune="91001", lon=3.004, lat=47.006)
    assert place(given(here)) == place(given(here), "device/x") == (3.0, 47.01)


def test_neighbours_share_one_calendar() -> None:
    sites = {
        name: Site(name=name, title="", domain="flood", lon=lon, lat=48.6, id=number)
        for number, (name, lon) in enumerate({"a": 2.351, "b": 2.3512, "c": 2.36}.items(), 1)
    }
    result = build_subjects(registry((), {}, sites=sites), CATALOGUE)
    assert result["a"].calendar is result["b"].calendar
    assert result["c"].calendar is not result["a"].calendar


def test_what_cannot_be_made_is_left_out_and_named_with_why() -> None:
    bad: dict[str, Exception] = {}
    given = registry(
        LAMPS,
        MEASURES,
        *BELONGING,
        says("series", "x/lamp_power", {"interval_s": -1}),
        says("threshold", "street/dark", {"value": "nothing"}),
        says("threshold", "device/y/dark", {"value": "nothing"}),
        says("link", "street>cab", {"travel_s": -5}),
        groups=(CABINET,),
    )
    result = build_subjects(given, CATALOGUE, failed=bad)
    assert sorted(bad) == ["cab", "device/y", "street"]
    assert "could not convert" in str(bad["street"])  # of two problems the first is told
    assert numbers(result["device/x"]) == {"battery": (2,)}
    assert "dark" not in result["device/y"].thresholds
    assert build_subjects(given, CATALOGUE).keys() == result.keys()


def test_a_device_whose_service_cannot_be_read_serves_as_if_nothing_was_said() -> None:
    bad: dict[str, Exception] = {}
    given = registry(LAMPS, MEASURES, says("device", "x", {"in_service": False}, 3))
    broken = replace(given.revisions[0], value=5)  # type: ignore[arg-type]
    result = build_subjects(replace(given, revisions=(broken,)), CATALOGUE, failed=bad)
    assert sorted(bad) == ["street"]
    assert pairs(result["device/x"].devices["x"].in_service) == [(BEGINNING, 1.0)]


def test_a_site_whose_place_cannot_be_read_stops_no_other() -> None:
    bad: dict[str, Exception] = {}
    given = registry(LAMPS, MEASURES)
    nowhere = replace(given.sites["cab"], lon="east")  # type: ignore[arg-type]
    given = replace(given, sites={**given.sites, "cab": nowhere})
    result = build_subjects(given, CATALOGUE, failed=bad)
    assert sorted(bad) == ["cab", "device/meter"]
    assert sorted(result) == ["device/x", "device/y", "street"]


def test_a_supply_that_cannot_be_read_stops_no_other() -> None:
    bad: dict[str, Exception] = {}
    other = Group(name="h", title="Side street", kind="cabinet", site="cab")
    given = registry(
        LAMPS,
        MEASURES,
        *(says("plan", "night", {}), says("member", "g/x", {}), says("member", "h/y", {})),
        *(says("supply", name, {"plan": "night", "switched": True}) for name in "gh"),
        groups=(CABINET, other),
    )
    broken = [
        replace(each, value="always") if (each.kind, each.key) == ("supply", "g") else each  # type: ignore[arg-type]
        for each in given.revisions
    ]
    result = build_subjects(replace(given, revisions=tuple(broken)), CATALOGUE, failed=bad)
    assert sorted(bad) == ["device/x", "group/g"]
    assert sorted(result) == ["cab", "device/meter", "device/y", "group/h", "street"]
    assert sorted(result["group/h"].supplies) == ["y"]
