"""Real floods out of their files, by the rules here and against what really happened."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from simulators._recordings import shipped_recordings
from tests import command_line
from tests.acceptance.conftest import Exercise, command

pytestmark = pytest.mark.acceptance

FLOODS = Path(os.environ.get("HYPERVISOR_SHARED", "../shared")) / "data" / "floods"
CANCE = "cance-2006-2012.hubeau.csv.gz"


def ran(file: str, *words: str) -> str:
    """The command's own words; no database is there."""
    path = shipped_recordings().get(file, FLOODS / file)
    if not path.exists():
        pytest.skip(f"no {path}")
    river = file.split("-", maxsplit=1)[0]
    given = ["--file", str(path), "--inventory", river, "--events", river]
    done = command_line.run("rules", "backtest", *words, *given)
    assert done.exit_code == 0, done.output
    return done.stdout


def score_of(found: Any, events: str, rule: str | None) -> Any:
    (one,) = [one for one in found["scores"] if one["events"] == events and one["rule"] == rule]
    return one


def test_the_floods_of_the_cance() -> None:
    loads = json.loads(ran(CANCE, "flood-discharge", "--site", "sarras", "--json"))
    above_40 = score_of(loads, "above 40 m3/s", "flood-discharge")
    crossed = [one["crossed"] for one in above_40["outcomes"]]
    assert crossed == [
        "2006-11-17T18:00:00Z",
        "2008-11-02T02:00:00Z",
        "2009-02-05T12:00:00Z",
        "2010-10-31T21:00:00Z",
    ]
    assert (above_40["hits"], above_40["misses"], above_40["false_alarms"]) == (4, 0, 0)
    assert above_40["lead_s"] == -3600  # `for` wants the second reading, which comes an hour later
    above_100 = score_of(loads, "above 100 m3/s", "flood-discharge")
    assert (above_100["hits"], above_100["misses"], above_100["false_alarms"]) == (1, 0, 0)


def test_a_changed_threshold_tells_what_would_differ() -> None:
    told = ran(
        CANCE,
        "flood-discharge",
        "--site",
        "sarras",
        "--against",
        "sarras/flow_attention=60 m3/s",
    )
    assert "later by 2 h, shorter by 7 h" in told
    assert "gone" in told
    assert "above 40 m3/s, with the change" in told


def test_a_changed_pack_tells_what_would_differ(tmp_path: Path) -> None:
    pack = Path("rules/flood.yaml").read_text(encoding="utf-8")
    slower = pack.replace("discharge > threshold.flow_attention\n", "discharge > 45 m3/s\n", 1)
    assert slower != pack
    (tmp_path / "flood.yaml").write_text(slower, encoding="utf-8")
    found = json.loads(
        ran(CANCE, "--site", "sarras", "--against", str(tmp_path / "flood.yaml"), "--json")
    )
    differ = {one["before"]["rule"] for one in found["differences"] if one["before"]}
    assert differ == {"flood-discharge"}


def test_the_flood_at_toulouse_was_told_before_it_came() -> None:
    found = json.loads(ran("garonne-2022-01.hubeau.csv.gz", "flood", "--json"))
    score = score_of(found, "named events", "flood-level")
    assert (score["hits"], score["misses"]) == (2, 0)
    assert score["lead_s"] > 3600
    assert score_of(found, "named events", None)["false"] == []  # Bompas of 18 January is no flood
    assert found["rows"] > 100_000


def test_it_is_the_log_of_what_came_through_broker_ingest_and_watch(
    exercise: Exercise, floods: Path
) -> None:
    """Over the table, and again over the columnar copy of the closed week."""
    exercise.apply("poyo")
    exercise.replay(floods / "poyo-2024-10.csv", "--speed", "max", "--double", "--shuffle", "1800")
    live = exercise.log()
    data = ("--data", str(exercise.settings.data))
    keys = live[0].keys()
    for copied in (False, True):
        if copied:
            assert command(*data, "housekeeping", "--once").returncode == 0
            assert list((exercise.settings.data / "columnar").iterdir())
        done = command(*data, "rules", "backtest", "--json")
        assert done.returncode == 0, done.stderr
        found = [{key: one[key] for key in keys} for one in json.loads(done.stdout)["alarms"]]
        found.sort(key=lambda one: (one["rule"], one["subject"], one["since"]))
        assert found == live
    assert exercise.log() == live
    assert {"flood-discharge", "flood-discharge-silent"} <= {one["rule"] for one in live}
