"""`hypervisor forecast verify` and `fit` on a recording, without an instance."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hypervisor.bench.forecast import BRIDGE, MILL, make_river
from hypervisor.forecast.files import read_models
from sensors._errors import TerritoryError
from tests import command_line

INVENTORY = """
sites:
  - name: bridge
    title: Bridge
    domain: flood
    devices: [{name: b, model: hubeau-station, commissioned: 2000-01-01, series: {discharge: 1 h}}]
  - name: mill
    title: Mill
    domain: flood
    devices: [{name: m, model: hubeau-station, commissioned: 2000-01-01, series: {discharge: 1 h}}]
    thresholds: {flow_alert: 12 m3/s}
links:
  - {from: bridge, to: mill, travel: 3 h}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("river")
    (path / "river.yaml").write_text(INVENTORY, encoding="utf-8")
    river = make_river(0.3)
    table = pd.DataFrame(
        {
            "time_utc": pd.to_datetime(river.tracks[MILL].time, unit="us"),
            "Q_m3s_m": np.round(river.tracks[MILL].value, 3),
            "Q_m3s_b": np.round(river.tracks[BRIDGE].value, 3),
        }
    )
    table.to_csv(path / "river.csv", index=False)
    return path


def run(*words: str) -> str:
    result = command_line.run("forecast", *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_record_is_verified_as_json(folder: Path) -> None:
    options = ["--inventory", f"{folder}/river.yaml", "--file", f"{folder}/river.csv"]
    output = run(
        "verify",
        *options,
        "--thresholds",
        "alert,2y",
        "--horizons",
        "3h",
        "--site",
        "mill",
        "--json",
    )
    (mill,) = json.loads(output)
    assert [level["name"] for level in mill["thresholds"]] == ["alert", "2y"]
    (horizon,) = mill["horizons"]
    assert horizon["horizon_s"] == 10_800
    by_method = {method["method"]: method for method in horizon["methods"]}
    assert {"persistence", "trend", "ridge", "chosen"} <= by_method.keys()
    assert by_method["chosen"]["rmse_skill_over_persistence"] > 0
    assert 0 <= by_method["chosen"]["coverage_80"] <= 1


def test_models_are_written_as_json(folder: Path) -> None:
    output = folder / "models.json"
    words = ["--from-file", f"{folder}/river.csv", "--inventory", f"{folder}/river.yaml"]
    said = run(
        "fit",
        *words,
        "--site",
        "mill",
        "--horizons",
        "3h",
        "--author",
        "ada",
        "--output",
        f"{output}",
    )
    assert "mill/discharge" in said
    written = read_models(str(output))
    (gauge,) = written.fitted
    model = gauge.model
    assert model is not None
    assert model.horizons == (10_800_000_000,)
    assert written.author == model.skill["author"] == "ada"
    assert model.skill["horizons"][0]["shown"]


def test_a_level_outside_the_record_hides_no_flood_and_a_horizon_between_readings_is_closed(
    folder: Path,
) -> None:
    """With --train such a level left 0 floods and no figure at all."""
    file = f"{folder}/river.csv"
    options = ["--inventory", f"{folder}/river.yaml", "--file", file, "--train", file]
    words = ["--thresholds", "1e6 m3/s,1000000 m3/s", "--horizons", "15 min,3 h", "--site", "mill"]
    (mill,) = json.loads(run("verify", *options, *words, "--json"))
    assert len(mill["thresholds"]) == 1
    assert mill["floods"] > 2
    short, long = mill["horizons"]
    assert "readings come every 60 min" in short["why"]
    assert long["shown"]
    assert all(method["rmse"] is not None for method in long["methods"])


@pytest.mark.parametrize("words", [("--site", "nope"), ("--thresholds", "0y")])
def test_what_the_record_does_not_have_is_a_sentence(folder: Path, words: tuple[str, str]) -> None:
    options = ["--inventory", f"{folder}/river.yaml", "--file", f"{folder}/river.csv"]
    with pytest.raises(TerritoryError, match=words[1]):
        run("verify", *options, *words)
