"""`hypervisor quantities`, `models`, `thresholds`: the catalogue, as authors need it."""

import json
from typing import Any

import pytest

from hypervisor.readings.cli_catalogue import list_models, list_quantities, list_thresholds
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
    with pytest.raises(CatalogueError, match=r"no domain 'wether'; there are [a-z, ]*\bflood, "):
        list_quantities("wether")


def rows_by_name(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}


def test_models_say_what_they_measure(capsys: pytest.CaptureFixture[str]) -> None:
    list_models("lighting", as_json=True)
    models = rows_by_name(capsys)
    assert {row["domain"] for row in models.values()} == {"lighting"}
    assert "lamp_power" in models["lamp-controller"]["quantities"]


def test_thresholds_say_of_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    list_thresholds(as_json=True)
    alert = rows_by_name(capsys)["alert"]
    assert (alert["domain"], alert["quantity"], alert["unit"]) == ("flood", "level", "m")
    list_thresholds("flood")
    assert "alert " in capsys.readouterr().out
