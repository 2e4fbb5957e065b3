"""Gateways, groups, plans, zones, assets, works and zeros: read, stored as facts, and each slip."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hypervisor.base.instants import EPOCH
from hypervisor.registry.inventory_files import read_text
from hypervisor.registry.tree import InventoryError
from sensors._domain import CatalogueError, Domain, GroupKind, assemble
from sensors._plan import plan_from_json
from tests.unit.registry.field import FIELD, NOW, built, change, read, starts, told, values

SITES = "sites:\n  - {name: gif, domain: flood, devices: [%s]}\n"
GAUGE = "{name: g, commissioned: 2020-01-01, series: [level]}"


def test_a_second_time_there_is_nothing_to_change() -> None:
    assert not change(FIELD, registry=built(FIELD))


def test_things_as_they_stand() -> None:
    registry = built(FIELD)
    assert registry.gateways["lora"].protocol == "chirpstack"
    lamp = registry.devices["lamp-1"]
    assert (lamp.gateway, lamp.address) == ("lora", "70b3d57ed0000001")
    assert (lamp.lon, lamp.lat, lamp.properties) == (2.181, 48.701, {"pole": 12.0})
    assert registry.devices["lamp-2"].address == "lamp-2", "a concentrator calls it by its name"
    assert registry.groups["cab"].site == "cab"
    assert registry.zones["yvette"].geometry["coordinates"][0][0] == [2.1, 48.6]
    assert registry.assets["rd188"].geometry == {"type": "Point", "coordinates": [2.18, 48.7]}


def test_facts_as_rules_use_them() -> None:
    found = built(FIELD)
    assert values(found, "member") == {"cab/lamp-1": {}, "cab/lamp-2": {}}
    assert values(found, "supply") == {"cab": {"plan": "dark", "switched": True}}
    assert values(found, "reach") == {"rd188": {"gauge": "gif", "level": 1.9, "unit": "m"}}
    assert values(found, "datum") == {"gif": {"zero": 48.61, "unit": "m"}}
    assert values(found, "works") == {
        "cable": {
            "begins": "2024-11-04T07:00:00Z",
            "ends": "2024-11-05T00:00:00Z",
            "sites": [],
            "devices": [],
            "groups": ["cab"],
        }
    }
    rated = values(found, "threshold")["device/lamp-1/lamp_rated_power"]
    assert rated == {"value": 60.0, "unit": "W", "quantity": "lamp_power"}


def test_a_plan_is_what_it_says() -> None:
    (value,) = values(built(FIELD), "plan").values()
    assert value is not None
    plan = plan_from_json(value)
    assert value["title"] == "Residential streets"
    assert (plan.on_after.total_seconds(), plan.off_after.total_seconds()) == (600, -600)
    assert [spell.level for spell in plan.spells] == [0, 50]
    assert plan.spells[1].weekdays == {0, 1, 2, 3, 4}
    assert plan.no_relighting == {5, 6, 7, 8}


def test_first_values_hold_from_the_commissioning_of_what_they_speak_of() -> None:
    found = built(FIELD)
    assert starts(found, "member")["cab/lamp-2"].year == 2022
    assert starts(found, "supply")["cab"].year == 2021, "the first lamp's"
    assert starts(found, "reach")["rd188"].year == 2015, "the gauge's"
    assert starts(found, "datum")["gif"].year == 2015
    assert starts(found, "threshold")["device/lamp-1/lamp_rated_power"].year == 2021
    assert starts(found, "plan")["dark"] == starts(found, "works")["cable"] == EPOCH


def test_an_earlier_lamp_takes_the_supply_along() -> None:
    found = built(FIELD)
    (moved,) = [
        revision
        for revision in change(FIELD.replace("2021-01-01", "2019-01-01"), registry=found).revisions
        if revision.kind == "supply"
    ]
    assert moved.effective == datetime(2019, 1, 1, tzinfo=UTC)


def test_works_that_change_stand_for_all_times() -> None:
    found = built(FIELD)
    (again,) = change(FIELD.replace("2024-11-05", "2024-11-06"), registry=found).revisions
    assert again.effective == EPOCH
    (gone,) = change("works: [{name: cable, withdrawn: true}]", registry=found).revisions
    assert (gone.value, gone.effective) == (None, EPOCH)


def test_null_withdraws() -> None:
    found = built(FIELD)
    text = (
        "groups: [{name: cab, supply: null, members: [{lamp-1: null}]}]\n"
        "assets: [{name: rd188, reach: null}]\nsites: [{name: gif, datum: null}]\n"
    )
    gone = change(text, registry=found).revisions
    assert {
        (revision.kind, revision.key, revision.value, revision.effective) for revision in gone
    } == {
        ("supply", "cab", None, NOW),
        ("member", "cab/lamp-1", None, NOW),
        ("reach", "rd188", None, NOW),
        ("datum", "gif", None, NOW),
    }


def test_a_lamp_changes_its_cabinet() -> None:
    found = built(FIELD)
    new = "groups:\n  - {name: cab-2, kind: cabinet, site: cab, members: [lamp-1]}\n"
    (text,) = told(new, registry=found)
    assert "lamp-1 is fed by cabinet cab already: take it out there" in text
    leaves = "  - {name: cab, members: {lamp-1: null}}\n"
    members = values(built(new + leaves, registry=found), "member")
    assert (members["cab/lamp-1"], members["cab-2/lamp-1"]) == (None, {})


def test_lamps_of_a_cabinet_measure_the_same_and_two_gauges_do_not() -> None:
    lamps = (
        "{name: l1, model: lamp-node, commissioned: 2020-01-01},"
        " {name: l2, model: lamp-node, commissioned: 2020-01-01}"
    )
    site = f"sites: [{{name: cab, lon: 2.1, lat: 48.6, devices: [{lamps}]}}]\n"
    assert any("2 devices in service for light_level (l1, l2)" in one for one in told(site))
    assert change(site + "groups: [{name: cab, kind: cabinet, members: [l1, l2]}]\n")
    for kind in ("other", "heat_network"):
        assert told(site + f"groups: [{{name: cab, kind: {kind}, members: [l1, l2]}}]\n")
    assert change(site + "groups: [{name: cab, kind: car_park, members: [l1, l2]}]\n")


def test_a_domain_brings_kinds_of_groups() -> None:
    wells = GroupKind(name="well_field", label_en="Well field", label_fr="Champ captant")
    water = Domain(name="water", label_en="Water", label_fr="Eau", quantities=(), groups=(wells,))
    text = "groups: [{name: north, kind: well_field}]"
    (north,) = read_text(text, file="a.yaml", catalogue=assemble([water])).groups
    assert north.given["kind"] == "well_field"
    assert "kind: unknown kind 'well_field'" in told(text)[0]
    with pytest.raises(CatalogueError, match="'well_field' is in 'water' and again in 'more'"):
        assemble([water, replace(water, name="more")])


def test_each_device_has_its_own_battery() -> None:
    one = "{name: %s, commissioned: 2020-01-01, series: [%s, battery]}"
    devices = ", ".join((one % ("a", "level"), one % ("b", "discharge")))
    assert change(SITES % devices)


READING = [
    ("gateways: [{name: lora, protocol: lorawan}]", "unknown protocol 'lorawan'"),
    ("gateways: [{name: lora, protocol: chirpstak}]", "did you mean 'chirpstack'?"),
    ("gateways: [{name: player, protocol: native}]", "is an account of the hypervisor itself"),
    ("groups: [{name: g, kind: armoire}]", "unknown kind 'armoire'"),
    ("groups: [{name: g, kind: other, members: lamp}]", "expected a list of devices"),
    ("groups: [{name: g, kind: other, members: {lamp: yes}}]", "expected null, or {effective"),
    ("groups: [{name: g, kind: other, supply: {plan: p}}]", "needs 'switched', true where"),
    (
        "groups: [{name: g, kind: other, supply: {switched: no}}]",
        "needs 'plan', the name of a lighting plan",
    ),
    ("plans: [{name: p, on: sunrise}]", "'sunrise': expected sunset, or such as"),
    ("plans: [{name: p, off: sunrise + 5 h}]", "more than 3 h from sunrise"),
    ("plans: [{name: p, off: sunrise + 5}]", "5 has no unit; a duration is written like 5 min"),
    ("plans: [{name: p, spells: [{from: '05:00', to: '01:00', level: 0 %}]}]", "runs backwards"),
    ("plans: [{name: p, spells: [{from: '25:00', to: '01:00', level: 0 %}]}]", "a local time"),
    ("plans: [{name: p, spells: [{from: '01:00', to: '05:00'}]}]", "needs 'level', such as 0 %"),
    ("plans: [{name: p, spells: [{from: 01:00, to: 05:00, level: 0}]}]", "'0' has no unit"),
    ("plans: [{name: p, spells: [{from: 01:00, to: 05:00, level: 150 %}]}]", "within 0…100 %"),
    (
        "plans: [{name: p, spells: [{from: 01:00, to: 05:00, level: 0 %, weekdays: [lindi]}]}]",
        "unknown weekday 'lindi'; did you mean 'lundi'?",
    ),
    ("plans: [{name: p, no_relighting: [jully]}]", "unknown month 'jully'; did you mean 'july'?"),
    ("plans: [{name: p, no_relighting: [13]}]", "unknown month '13'"),
    ("zones: [{name: z, kind: floods}]", "unknown kind 'floods'; did you mean 'flood'?"),
    ("zones: [{name: z, geometry: {type: Point, coordinates: [2, 48]}}]", "cannot stand here"),
    (
        (
            "zones: [{name: z, geometry: {type: Polygon,"
            " coordinates: [[[2, 48], [3, 48], [3, 49], [2, 49]]]}}]"
        ),
        "a ring is not closed: it begins at [2.0, 48.0] and ends at [2.0, 49.0]",
    ),
    (
        "zones: [{name: z, geometry: {type: Polygon, coordinates: [[[2, 48], [3, 48], [2, 48]]]}}]",
        "a ring of 3 positions encloses nothing",
    ),
    (
        "assets: [{name: a, geometry: {type: LineString, coordinates: [[48.6, 2.1], [48, 2]]}}]",
        "[48.6, 2.1] looks exchanged, longitude comes first",
    ),
    (
        "assets: [{name: a, geometry: {type: Point, coordinates: [651000, 6861000]}}]",
        "metres of a map projection (Lambert 93?): save the layer in WGS 84",
    ),
    ("assets: [{name: a, geometry: {type: Point, coordinates: [2.1, x]}}]", "a position is ["),
    ("assets: [{name: a, geometry: {type: LineString, coordinates: [[2, 48]]}}]", "two positions"),
    ("assets: [{name: a, lon: 48.6, lat: 2.1}]", "look exchanged"),
    ("assets: [{name: a, lon: 2.1}]", "a point needs both lon and lat"),
    (
        "assets: [{name: a, lon: 2, lat: 48, geometry: {type: Point, coordinates: [2, 48]}}]",
        "is given beside lon and lat",
    ),
    ("assets: [{name: a, reach: {gauge: gif}}]", "needs 'level', such as 1.9 m"),
    ("assets: [{name: a, reach: {gauge: gif, level: 1.9 m3/s}}]", "expected a value in m"),
    ("works: [{name: w, begins: 2024-11-05, ends: 2024-11-04, sites: [a]}]", "ends before it"),
    ("works: [{name: w, begins: 2024-11-05, ends: 2024-11-06}]", "needs what it concerns"),
    ("works: [{name: w, sites: [a]}]", "needs 'begins', such as 2024-11-04T08:00+01:00"),
    ("sites: [{name: a, datum: {zer: 3 m}}]", "did you mean 'zero'?"),
    ("sites: [{name: a, datum: 3 m3/s}]", "expected a value in m"),
    ("sites: [{name: device}]", "'device' is a word of the rules"),
    ("sites: [{name: a, devices: [{name: x, group: null}]}]", "write what it leaves"),
    ("sites: [{name: a, devices: [{name: x, thresholds: {attention: 3}}]}]", "'3' has no unit"),
]


@pytest.mark.parametrize(("text", "said"), READING, ids=[text for text, _ in READING])
def test_a_slip(text: str, said: str) -> None:
    with pytest.raises(InventoryError) as caught:
        read(text)
    assert any(said in str(problem) for problem in caught.value.problems), caught.value


WHOLE = [
    ("groups: [{name: g, kind: other, site: gyf}]", "there is no site 'gyf'; did you mean 'gif'?"),
    ("groups: [{name: g, kind: other, members: [gg]}]", "there is no device 'gg'"),
    ("groups: [{name: g}]", "group g is new and needs 'kind'"),
    ("zones: [{name: z, kind: flood}]", "zone z is new and needs 'geometry'"),
    ("gateways: [{name: g, protocol: native}]", "'g' would be a device and a gateway"),
    (
        (
            "plans: [{name: dark}]\n"
            "groups: [{name: c, kind: cabinet, site: gif, supply: {plan: drak, switched: no}}]"
        ),
        "there is no lighting plan 'drak'; did you mean 'dark'?",
    ),
    (
        (
            "plans: [{name: dark}]\n"
            "groups: [{name: c, kind: cabinet, site: gif, supply: {plan: dark, switched: no}}]"
        ),
        "the plan follows the sun at group 'c'",
    ),
    (
        "assets: [{name: a, kind: road, reach: {gauge: gyf, level: 2 m}}]",
        "assets.a.reach.gauge: there is no site 'gyf'; did you mean 'gif'?",
    ),
    (
        "assets: [{name: a, kind: road, reach: {gauge: gif, level: 52 m}}]",
        "a height above the gauge's zero, not above the sea",
    ),
    ("assets: [{name: a, kind: road, commune: '91999'}]", "there is no commune '91999'"),
    ("assets: [{name: a, kind: road, site: gyf}]", "there is no site 'gyf'"),
    (
        "works: [{name: w, begins: 2024-11-05, ends: 2024-11-06, devices: [gg], groups: [x]}]",
        "works.w.devices: there is no device 'gg'; did you mean 'g'?",
    ),
]


@pytest.mark.parametrize(("text", "said"), WHOLE, ids=[text for text, _ in WHOLE])
def test_what_only_the_whole_shows(text: str, said: str) -> None:
    found = told(SITES % GAUGE + text)
    assert any(said in one for one in found), found


@pytest.mark.parametrize("zero", [-10, 5000])
def test_a_zero_lies_where_a_river_may(zero: int) -> None:
    device = "{name: r, commissioned: 2020-01-01, series: [%s]}"
    gauge = f"sites: [{{name: s, datum: %s m, devices: [{device}]}}]"
    assert change(gauge % (zero, "level"))
    (text,) = told(gauge % (f"{zero}.1", "level"))
    assert "a zero lies -10…5000 m above the sea" in text
    (text,) = told(gauge % (zero, "rain"))
    assert "nothing at 's' measures a level, so there is no zero" in text


def test_only_a_site_where_a_level_is_measured_reaches_an_asset() -> None:
    site = "sites: [{name: top, devices: [{name: r, commissioned: 2020-01-01, series: [rain]}]}]\n"
    (text,) = told(site + "assets: [{name: a, kind: road, reach: {gauge: top, level: 2 m}}]")
    assert "nothing at 'top' measures a level" in text


ADDRESSES = [
    ("gateway: lora, address: 70b3d57ed000001", "is no DevEUI: 16 hexadecimal digits"),
    ("gateway: lora", "connects through lora and needs an address, its DevEUI"),
    ("gateway: pack", "needs an address, what its gateway calls it"),
    ("address: 70b3d57ed0000001", "has an address, but no gateway"),
    (
        "gateway: lrao, address: 70b3d57ed0000001",
        "no gateway 'lrao'; did you mean 'lora'?",
    ),
    ("gateway: lora, address: 70B3D57ED0000009", "would know h and g by one address"),
]


@pytest.mark.parametrize(("fields", "said"), ADDRESSES, ids=[fields for fields, _ in ADDRESSES])
def test_addresses(fields: str, said: str) -> None:
    gateways = "gateways: [{name: lora, protocol: chirpstack}, {name: pack, protocol: senml}]\n"
    other = "{name: h, commissioned: 2020-01-01, series: [discharge], gateway: lora, address: %s}"
    devices = ", ".join((other % "70b3d57ed0000009", f"{GAUGE[:-1]}, {fields}}}"))
    found = told(gateways + SITES % devices)
    assert [one for one in found if said in one.replace("g and h", "h and g")], found


def test_an_address_goes_with_its_gateway() -> None:
    found = built(FIELD)
    leaves = "sites: [{name: cab, devices: [{name: lamp-1, gateway: null}]}]"
    device = built(leaves, registry=found).devices["lamp-1"]
    assert (device.gateway, device.address) == (None, None)


def test_a_plan_in_use_is_not_withdrawn() -> None:
    (text,) = told("plans: [{name: dark, withdrawn: true}]", registry=built(FIELD))
    assert "plan 'dark' still lights cab: give them another first" in text
