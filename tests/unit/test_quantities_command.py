"""`hypervisor quantities`: the catalogue, as authors of mappings need it."""

import json

import pytest

from hypervisor.readings.cli_quantities import list_quantities
from sensors._domain import CatalogueError


def test_every_quantity_is_listed_with_what_an_author_needs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    list_quantities(as_json=True)
    rows = {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows["rain"] == {
        "domain": "weather",
        "name": "rain",
        "unit": "mm",
        "kind": "increment",
        "low": 0.0,
        "high": 30.0,
        "label_en": "Rain",
        "label_fr": "Pluie",
        "codes": {},
    }
    assert rows["lamp_energy"]["kind"] == "counter"
    assert rows["battery"]["domain"] == "common"
    assert rows["lamp_fault"]["codes"]
    assert {"level", "traffic_flow", "bicycles", "clock_fault"} <= set(rows)


def test_one_domain_as_a_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    list_quantities("mobility")
    text = capsys.readouterr().out
    (line,) = (line for line in text.splitlines() if line.startswith("bicycles "))
    assert line.split()[1:3] == ["1", "increment"]
    assert all(len(line) <= 80 for line in text.splitlines())
    assert max(text.count(f"\n{domain} ") for domain in ("mobility", "weather")) == 1
    assert "rain" not in text
    assert "running total" in text


def test_a_domain_that_is_not_there() -> None:
    with pytest.raises(CatalogueError, match="no domain 'wether'; there are flood, lighting"):
        list_quantities("wether")
