"""The field's registry in the real database: round trips, exchanged addresses, all or nothing."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.database import audit, instance
from hypervisor.database.connect import Connection, connect
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.apply import apply_inventory, apply_steps
from hypervisor.registry.changes import Changes, apply_changes
from hypervisor.registry.export_geojson import export_features, format_features
from hypervisor.registry.revisions import Stamp
from hypervisor.registry.tree import InventoryError
from hypervisor.registry.works import WorksError
from tests import command_line
from tests.unit.registry.field import FIELD, NOTHING, change, read

pytestmark = pytest.mark.integration

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Run = Callable[..., str]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(database_url, autocommit=True) as opened:
        yield opened


def put(connection: Connection, written: str, *, file: str = "town.yaml") -> Changes:
    return apply_inventory(connection, read(written, file), author="ann", now=NOW, reason="why")


def test_what_is_loaded_is_what_was_applied(connection: Connection) -> None:
    put(connection, FIELD)
    found, wanted = registry_queries.load(connection), apply_changes(NOTHING, change(FIELD))
    for kind in ("gateways", "devices", "groups", "zones", "assets"):
        assert dict(getattr(found, kind)) == dict(getattr(wanted, kind))
    assert {
        (revision.kind, revision.key): (revision.value, revision.effective)
        for revision in found.revisions
    } == {
        (revision.kind, revision.key): (revision.value, revision.effective)
        for revision in wanted.revisions
    }
    assert not put(connection, FIELD)
    assert put(connection, "groups: [{name: heat, kind: heat_network}]")  # a domain's own kind


@pytest.mark.parametrize("what", ["sites", "zones", "assets"])
def test_an_export_changes_nothing(connection: Connection, what: str) -> None:
    put(connection, FIELD)
    exported = format_features(export_features(registry_queries.load(connection), what))
    assert not put(connection, exported, file=f"{what}.geojson")


def test_two_devices_exchange_their_addresses(connection: Connection) -> None:
    lamps = """
gateways: [{name: lora, protocol: the-things-stack}]
sites:
  - name: cab
    domain: lighting
    devices:
      - {name: a, commissioned: 2020-01-01, series: [lamp_power], gateway: lora, address: %s}
      - {name: b, commissioned: 2020-01-01, series: [light_level], gateway: lora, address: %s}
"""
    one, two = "70b3d57ed0000001", "70b3d57ed0000002"
    put(connection, lamps % (one, two))
    put(connection, lamps % (two, one))
    devices = registry_queries.load(connection).devices
    assert (devices["a"].address, devices["b"].address) == (two, one)


def test_steps_are_taken_all_or_none(connection: Connection) -> None:
    put(connection, FIELD)
    before = registry_queries.load(connection)
    zero = read("sites: [{name: gif, datum: 48.7 m}]")
    wrong = read("works: [{name: w, begins: 2025-01-01, ends: 2025-01-02, sites: [nowhere]}]")
    stamp = Stamp(author="ann", reason="why", now=NOW)
    with pytest.raises(InventoryError, match="there is no site 'nowhere'"):
        apply_steps(connection, lambda _: [zero, wrong], stamp=stamp)
    assert registry_queries.load(connection) == before


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command against this test's database; what it printed comes back."""
    with connect(database_url) as opened:
        instance.create(opened, Instance(mode=Mode.LIVE, name="test"))
    monkeypatch.setenv("HYPERVISOR_DATABASE_URL", database_url)
    monkeypatch.setenv("HYPERVISOR_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Path("field.yaml").write_text(FIELD, encoding="utf-8")

    def command(*words: str) -> str:
        result = command_line.run(*words)
        assert result.exit_code == 0, result.output
        return result.output

    return command


def test_works_are_added_listed_and_ended(run: Run) -> None:
    run("inventory", "apply", "field.yaml")
    run(
        "works",
        "add",
        "paving",
        "--begins",
        "2025-01-01",
        "--ends",
        "2190-01-01",
        "--group",
        "cab",
        "--reason",
        "new road",
    )
    (row,) = map(json.loads, run("works", "list", "--json").splitlines())
    assert (row["name"], row["state"], row["reason"]) == ("paving", "under way", "new road")
    assert row["subjects"] == {"sites": [], "devices": [], "groups": ["cab"]}
    run("works", "end", "paving", "--author", "bob")
    assert run("works", "list") == "no works are planned\n"
    rows = {row["name"]: row for row in _rows(run("works", "list", "--all", "--json"))}
    assert {name: row["state"] for name, row in rows.items()} == {"cable": "over", "paving": "over"}
    assert rows["paving"]["author"] == "bob"


def test_works_that_have_not_begun_are_called_off(run: Run) -> None:
    run("inventory", "apply", "field.yaml")
    when = ("--begins", "2189-01-01", "--ends", "2190-01-01")
    run("works", "add", "paving", *when, "--site", "gif", "--reason", "new road")
    assert '"planned"' in run("works", "list", "--json")
    run("works", "end", "paving")
    assert "paving" not in run("works", "list", "--all", "--json")


def test_a_gauge_is_replaced_and_its_zero_moved_by_commands(run: Run, database_url: str) -> None:
    run("inventory", "apply", "field.yaml")
    replace = ("gauge", "replace", "gauge", "radar", "--at", "2025-03-01", "--reason", "struck")
    assert "nothing was" in run(*replace, "--dry-run")
    assert "hypervisor device add radar" in run(*replace)
    shift = ("gif", "--by", "-12 cm", "--at", "2025-04-01", "--reason", "new weir")
    assert "deprecated" in run("gauge", "shift", *shift, "--dry-run")
    run("gauge", "set-datum", *shift)
    with connect(database_url) as opened:
        found, acts = registry_queries.load(opened), audit.list_acts(opened)
    assert found.devices["gauge"].retired == found.devices["radar"].commissioned
    (moved,) = [
        revision
        for revision in found.revisions
        if revision.kind == "datum" and revision.reason == "new weir"
    ]
    assert moved.value == {"zero": 48.49, "unit": "m"}
    assert found.series["radar", "level"].high == 4.12
    told = {(act.kind, act.subject, act.reason) for act in acts}
    assert told >= {("gauge-replace", "gauge", "struck"), ("gauge-shift", "gif", "new weir")}


def test_everything_is_shown(run: Run) -> None:
    run("inventory", "apply", "field.yaml")
    shown = " ".join(run("inventory", "show").split())
    for words in ("chirpstack 1 device", "dark, switched", "Polygon of 4 positions"):
        assert words in shown
    kinds = {row["kind"] for row in _rows(run("inventory", "show", "--json"))}
    assert kinds >= {"gateway", "group", "zone", "asset", "revision"}
    run("inventory", "export", "zones", "--output", "zones.geojson")
    assert "nothing to change" in run("inventory", "apply", "zones.geojson")


def test_what_is_printed_is_read_again(run: Run) -> None:
    changes = _rows(run("inventory", "apply", "field.yaml", "--json"))
    assert {row["kind"] for row in changes} >= {"site", "device", "threshold"}
    when = ("--begins", "2189-01-01", "--ends", "2190-01-01", "--reason", "new road")
    run("works", "add", "paving", *when, "--site", "gif", "--device", "gauge")
    shown = " ".join(run("inventory", "show").split())
    assert "paving planned" in shown
    assert "gif, gauge new road" in shown
    Path("all.yaml").write_text(run("inventory", "export"), encoding="utf-8")
    assert "nothing to change" in run("inventory", "apply", "all.yaml")
    assert "essonne" in run("inventory", "examples")
    titles = {row["name"]: row["title"] for row in _rows(run("inventory", "examples", "--json"))}
    assert titles["cance"].startswith("The Cance")


def test_communes_are_written_or_printed(run: Run, tmp_path: Path) -> None:
    communes = [
        {"code": code, "nom": code, "departement": "77", "type": "commune-actuelle"}
        for code in ("77001", "77002")
    ]
    (tmp_path / "communes.json").write_text(json.dumps(communes), encoding="utf-8")
    (tmp_path / "epci.json").write_text("[]", encoding="utf-8")
    printed = run("inventory", "seed", "77", "--from", str(tmp_path))
    assert printed.count("\n") == 3
    written = run("inventory", "seed", "77", "--from", str(tmp_path), "--output", "77.csv")
    assert written == "77.csv: 2 communes\n"
    assert Path("77.csv").read_text(encoding="utf-8") == printed


def test_works_that_concern_nothing_are_refused(run: Run) -> None:
    run("inventory", "apply", "field.yaml")
    with pytest.raises(WorksError, match="works concern something"):
        run("works", "add", "paving", "--ends", "2190-01-01", "--reason", "new road")


def _rows(printed: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in printed.splitlines()]
