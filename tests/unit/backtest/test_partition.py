"""A registry in pieces: each subject is in one of them, and is evaluated as with all of it."""

from dataclasses import replace

import pytest

from hypervisor.backtest import partition, registries
from hypervisor.backtest.partition import Piece
from hypervisor.evaluation.differences import of_subject
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.territory import Territory, arrange
from hypervisor.registry.model import Group, Registry
from rules._pack import packs
from sensors._domain import catalogue

CATALOGUE = catalogue()
YEAR = 366 * 86_400_000_000


@pytest.fixture(scope="module")
def essonne() -> Registry:
    return registries.of_inventory(["essonne"], CATALOGUE, packs())


def arranged(registry: Registry) -> Territory:
    power_schedule = PowerSchedule(retention=YEAR)
    power_schedule.extend(1_700_000_000_000_000, ())
    return arrange(registry, CATALOGUE, power_schedule)


def pairs(piece: Piece) -> dict[tuple[str, str], object]:
    """All that evaluating each rule at each subject of a piece depends on, in plain values."""
    territory = arranged(piece.registry)
    return {
        pair: (revisions, territory.listens[pair], of_subject(territory.subjects[pair[1]]))
        for pair, revisions in territory.revisions.items()
        if territory.subjects[pair[1]].place in piece.places
    }


@pytest.mark.parametrize("most", [1, 1024])
def test_pieces_give_what_the_complete_registry_gives(
    essonne: Registry, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    complete = pairs(Piece(registry=essonne, places=frozenset({*essonne.sites, None})))
    monkeypatch.setattr(partition, "_FEWEST", most)
    monkeypatch.setattr(partition, "_PIECES", 1 << 20)

    pieces = [pairs(piece) for piece in partition.cut(essonne, None)]

    assert len(pieces) > 5
    assert sum(map(len, pieces)) == len(complete)
    assert {pair: facts for piece in pieces for pair, facts in piece.items()} == complete


def test_sites_that_were_chosen_are_evaluated_and_no_others(essonne: Registry) -> None:
    chosen = frozenset(sorted(essonne.sites)[::20])

    pieces = list(partition.cut(essonne, chosen))

    assert sorted(place or "" for piece in pieces for place in piece.places) == sorted(chosen)


def test_a_group_without_a_site_is_evaluated_once(essonne: Registry) -> None:
    group = Group(name="nowhere", title="Nowhere", kind="cabinet")
    registry = replace(essonne, groups={**essonne.groups, "nowhere": group})

    holders = [piece for piece in partition.cut(registry, None) if None in piece.places]

    assert [piece for piece in holders if "nowhere" in piece.registry.groups]
    with_others = sum("nowhere" in piece.registry.groups for piece in holders)
    assert with_others == 1


def test_some_series_stay_apart_from_all_others(essonne: Registry) -> None:
    homes = {
        series.id or 0
        for (device, _), series in essonne.series.items()
        if essonne.sites[essonne.devices[device].site].domain == "telecare"
    }

    pieces = [piece.series for piece in partition.cut(essonne, None, homes)]

    assert homes
    assert all(series <= homes or not series & homes for series in pieces)
