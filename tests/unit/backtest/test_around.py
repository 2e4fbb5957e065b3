"""The registry round a site judges that site as the whole registry does."""

import pytest

from hypervisor.backtest import ground
from hypervisor.backtest.around import around
from hypervisor.registry.model import Registry
from hypervisor.watch import memory
from hypervisor.watch.differences import of_subject
from hypervisor.watch.memory import Territory
from hypervisor.watch.supply import Mains
from rules._pack import packs
from sensors._domain import catalogue

_KNOWN = catalogue()
_YEAR = 366 * 86_400_000_000


def arranged(registry: Registry) -> Territory:
    mains = Mains(retention=_YEAR)
    mains.reach(1_700_000_000_000_000, ())
    return memory.arranged(registry, _KNOWN, mains)


@pytest.fixture(scope="module")
def essonne() -> Registry:
    return ground.of_inventory(["essonne"], _KNOWN, packs())


@pytest.fixture(scope="module")
def whole(essonne: Registry) -> Territory:
    return arranged(essonne)


def of(territory: Territory, site: str) -> dict[str, object]:
    """All that judging at a site depends on, in plain values."""
    mine = {key: one for key, one in territory.subjects.items() if one.place == site}
    pairs = sorted(pair for pair in territory.revisions if pair[1] in mine)
    return {
        "subjects": {key: of_subject(one) for key, one in sorted(mine.items())},
        "rules": [(pair, territory.revisions[pair], territory.listens[pair]) for pair in pairs],
    }


def test_of_every_site_of_a_territory(essonne: Registry, whole: Territory) -> None:
    domains = set()
    for site in sorted(essonne.sites)[::4]:
        near = around(essonne, [site])

        assert of(arranged(near), site) == of(whole, site), site
        assert len(near.devices) < len(essonne.devices) / 2
        domains.add(essonne.sites[site].domain)
    assert domains == {"flood", "weather", "lighting", "mobility"}


def test_what_lies_upstream_is_there(essonne: Registry) -> None:
    below = next(one.key.partition(">")[2] for one in essonne.revisions if one.kind == "link")
    above = {
        one.key.partition(">")[0]
        for one in essonne.revisions
        if one.kind == "link" and one.key.endswith(f">{below}")
    }

    assert above <= around(essonne, [below]).sites.keys()
