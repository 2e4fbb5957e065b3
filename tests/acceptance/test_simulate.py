"""`hypervisor simulate`: quiet days raise nothing, and a story is refused twice in one exercise."""

import json

import pytest

from tests.acceptance.conftest import Exercise, command

pytestmark = [pytest.mark.acceptance, pytest.mark.long]


def test_quiet_days_raise_no_alarm(exercise: Exercise) -> None:
    exercise.apply("essonne")
    here = ("--data", str(exercise.settings.data), "simulate", "--scenario", "quiet")
    done = command(*here, "--speed", "max", "--json")
    assert done.returncode == 0, done.stderr
    account = json.loads(done.stdout)
    assert account["stored"] == account["published"] > 5_000
    assert account["alarms"] == []
    twice = command(*here)
    assert twice.returncode == 2
    assert "a clock never turns back" in twice.stderr
    assert "there are october-flood, quiet" in command(*here[:3], "--scenario", "x").stderr
