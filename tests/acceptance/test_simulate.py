"""`hypervisor simulate`: stories told and played; quiet days raise nothing; all is accounted."""

import gzip
import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from hypervisor.forecast.files import EXAMPLE
from tests import command_line
from tests.acceptance.conftest import Exercise, command

pytestmark = [pytest.mark.acceptance, pytest.mark.long]


@pytest.mark.timeout(900)
def test_a_quiet_day_raises_no_alarm_and_is_not_played_twice(exercise: Exercise) -> None:
    exercise.apply("essonne")
    here = ("--data", str(exercise.settings.data), "simulate", "quiet", "--hours", "14")
    done = command(*here, "--speed", "max", "--json")
    assert done.returncode == 0, done.stderr
    account = json.loads(done.stdout)
    assert account["stored"] == account["published"] > 80_000
    assert account["alarms"] == []
    twice = command(*here)
    assert twice.returncode == 2
    assert "the clock cannot be set back" in twice.stderr


@pytest.mark.timeout(900)
def test_an_incident_is_found_and_faults_are_accounted_for(exercise: Exercise) -> None:
    """Clocks an hour ahead, of a native and of a SenML device: refused, counted, none lost."""
    exercise.apply("essonne")
    done = command(
        *("--data", str(exercise.settings.data), "simulate", "traffic-incident", "--hours", "8"),
        *("--speed", "max", "--json", "--truth"),
        *("--fault", "clock-skew:remarde-breuillet:2h..4h:by=1h"),
        *("--fault", "clock-skew:bievre-igny:2h..4h:by=1h"),
        *("--fault", "duplicate:mobility*50%:1h..3h"),
        *("--fault", "drop-out:orge-arpajon:5h..8h"),
    )
    assert done.returncode == 0, done.stderr
    account = json.loads(done.stdout)
    assert account["lost"] == 0
    assert set(account["dead_letters"]) == {"time-ahead"}
    refused = sum(account["dead_letters"].values())
    assert refused >= 2 * (2 * 4)  # levels of two hours at least
    assert account["published"] == account["stored"] + account["already_there"] + refused
    assert account["already_there"] > 500
    raised = {(alarm["rule"], alarm["site"]) for alarm in account["alarms"]}
    assert ("mobility-congestion", "a6-viry-north") in raised
    assert ("flood-clock", "bievre-igny") in raised
    assert ("flood-level-silent", "orge-arpajon") in raised
    assert "found   Lanes are blocked" in done.stderr
    assert "actuators that refuse: cab-evry-1" in done.stderr


def test_stories_are_listed_and_told_without_an_instance() -> None:
    assert "frost-night" in command("simulate", "--list").stdout
    outline = command("simulate", "frost-night", "--describe").stdout
    assert "weather-frost" not in outline
    assert "weather-frost" in command("simulate", "frost-night", "--describe", "--truth").stdout
    wrong = command("simulate", "frost-nite", "--describe")
    assert wrong.returncode == 2
    assert "did you mean 'frost-night'" in wrong.stderr


@pytest.mark.timeout(1800)
def test_the_shipped_models_come_of_the_documented_commands(tmp_path: Path) -> None:
    past, models = tmp_path / "past.csv.gz", tmp_path / "models.json.gz"
    simulated = command_line.run("simulate-past", "--inventory", "essonne", "--output", past)
    assert simulated.exit_code == 0, simulated.output
    source = ("--from-file", past, "--inventory", "essonne", "--horizons", "1 h,2 h,3 h")
    reason = ("--author", "hypervisor", "--reason", "a simulated year")
    fitted = command_line.run("forecast", "fit", *source, *reason, "--output", models)
    assert fitted.exit_code == 0, fitted.output
    shipped = resources.files("hypervisor.examples") / "essonne" / EXAMPLE
    _require_close(*(json.loads(gzip.decompress(each.read_bytes())) for each in (models, shipped)))


def _require_close(made: Any, shipped: Any) -> None:
    """The same but for the last digits, in which linear algebra differs between processors."""
    if isinstance(made, dict):
        assert made.keys() == shipped.keys()
        made, shipped = [*made.values()], [shipped[name] for name in made]
    if isinstance(made, list):
        assert len(made) == len(shipped)
        for part, other in zip(made, shipped, strict=True):
            _require_close(part, other)
    elif isinstance(made, float):
        assert made == pytest.approx(shipped, rel=1e-6, abs=1e-6)
    else:
        assert made == shipped
