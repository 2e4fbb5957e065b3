"""The registry round a site, or a piece of it, evaluates as the complete registry does."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hypervisor.alarms.log import Pair
from hypervisor.backtest import partition, registries
from hypervisor.backtest.registries import registry_around
from hypervisor.evaluation.differences import of_subject
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.territory import Territory, arrange
from hypervisor.registry.model import Device, Group, Registry, Revision, Series, Site
from rules._pack import packs
from sensors._domain import catalogue

_KNOWN = catalogue()
_YEAR = 366 * 86_400_000_000


def arranged(registry: Registry) -> Territory:
    power_schedule = PowerSchedule(retention=_YEAR)
    power_schedule.extend(1_700_000_000_000_000, ())
    return arrange(registry, _KNOWN, power_schedule)


@pytest.fixture(scope="module")
def essonne() -> Registry:
    return registries.of_inventory(["essonne"], _KNOWN, packs())


@pytest.fixture(scope="module")
def whole(essonne: Registry) -> Territory:
    return arranged(essonne)


def of(territory: Territory, site: str) -> dict[str, object]:
    """All that judging at a site depends on, in plain values."""
    mine = {key: each for key, each in territory.subjects.items() if each.place == site}
    pairs = sorted(pair for pair in territory.revisions if pair[1] in mine)
    return {
        "subjects": {key: of_subject(each) for key, each in sorted(mine.items())},
        "rules": [(pair, territory.revisions[pair], territory.listens[pair]) for pair in pairs],
    }


def test_of_every_site_of_a_territory(essonne: Registry, whole: Territory) -> None:
    domains = set()
    for site in sorted(essonne.sites)[::8]:
        near = registry_around(essonne, [site])

        assert of(arranged(near), site) == of(whole, site), site
        assert len(near.devices) < len(essonne.devices) / 2
        domains.add(essonne.sites[site].domain)
    assert domains >= {"flood", "weather", "lighting", "mobility"}


def test_what_lies_upstream_is_there(essonne: Registry) -> None:
    below = next(each.key.partition(">")[2] for each in essonne.revisions if each.kind == "link")
    above = {
        each.key.partition(">")[0]
        for each in essonne.revisions
        if each.kind == "link" and each.key.endswith(f">{below}")
    }

    assert above <= registry_around(essonne, [below]).sites.keys()


def fact(kind: str, key: str) -> Revision:
    return Revision(
        kind=kind,
        key=key,
        value={},
        effective=datetime(2024, 1, 1, tzinfo=UTC),
        author="test",
        reason="test",
    )


def small(*facts: Revision, groups: tuple[Group, ...] = ()) -> Registry:
    """Five sites, each with a device called as it in capitals that measures a level."""
    sites = ("far", "low", "mid", "side", "top")
    since = datetime(2024, 1, 1, tzinfo=UTC)
    return Registry(
        areas={},
        sites={name: Site(name=name, title="", domain="flood", id=1) for name in sites},
        devices={n.upper(): Device(name=n.upper(), site=n, commissioned=since) for n in sites},
        series={(n.upper(), "level"): Series(device=n.upper(), quantity="level") for n in sites},
        revisions=facts,
        groups={each.name: each for each in groups},
    )


def keys(registry: Registry) -> set[tuple[str, str]]:
    return {(each.kind, each.key) for each in registry.revisions}


def test_all_that_water_passes_on_its_way_is_near_and_what_lies_below_is_not() -> None:
    links = fact("link", "top>mid"), fact("link", "mid>low"), fact("link", "side>low")
    near = registry_around(small(*links), ["mid"])
    assert near.sites.keys() == {"mid", "top"}
    assert near.devices.keys() == {"MID", "TOP"}
    assert near.series.keys() == {("MID", "level"), ("TOP", "level")}
    assert keys(near) == {("link", "top>mid")}
    assert registry_around(small(*links), ["low", "far"]).sites.keys() == {
        *("far", "low", "mid", "side", "top"),
    }
    circle = fact("link", "mid>top"), fact("link", "top>mid")
    assert registry_around(small(*circle), ["top"]).sites.keys() == {"top", "mid"}


def test_a_group_with_a_part_there_is_near_with_all_of_its_members() -> None:
    groups = (
        Group(name="here", title="", kind="section", site="mid"),
        Group(name="shared", title="", kind="section", site="far"),
        Group(name="away", title="", kind="section", site="side"),
        Group(name="nowhere", title="", kind="section"),
    )
    members = ("here/TOP", "shared/MID", "shared/LOW", "shared/GONE", "away/SIDE", "nowhere/FAR")
    facts = [fact("member", key) for key in members]
    facts += [fact("supply", name) for name in ("here", "shared", "away")]
    near = registry_around(small(*facts, groups=groups), ["mid"])
    assert near.groups.keys() == {"here", "shared"}
    assert near.devices.keys() == {"MID", "TOP", "LOW"}
    assert near.sites.keys() == {"mid", "top", "low", "far"}
    assert keys(near) == {
        *(("member", "here/TOP"), ("member", "shared/MID"), ("member", "shared/LOW")),
        *(("member", "shared/GONE"), ("supply", "here"), ("supply", "shared")),
    }


def test_facts_are_near_by_whose_they_are() -> None:
    groups = (Group(name="shared", title="", kind="section", site="far"),)
    kept = (
        *(
            ("threshold", "mid/alert"),
            ("threshold", "far/alert"),
            ("threshold", "device/MID/alert"),
        ),
        *(("threshold", "device/LOW/alert"), ("series", "MID/level"), ("series", "LOW/level")),
        *(("device", "MID"), ("device", "LOW"), ("datum", "mid"), ("rule", "flood-x")),
        *(("plan", "night"), ("member", "shared/MID"), ("member", "shared/LOW")),
    )
    left = (
        *(("threshold", "side/alert"), ("threshold", "device/SIDE/alert"), ("series", "FAR/level")),
        *(("device", "FAR"), ("datum", "low"), ("datum", "far"), ("reach", "mid")),
        *(("works", "mid"), ("link", "mid>low"), ("link", "far>side")),
    )
    registry = small(*(fact(*each) for each in (*kept, *left)), groups=groups)
    assert keys(registry_around(registry, ["mid"])) == set(kept)


def pairs(territory: Territory, subjects: Collection[str]) -> dict[Pair, object]:
    """All that evaluating each rule at each of these depends on, in plain values."""
    return {
        pair: (revisions, territory.listens[pair], of_subject(territory.subjects[pair[1]]))
        for pair, revisions in territory.revisions.items()
        if pair[1] in subjects
    }


@pytest.mark.parametrize(("most", "every"), [(1024, 9), pytest.param(1, 1, marks=pytest.mark.long)])
def test_pieces_of_a_territory(
    essonne: Registry, whole: Territory, monkeypatch: pytest.MonkeyPatch, most: int, every: int
) -> None:
    monkeypatch.setattr(partition, "_FEWEST", most)

    pieces = list(partition.cut(essonne, None))

    common = partition.list_common(essonne)
    assert {revision.kind for revision in common} == {"rule", "plan"}
    for piece in pieces:  # in order, so that its hash is the same when a job is started again
        assert list(piece.places) == sorted(piece.places, key=lambda place: place or "")
    places = [place for piece in pieces for place in piece.places if place is not None]
    assert sorted(places) == sorted(essonne.sites)
    groups = [
        group.name
        for piece in pieces
        for group in piece.registry.groups.values()
        if group.site in piece.places
    ]
    assert sorted(groups) == sorted(essonne.groups)
    for piece in pieces[::every]:
        territory = arranged(piece.join(common))
        here = {key for key, each in territory.subjects.items() if each.place in piece.places}
        same = pairs(territory, here) == pairs(whole, here)
        assert same, sorted(here)
    assert len(pieces) > 5


def test_pieces_have_the_chosen_sites_and_no_others(essonne: Registry) -> None:
    chosen = frozenset(sorted(essonne.sites)[::20])

    pieces = list(partition.cut(essonne, chosen))

    assert sorted(place or "" for piece in pieces for place in piece.places) == sorted(chosen)


def test_a_group_without_a_site_is_in_one_piece(essonne: Registry) -> None:
    group = Group(name="nowhere", title="Nowhere", kind="cabinet")
    registry = replace(essonne, groups={**essonne.groups, "nowhere": group})

    pieces = [piece for piece in partition.cut(registry, None) if None in piece.places]

    assert sum("nowhere" in piece.registry.groups for piece in pieces) == 1


def test_a_piece_has_only_series_of_homes_or_none(essonne: Registry) -> None:
    homes = {
        series.id or 0
        for (device, _), series in essonne.series.items()
        if essonne.sites[essonne.devices[device].site].domain == "telecare"
    }

    pieces = [piece.series for piece in partition.cut(essonne, None, homes)]

    assert homes
    assert all(series <= homes or not series & homes for series in pieces)
