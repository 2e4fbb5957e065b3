"""What only the whole shows, and what a difference does to the registry: pure."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hypervisor.registry.apply import compare
from hypervisor.registry.changes import Changes, apply_changes
from hypervisor.registry.difference import merge_facts
from hypervisor.registry.inventory import join
from hypervisor.registry.inventory_files import read_sources, read_text
from hypervisor.registry.model import Registry
from hypervisor.registry.revisions import Stamp
from hypervisor.registry.tree import InventoryError, Problem
from sensors._domain import catalogue

CATALOGUE = catalogue()
NOTHING = Registry(areas={}, sites={}, devices={}, series={}, revisions=())
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GAUGE = "devices: [{name: %s, commissioned: 2020-01-01, series: [level]}]"


def change(
    *texts: str,
    registry: Registry = NOTHING,
    now: datetime | None = NOW,
    effective: datetime | None = None,
) -> Changes:
    inventory = join(
        [
            read_text(text, file=f"{number}.yaml", catalogue=CATALOGUE)
            for number, text in enumerate(texts, start=1)
        ]
    )
    stamp = Stamp(author="ann", reason="", now=now, effective=effective)
    return compare(registry, inventory, stamp=stamp, domain_catalogue=CATALOGUE)


def told(*texts: str, registry: Registry = NOTHING) -> str:
    with pytest.raises(InventoryError) as caught:
        change(*texts, registry=registry)
    return str(caught.value)


def sites(*lines: str) -> str:
    """Sites of rivers: without devices nothing else would tell their domain."""
    return "sites:\n" + "".join(f"  - {{domain: flood, {line}}}\n" for line in lines)


def test_names_that_meet_nothing() -> None:
    text = sites("name: bridge") + "links: [{from: brigde, to: bridge, travel: 1 h}]"
    assert "link to unknown site 'brigde'; did you mean 'bridge'?" in told(text)
    assert "apply the territory's areas first" in told(sites("name: a, commune: '91272'"))
    areas = "areas: [{code: '91272', kind: commune, name: Gif}]\n"
    text = areas + sites("name: a, commune: '91273'")
    assert "INSEE code 91273 is no commune of the territory; did you mean '91272'?" in told(text)
    text = "areas: [{code: '91272', kind: commune, name: Gif, parent: '91'}]\n"
    assert "there is no area '91'" in told(text)


@pytest.mark.parametrize(
    ("mine", "yours", "sentence"),
    [
        ("5 min", "10 min", "every 10 min here, every 5 min in 1.yaml:2"),
        ("5 min", "{stale: 1 h}", "stale after 1 h here, every 5 min in 1.yaml:2"),
        ("{reporting: periodic}", "{interval: 5 min, stale: 1 h}", "every 5 min, stale after 1 h"),
        ("{reporting: periodic}", "{reporting: on_change}", "on_change here, periodic in 1.yaml"),
        ("5 min", "null", "withdrawn here, every 5 min in 1.yaml:2"),
    ],
)
def test_two_files_that_tell_how_a_series_reports(mine: str, yours: str, sentence: str) -> None:
    """Each may give a part of it."""

    def write(reporting: str) -> str:
        gauge = GAUGE.replace("[level]", f"{{level: {reporting}}}") % "gauge"
        return sites(f"name: bridge, {gauge}")

    assert sentence in told(write(mine), write(yours))


@pytest.mark.parametrize("example", ["essonne", "garonne"])
def test_two_files_that_contradict_each_other_in_any_fact(example: str) -> None:
    facts = read_sources([example]).facts
    altered = [
        replace(
            fact,
            value=None if fact.value == {} else {**(fact.value or {}), "unit": "furlong"},
            where=replace(fact.where, file="other.yaml"),
        )
        for fact in facts
    ]
    problems: list[Problem] = []
    merge_facts([*facts, *altered], problems)
    assert len(problems) == len(facts)
    assert all(" here, " in str(problem.text) for problem in problems)


def test_new_things_say_what_they_need() -> None:
    text = sites("name: a, devices: [{name: g, series: [level]}]")
    assert "device g is new and needs 'commissioned' (the day it began to measure" in told(text)
    assert "needs 'kind'" in told("areas: [{code: '91', name: Essonne}]")


def test_two_devices_for_one_thing() -> None:
    one = "{name: %s, commissioned: 2020-01-01, series: [level]}"
    devices = f"devices: [{one % 'g'}, {one % 'h'}]"
    assert "2 devices in service for level (g, h): retire all but one" in told(
        sites(f"name: a, {devices}")
    )


def test_levels_stand_in_order() -> None:
    low = "thresholds: {attention: 3 m, alert: 2 m}"
    assert "2 m is not above attention, 3 m" in told(sites(f"name: a, {low}"))


def test_water_flows_one_way() -> None:
    links = ["{from: a, to: b, travel: 1 h}", "{from: b, to: c, travel: 1 h}"]
    back = "{from: c, to: a, travel: 1 h}"
    text = sites("name: a", "name: b", "name: c") + "links: [%s]"
    assert change(text % ", ".join(links))
    assert "water flows one way" in told(text % ", ".join([*links, back]))


def test_what_is_described_twice() -> None:
    assert "1.yaml:3:5: sites.a: 'a' is described twice, first on line 2" in told(
        sites("name: a", "name: a")
    )
    text = told(sites("name: a, title: One"), sites("name: a, title: Two"))
    assert "2.yaml:2:5: sites.a: title 'Two' here, 'One' in 1.yaml:2" in text
    assert change(sites("name: a, title: One"), sites("name: a, river: Orge")).sites[0].river
    low, high = (sites(f"name: a, thresholds: {{attention: {level} m}}") for level in (1, 2))
    assert "attention: 2 m here, 1 m in 1.yaml:2" in told(low, high)


def test_a_device_stays_where_it_is() -> None:
    known = apply_changes(NOTHING, change(sites(f"name: a, {GAUGE % 'g'}")))
    assert "device 'g' is at site 'a'" in told(
        sites("name: b, devices: [{name: g}]"), registry=known
    )


def test_from_when_a_value_holds() -> None:
    first = change(sites(f"name: a, {GAUGE % 'g'}, thresholds: {{alert: 2 m}}"))
    assert {revision.effective.year for revision in first.revisions} == {2020}
    known = apply_changes(NOTHING, first)
    later = sites("name: a, thresholds: {alert: 1.5 m}")
    assert [revision.effective for revision in change(later, registry=known).revisions] == [NOW]
    unstarted = change(later, registry=known, now=None)
    assert [revision.effective.year for revision in unstarted.revisions] == [2020]
    asked = datetime(2021, 1, 1, tzinfo=UTC)
    back = change(later, registry=known, effective=asked)
    assert [revision.effective for revision in back.revisions] == [asked]
    assert not change(later, registry=apply_changes(known, back), effective=asked)


def test_a_series_given_in_part_keeps_the_rest() -> None:
    text = sites("name: a, devices: [{name: g, commissioned: 2020-01-01, series: {level: %s}}]")
    known = apply_changes(NOTHING, change(text % "5 min"))
    (level,) = (revision for revision in known.revisions if revision.key == "g/level")
    assert level.value == {
        "interval_s": 300.0,
        "stale_s": 900.0,
        "reporting": "periodic",
    }
    (slower,) = change(text % "{stale: 1 h}", registry=known).revisions
    assert slower.value == {"interval_s": 300.0, "stale_s": 3600.0, "reporting": "periodic"}
    assert not change(text % "{}", registry=known)
    (gone,) = change(text % "null", registry=known).revisions
    assert gone.value is None


def test_an_unknown_source_names_the_examples() -> None:
    with pytest.raises(InventoryError, match="did you mean 'essonne'"):
        read_sources(["esonne"])


def test_the_examples_are_what_they_say() -> None:
    essonne = read_sources(["essonne"])
    rivers = {entry.given["river"] for entry in essonne.sites if "river" in entry.given}
    assert rivers == {
        *("Seine", "Essonne", "Orge", "Yvette", "Juine", "École", "Bièvre", "Yerres"),
        *("Réveillon", "Rémarde", "Prédecelle"),
    }
    assert all(fact.illustrative for fact in essonne.facts if fact.kind in ("threshold", "link"))
    seine = next(entry for entry in essonne.sites if entry.key == "seine-corbeil")
    assert (seine.given["lon"], seine.given["lat"]) == (2.4848, 48.6137)
    assert seine.given["illustrative"] is False
    for name in ("garonne", "poyo", "cance"):
        found = read_sources([name])
        assert "not from the Essonne" in found.title
        assert all("hors Essonne" in entry.given["title"] for entry in found.sites)
    assert len(read_sources(["garonne"]).devices) == 22
