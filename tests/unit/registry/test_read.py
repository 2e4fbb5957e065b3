"""Files that technicians write: each slip is told with its line, its field and the right word."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hypervisor.registry.communes import SeedError, format_communes
from hypervisor.registry.geometry import GeometryError, parse_geometry
from hypervisor.registry.inventory import Inventory
from hypervisor.registry.inventory_files import read_sources, read_text
from hypervisor.registry.tree import InventoryError
from sensors._domain import catalogue

CATALOGUE = catalogue()


def read(text: str, file: str = "town.yaml") -> Inventory:
    return read_text(text, file=file, catalogue=CATALOGUE)


def told(text: str, file: str = "town.yaml") -> list[str]:
    with pytest.raises(InventoryError) as caught:
        read(text, file)
    return [str(problem) for problem in caught.value.problems]


def site(lines: str) -> str:
    return "sites:\n  - name: bridge\n" + "".join(
        f"    {line}\n" for line in lines.strip().splitlines()
    )


SLIPS = [
    ("title: [a]", "town.yaml:3:12: sites.bridge.title: expected one value"),
    ("tilte: a", "there is no field 'tilte' here; did you mean 'title'?"),
    ("title:", "is empty: give a value, write null to withdraw it, or leave the line out"),
    ("domain: floods", "unknown domain 'floods'; did you mean 'flood'?"),
    ("commune: 1228", "no INSEE code: five characters such as 91228 (a spreadsheet ate"),
    ("lon: 2.1", "a point needs both lon and lat; lat is missing"),
    ("{lon: 48.6, lat: 2.4}", "look exchanged"),
    ("{lon: 200, lat: 48}", "a longitude in degrees (WGS 84) lies within ±180"),
    ("thresholds: {attention: 3 min}", "'3 min': expected a value in m; 'min' (duration)"),
    ("thresholds: {attention: 3}", "'3' has no unit: write 3 m"),
    ("thresholds: {attention: 300 m}", "300 m lies outside what level can be, -5…15 m"),
    ("thresholds: {attention: }", "is empty"),
    ("thresholds: {atention: 3 m}", "did you mean 'attention'?"),
    ("thresholds: {rise: 3 m}", "'3 m': expected a value in m/h"),
    ("thresholds: {bank: {value: 3 m, quantity: levle}}", "did you mean 'level'?"),
    ("devices: {name: x}", "expected a list: each item begins with '- '"),
    ("devices: [{name: a/b}]", "'a/b' cannot be a name"),
    ("devices: [{name: player}]", "'player' is an account of the hypervisor itself"),
    ("devices: [{name: x, model: radar}]", "did you mean 'radar-gauge'?"),
    ("devices: [{name: x, commissioned: 3 May}]", "expected a date such as 2024-10-29"),
    (
        "devices: [{name: x, commissioned: 2024-05-01T00:00}]",
        "has no UTC offset: write 2024",
    ),
    ("devices: [{name: x, commissioned: 9999-12-31}]", "expected a year between 1800 and 2200"),
    ("properties: &a {b: *a}", "this is not YAML: an alias; write it out"),
    (
        "devices: [{name: x, commissioned: 2024-05-01, retired: 2023-05-01}]",
        "is retired before it was commissioned",
    ),
    ("devices: [{name: x, series: [levle]}]", "unknown quantity 'levle'; did you mean 'level'?"),
    (
        "devices: [{name: x, series: {level: 15}}]",
        "15 has no unit; a duration is written",
    ),
    ("devices: [{name: x, series: {level: 15 m}}]", "expected a duration such as 10 min"),
    ("devices: [{name: x, series: {level: {high: 20 m}}}]", "a site may only narrow it"),
    ("devices: [{name: x, series: {level: {interval: 1 h, high: 20 m}}}]", "may only narrow it"),
    ("devices: [{name: x, series: {rain: {high: 100 mm}}}]", "0…30 mm: a site may only narrow it"),
    (
        "devices: [{name: x, series: {rain: {interval: 1 h, high: 301 mm}}}]",
        "0…300 mm: a site may only narrow it",
    ),
    ("devices: [{name: x, series: {level: {low: 3 m, high: 2 m}}}]", "low 3 is not below high 2"),
    ("devices: [{name: x, series: {level: {reporting: on}}}]", "did you mean 'on_change'?"),
    ("devices: [{name: x, series: {level: {interval: 1 h, stale: 5 min}}}]", "always stale"),
]


@pytest.mark.parametrize(("line", "said"), SLIPS, ids=[line for line, _ in SLIPS])
def test_a_slip(line: str, said: str) -> None:
    text = f"sites:\n  - name: bridge\n    {line}\n"
    if line.startswith("{"):
        text = f"sites:\n  - {{name: bridge, {line[1:]}\n"
    assert any(said in one for one in told(text)), told(text)


def test_an_hour_has_more_rain_than_six_minutes() -> None:
    inventory = read(site("devices: [{name: x, series: {rain: {interval: 1 h, high: 200 mm}}}]"))
    assert "'high': 200" in str(inventory)


SHAPES = [
    ("sites: [x]", "9: sites.1: expected fields such as 'name: …'"),
    (
        "sites: [{name: a, thresholds: [3 m]}]",
        "31: sites.a.thresholds: expected names, each with its value",
    ),
    (
        "sites: [{name: a, thresholds: {attention: [3 m]}}]",
        "43: sites.a.thresholds.attention: expected a value such as 3.10 m",
    ),
    (
        "sites: [{name: a, thresholds: {rise: 0 m/h}}]",
        "38: sites.a.thresholds.rise: 0 m/h: a rise is above zero",
    ),
    (
        "sites: [{name: a, thresholds: {attention: {value: 3 m, quantity: discharge}}}]",
        (
            "66: sites.a.thresholds.attention.quantity: threshold 'attention' is one of level,"
            " not discharge"
        ),
    ),
    (
        "sites: [{name: a, devices: [{name: x, series: {level: {interval: 0 s}}}]}]",
        "66: sites.a.devices.x.series.level.interval: an interval of 0 is no interval",
    ),
    (
        "sites: [{name: a, devices: [{name: x, series: level}]}]",
        "47: sites.a.devices.x.series: expected names, each with its value",
    ),
    ("sites: [{name: null}]", "16: sites.null.name: needs a value, not null"),
    (
        "sites: [{name: a, datum: [3 m]}]",
        "26: sites.a.datum: expected fields: illustrative, effective, reason, zero",
    ),
    (
        "areas: [{code: '91', kind: commune}]",
        (
            "16: areas.91.code: '91': the code of a commune is an INSEE code of five characters"
            " such as 91228"
        ),
    ),
    (
        "areas: [{code: '91021', kind: departement}]",
        (
            "16: areas.91021.code: '91021': the code of a departement is two or three digits, or"
            " 2A, 2B"
        ),
    ),
    (
        "groups: [{name: a, kind: cabinet, members: {x: 1}}]",
        "48: groups.a.members.x: expected null, or {effective: 2024-10-01}",
    ),
    (
        "plans: [{name: p, spells: [{from: '23:00', to: '05:00', level: 50 %, weekdays: {a: b}}]}]",
        "80: plans.p.spells.1.weekdays: expected a list of words",
    ),
    (
        "works: [{name: w, begins: 2024-01-01, ends: 2024-02-01, sites: gif}]",
        "64: works.w.sites: expected a list of names: [gif, orsay]",
    ),
    (
        "illustrative: [all]",
        (
            "15: illustrative: 'all': expected some of coordinates, thresholds, travel, plans,"
            " reach, datum"
        ),
    ),
    (
        "illustrative: all",
        (
            "15: illustrative: 'all': expected some of coordinates, thresholds, travel, plans,"
            " reach, datum"
        ),
    ),
    ("illustrative: true", "15: illustrative: 'true': expected some of coordinates"),
]


@pytest.mark.parametrize(("text", "said"), SHAPES, ids=[text for text, _ in SHAPES])
def test_a_value_of_another_shape(text: str, said: str) -> None:
    assert [one for one in told(text) if one.startswith(f"town.yaml:1:{said}")] == told(text)


@pytest.mark.parametrize(
    ("geometry", "said"),
    [
        ("3", "expected a GeoJSON geometry: {type: Polygon, coordinates: [...]}"),
        (
            "{type: Polygone, coordinates: []}",
            "type 'Polygone' cannot stand here; did you mean 'Polygon'?",
        ),
        ("{type: Polygon, coordinates: [], crs: x}", "a geometry has no field 'crs'"),
        ("{type: Polygon, coordinates: []}", "[]: the coordinates of a Polygon are lists"),
        (
            "{type: Polygon, coordinates: [[[2.1, 48.6], [2.2, 48.6], [2.1, 48.6]]]}",
            "a ring of 3 positions encloses nothing",
        ),
        (
            "{type: Polygon, coordinates: [[[2, 48], [3, 48], [3, 49], [2, 49]]]}",
            "a ring is not closed: it begins at [2.0, 48.0] and ends at [2.0, 49.0]",
        ),
        (
            "{type: Polygon, coordinates: [[[2.1], [3, 48], [3, 49], [2, 49]]]}",
            "[2.1]: a position is [longitude, latitude]",
        ),
        (
            "{type: Polygon, coordinates: [[[190, 20], [3, 48], [3, 49], [2, 49]]]}",
            "[190, 20] is no longitude within ±180 and latitude within ±90 (WGS 84)",
        ),
    ],
)
def test_a_shape_on_the_map_that_is_none(geometry: str, said: str) -> None:
    text = f"zones: [{{name: z, kind: flood, geometry: {geometry}}}]"
    assert told(text) == [f"town.yaml:1:42: zones.z.geometry: {said}"]


def test_a_group_s_members_come_and_go_on_their_days() -> None:
    text = "groups: [{name: a, members: {x: {effective: 2024-10-01}, y: null, z: }}]"
    facts = {fact.key: fact for fact in read(text.replace("z: }", "z: ''}")).facts}
    assert [(key, fact.value) for key, fact in facts.items()] == [
        ("a/x", {}),
        ("a/y", None),
        ("a/z", {}),
    ]
    assert facts["a/x"].effective == datetime(2024, 10, 1, tzinfo=UTC)


def test_all_problems_are_told_in_the_order_of_the_file() -> None:
    text = site("tilte: a\ncommune: 9\nthresholds: {alert: 3 s}") + "lniks: []\n"
    lines = [int(one.split(":")[1]) for one in told(text)]
    assert lines == [3, 4, 5, 6]


def test_what_has_no_name_is_counted_from_one() -> None:
    unnamed = "sites:\n  - name: bridge\n  - tilte: a\n  - tilte: b\n"
    places = [one.split(": ")[1] for one in told(unnamed) if "tilte" in one]
    assert places == ["sites.2.tilte", "sites.3.tilte"]


def test_a_code_stays_text() -> None:
    text = "areas:\n  - {code: 01004, kind: commune, name: Ambérieu, population: 14000}\n"
    assert read(text).areas[0].key == "01004"


def test_numbers_of_people_are_whole_and_believable() -> None:
    areas = "areas: [{code: '91272', kind: commune, name: Gif, population: %s}]"
    assert "expected a whole number between 0 and" in told(areas % "99999999999")[0]
    assert "expected a whole number" in told(areas % "1.5")[0]


def test_yaml_that_is_none() -> None:
    assert "this is not YAML" in told("sites: [")[0]
    assert "(a tab? YAML indents with spaces)" in told("sites:\n\t- a")[0]
    assert "town.yaml:2:21: 'a' appears twice" in told("sites:\n  - {name: a, a: 1, a: 2}")[0]
    assert "expected fields such as 'sites:'" in told("- a")[0]
    assert read("") == Inventory()


def test_what_is_given_and_no_more() -> None:
    (entry,) = read(site("title: The bridge\nriver: null")).sites
    assert entry.given == {"title": "The bridge", "river": None}


def test_values_are_kept_in_the_catalogue_s_units() -> None:
    inventory = read(
        site(
            "thresholds: {attention: 310 cm, rise: 12 cm/h, flow_alert: '1,5 m³/s'}\n"
            "devices: [{name: x, series: {level: 5 min}}]"
        )
    )
    values = {fact.key: fact.value for fact in inventory.facts}
    assert values == {
        "bridge/attention": {"value": 3.1, "unit": "m", "quantity": "level"},
        "bridge/rise": {"value": 0.12, "unit": "m/h", "quantity": "level"},
        "bridge/flow_alert": {"value": 1.5, "unit": "m3/s", "quantity": "discharge"},
        "x/level": {"interval_s": 300.0},
    }


def test_a_model_says_what_its_devices_measure() -> None:
    inventory = read(site("devices: [{name: x, model: radar-gauge}]"))
    assert [entry.key for entry in inventory.series] == ["x/level", "x/battery", "x/clock_fault"]


def test_links() -> None:
    text = "links:\n  - {from: a, to: b, travel: 90 min}\n  - {from: a, to: c, travel: null}\n"
    assert [(fact.key, fact.value) for fact in read(text).facts] == [
        ("a>b", {"travel_s": 5400.0}),
        ("a>c", None),
    ]
    assert "cannot lie upstream of itself" in told("links: [{from: a, to: a, travel: 1 h}]")[0]
    assert "needs 'travel', a time such as 3 h" in told("links: [{from: a, to: b}]")[0]


def test_a_sheet_of_sites_reads_as_the_same_inventory() -> None:
    sheet = (
        "site;title;river;device;commissioned;series;interval;alert;downstream;travel\n"
        "mill;The mill;Orge;m1;2020-01-01;level battery;15 min;2,5 m;bridge;3 h\n"
        "mill;;;m2;2020-01-01;discharge;1 h;;;\n"
        "bridge;;Orge;b1;2020-01-01;level;15 min;null;;\n"
    )
    inventory = read(sheet, "sites.csv")
    assert [entry.key for entry in inventory.sites] == ["mill", "bridge"]
    assert [entry.key for entry in inventory.series] == [
        "m1/level",
        "m1/battery",
        "m1/clock_fault",
        "m2/discharge",
        "m2/clock_fault",
        "b1/level",
        "b1/clock_fault",
    ]
    facts = {fact.key: fact.value for fact in inventory.facts}
    assert facts["mill/alert"] == {"value": 2.5, "unit": "m", "quantity": "level"}
    assert facts["bridge/alert"] is None
    assert facts["mill>bridge"] == {"travel_s": 10_800.0}


def test_slips_in_a_sheet() -> None:
    assert told("site;titel\na;b\n", "s.csv") == [
        "s.csv:1: there is no column 'titel'; did you mean 'title'?"
    ]
    assert "is not the header of a sheet of inventories" in told("a;b\n1;2\n", "s.csv")[0]
    assert told("site;title\na;b;c\n", "s.csv") == ["s.csv:2: 3 cells, the header has 2"]
    assert told("site;title\na;b\na;c\n", "s.csv") == ["s.csv:3: title: 'c', but line 2 has 'b'"]
    assert "s.csv:2: alert: '3 h': expected a value in m" in told("site;alert\na;3 h\n", "s.csv")[0]


def test_sheets_that_repeat_a_column_or_leave_a_name_out() -> None:
    assert told("site;title;title\na;b;c\n", "s.csv") == ["s.csv:1: column 'title' appears twice"]
    assert told("site;title\n;b\na;c\n", "s.csv") == ["s.csv:2: site: is empty"]
    assert told("insee;commune\n91021;\n;Gif\n", "s.csv") == [
        "s.csv:2: commune: is empty",
        "s.csv:3: insee: is empty",
    ]
    assert told("insee;commune;epci_siren\n91021;Arpajon;200057859\n", "s.csv") == [
        "s.csv:2: epci: is empty"
    ]


def test_a_sheet_of_communes_makes_the_areas_above_them() -> None:
    sheet = (
        "insee,commune,epci_siren,epci,population,lon,lat\n"
        "77001,Achères-la-Forêt,247700032,CC du Pays de Nemours,1200,,\n"
        "2A004,Ajaccio,,,71000,8.73,41.92\n"
    )
    areas = {entry.key: entry.given for entry in read(sheet, "any.csv").areas}
    assert areas["77"] == {"kind": "departement", "name": "Seine-et-Marne"}
    assert areas["247700032"]["parent"] == "77"
    assert areas["77001"]["parent"] == "247700032"
    assert areas["2A004"]["parent"] == "2A"


def test_a_folder_without_files_hides_no_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("cance", "town"):
        Path(name).mkdir()
        Path(name, "notes.txt").write_text("ours")
    assert "sarras" in {entry.key for entry in read_sources(["cance"]).sites}
    with pytest.raises(InventoryError, match=r"holds no inventory file \(\.yaml"):
        read_sources(["town"])
    Path("cance", "own.yaml").write_text("sites: [{name: own, domain: flood}]\n")
    assert [entry.key for entry in read_sources(["cance"]).sites] == ["own"]


def test_every_file_of_a_folder_tells_its_problems(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("sites: [{name: a, tilte: b}]\n")
    (tmp_path / "b.yaml").write_bytes(b"sites:\n  - name: \xe9glise\n")
    (tmp_path / "c.yaml").write_text("sites: [{name: c}]\n")
    (tmp_path / "notes.txt").write_text("ours")
    with pytest.raises(InventoryError) as caught:
        read_sources([str(tmp_path), str(tmp_path / "d.yaml")])
    told = [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]
    assert told[:2] == [
        "a.yaml:1:26: sites.a.tilte: there is no field 'tilte' here; did you mean 'title'?",
        "b.yaml:2: is not UTF-8: save it again with that encoding",
    ]
    assert told[2].startswith("d.yaml: no such inventory file, and no example of that name")
    assert len(told) == 3


def test_the_communes_of_a_departement_come_from_the_official_geography(tmp_path: Path) -> None:
    communes = [
        {"code": "91272", "nom": "Gif", "departement": "91", "type": "commune-actuelle"},
        {
            "code": "91021",
            "nom": "Arpajon",
            "departement": "91",
            "type": "commune-actuelle",
            "population": 10980,
        },
        {"code": "91999", "nom": "Old", "departement": "91", "type": "commune-deleguee"},
        {"code": "77001", "nom": "Achères", "departement": "77", "type": "commune-actuelle"},
    ]
    epci = [{"code": "200057859", "nom": "Cœur d'Essonne", "membres": [{"code": "91021"}]}]
    with pytest.raises(SeedError, match=r"^'9l' is no département; expected one of 01, 02"):
        format_communes("9l", tmp_path)
    with pytest.raises(SeedError) as absent:
        format_communes("91", tmp_path)
    assert str(absent.value) == (
        f"{tmp_path}/epci.json cannot be read (No such file or directory): expected the data folder"
        " of the npm package @etalab/decoupage-administratif"
    )
    (tmp_path / "epci.json").write_text("[")
    with pytest.raises(SeedError, match=r"epci\.json is not JSON: Expecting value"):
        format_communes("91", tmp_path)
    (tmp_path / "epci.json").write_text(json.dumps(epci))
    (tmp_path / "communes.json").write_text(json.dumps(communes))
    sheet = format_communes("91", tmp_path)
    assert sheet.splitlines() == [
        "insee;commune;epci_siren;epci;population;lon;lat",
        "91021;Arpajon;200057859;Cœur d'Essonne;10980;;",
        "91272;Gif;;;;;",
    ]
    assert [entry.key for entry in read(sheet, "91.csv").areas] == [
        "91",
        "200057859",
        "91021",
        "91272",
    ]


def test_a_file_of_nothing_but_slips_is_left_after_a_thousand() -> None:
    """A hundred thousand unknown fields kept the web for minutes."""
    text = "sites: []\n" + "".join(f"field-{number}: 1\n" for number in range(5_000))
    assert len(told(text)) == 1_000


@pytest.mark.parametrize("deep", ["[" * 5_000, '{"type":"Feature","geometry":' * 2_000])
def test_a_map_that_is_nested_without_end_is_refused(deep: str) -> None:
    text = f'{{"type":"FeatureCollection","features":[{deep}'
    assert told(text, "zones.geojson") == [
        "zones.geojson:1: nested too deep to be read by a person"
    ]


@pytest.mark.parametrize("number", [10**400, -(10**400), "1e400"])
def test_a_position_of_four_hundred_digits_is_refused(number: object) -> None:
    text = f'{{"type": "Point", "coordinates": [{number}, 48.6]}}'
    with pytest.raises(GeometryError, match="a position is"):
        parse_geometry(text, ("Point",))
