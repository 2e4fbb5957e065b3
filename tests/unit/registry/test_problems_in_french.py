"""Problems of inventory files in French: whatever a file gets wrong, no English is left."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hypervisor.base.reader import Reader, reading
from hypervisor.registry.inventory_files import read_text
from hypervisor.registry.tree import InventoryError
from hypervisor.web.refusals import refusal
from tests.unit.registry.field import CATALOGUE, FIELD, built, change, told

FRENCH = Reader(
    language="fr", zone=ZoneInfo("Europe/Paris"), now=datetime(2026, 1, 1, tzinfo=UTC), theme="auto"
)
ENGLISH = (
    " the ",
    " is ",
    "expected",
    "needs",
    "give ",
    " has ",
    " and ",
    " here",
    "twice",
    "not ",
)
FILES = (
    ("x.yaml", "sites: [{name: a, lon: north, lat: 48}, {name: a}]"),
    ("x.yaml", "sites: [{name: a b, comune: 1}, {domain: flod}, {name: device}, x]"),
    ("x.yaml", "sites: [{name: a, title: , devices: [{name: b, model: x, retired: soon}]}]"),
    ("x.yaml", "sites: [{name: a, thresholds: {atention: 1 m, alert: 1 kg, rise: -1 m/h, x: {}}}]"),
    (
        "x.yaml",
        "sites: [{name: a, devices: [{name: b, series: {level: {interval: 0 s, low: 99 m}}}]}]",
    ),
    (
        "x.yaml",
        "groups: [{name: a, kind: x, members: 1, supply: {plan: p}}]",
    ),
    ("x.yaml", "assets: [{name: a, kind: road, lon: 2, lat: 48, geometry: {}, reach: {}}]"),
    ("x.yaml", "plans: [{name: p, on: noon, spells: [{from: 9h, to: 25:00, level: 200 %}]}]"),
    ("x.yaml", "works: [{name: w}, {name: v, begins: 2024-02-01, ends: 2024-01-01, sites: [a]}]"),
    ("x.yaml", "links: [{from: a, to: a}]\nillustrative: [all]"),
    ("x.yaml", "areas: [{code: 1, kind: commune}]"),
    ("x.yaml", "- a"),
    ("x.csv", "name;x\n"),
    ("x.csv", "site;title;x;title\n"),
    ("x.csv", "site;title\na\n"),
    ("x.csv", "site;title;device;model\na;A;b;radar-gauge\na;B;c;radar-gauge\n"),
    ("x.geojson", "{"),
    ("x.geojson", "{}"),
    ("x.geojson", '{"features": [{}, {"properties": {}}, {"properties": {"inventory": "site"}}]}'),
)
SECOND = (
    "sites: [{name: cab, commune: '91999'}, {name: new}]",
    "sites: [{name: gif, devices: [{name: cab-box, model: radar-gauge}]}]",
    "sites: [{name: gif, thresholds: {attention: 3 m}}]",
    "sites: [{name: gif, devices: [{name: other, model: radar-gauge, commissioned: 2020-01-01}]}]",
    "links: [{from: gif, to: nowhere, travel: 1 h}]",
    "groups: [{name: cab, members: [nobody], supply: {plan: none, switched: true}}]",
    "assets: [{name: new}, {name: rd188, reach: {gauge: nobody, level: 1 m}}]",
)


def translate(error: InventoryError) -> list[str]:
    with reading(FRENCH):
        return [refusal(problem.text) for problem in error.problems]


@pytest.mark.parametrize(("file", "text"), FILES)
def test_a_file_that_cannot_be_read(file: str, text: str) -> None:
    with pytest.raises(InventoryError) as caught:
        read_text(text, file=file, catalogue=CATALOGUE)
    for french in translate(caught.value):
        assert not any(word in f" {french} " for word in ENGLISH), french


@pytest.mark.parametrize("text", SECOND)
def test_a_file_that_does_not_fit_the_registry(text: str) -> None:
    world = built(FIELD)
    assert told(text, registry=world)
    with pytest.raises(InventoryError) as caught:
        change(text, registry=world)
    for french in translate(caught.value):
        assert not any(word in f" {french} " for word in ENGLISH), french
