"""Files that technicians write: each slip is told with its line, its field and the right word."""

from pathlib import Path

import pytest

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


def test_all_problems_are_told_in_the_order_of_the_file() -> None:
    text = site("tilte: a\ncommune: 9\nthresholds: {alert: 3 s}") + "lniks: []\n"
    lines = [int(one.split(":")[1]) for one in told(text)]
    assert lines == [3, 4, 5, 6]


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
