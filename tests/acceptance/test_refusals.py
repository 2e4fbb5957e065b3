"""What replay refuses, and how it says so."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hypervisor.base.settings import Settings
from hypervisor.cli import main
from hypervisor.database.connect import connect
from hypervisor.readings import queries_workers
from tests.acceptance.conftest import Exercise

pytestmark = pytest.mark.acceptance

RECORD = (
    "code_station;grandeur_hydro;date_obs;resultat_obs\n"
    "O200004001;H;2022-01-11T06:15:00Z;4306\n"
    "O987654321;H;2022-01-11T06:15:00Z;12\n"
)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "record.csv"
    path.write_text(RECORD)
    return path


@pytest.fixture
def refusal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """What the command line says when it refuses: one line. In this process, which is quicker."""

    def run(settings: Settings, *words: str) -> str:
        words = ("hypervisor", "--data", str(settings.data), "replay", *words)
        monkeypatch.setattr(sys, "argv", list(words))
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        assert left.value.code == 2
        assert said.out == ""
        assert said.err.startswith("error: ")
        return said.err

    return run


def test_a_live_instance_is_never_played_into(
    instance_settings: Settings, record: Path, refusal: Callable[..., str]
) -> None:
    told = refusal(instance_settings, str(record))
    assert "is live" in told
    assert "up --exercise" in told
    assert "hypervisor import" in told


def test_stations_that_are_not_registered_are_named_with_the_cure(
    exercise_settings: Settings, record: Path, refusal: Callable[..., str]
) -> None:
    told = refusal(exercise_settings, str(record), "--station", "O200004001")
    assert "not in the registry: O200004001" in told
    assert "`hypervisor inventory apply garonne`" in told
    Exercise(settings=exercise_settings).apply("garonne")
    assert "O987654321" in refusal(exercise_settings, str(record))


def test_a_clock_is_not_turned_back(
    exercise_settings: Settings, record: Path, refusal: Callable[..., str]
) -> None:
    Exercise(settings=exercise_settings).apply("garonne")
    clock = int(datetime(2022, 2, 1, tzinfo=UTC).timestamp()) * 1_000_000
    with connect(exercise_settings.database_url) as connection:
        queries_workers.join(connection, "ingest-1")
        queries_workers.record_heartbeat(connection, "ingest-1", clock)
    told = refusal(exercise_settings, str(record), "--station", "O200004001")
    assert "clock stands at 2022-02-01T00:00:00Z" in told
    assert "begins at 2022-01-11T06:15:00Z" in told
    assert "--again" in told


def test_a_file_that_is_not_there(exercise_settings: Settings, refusal: Callable[..., str]) -> None:
    assert "cannot be read" in refusal(exercise_settings, "nothing.csv")
