"""The doctor's word on what is well and what is not."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.settings import Settings
from hypervisor.stack import doctor_instance as doctor
from hypervisor.stack import doctor_machine
from hypervisor.stack.finding import Finding, State
from hypervisor.store.connect import connect

pytestmark = pytest.mark.integration


def states(findings: Iterable[Finding]) -> dict[str, State]:
    """By subject; whatever is not good must say how to mend it."""
    found = list(findings)
    assert all(finding.mend for finding in found if finding.state != "good")
    return {finding.subject: finding.state for finding in found}


def test_a_healthy_instance(instance_settings: Settings) -> None:
    now = datetime.now(UTC)
    with connect(instance_settings.database_url) as connection:
        connection.execute(
            "INSERT INTO worker (name, joined_at, heard_at) VALUES ('ingest-1', now(), now())"
        )
        connection.execute(
            "INSERT INTO watch_state (cursor, judged_to, engine) VALUES ('0', now(), '1')"
        )
    assert states(doctor.broker(instance_settings)) == {"broker": "good", "broker settings": "good"}
    assert states(doctor.database(instance_settings, now)) == {
        "database": "good",
        "migrations": "good",
        "mode": "good",
        "ingest ingest-1": "good",
        "watch": "good",
    }


def test_a_silent_worker_and_a_watch_behind(instance_settings: Settings) -> None:
    with connect(instance_settings.database_url) as connection:
        connection.execute(
            "INSERT INTO worker (name, joined_at, heard_at) VALUES"
            " ('ingest-1', now(), now() - INTERVAL '5 minutes'), ('ingest-2', now(), NULL)"
        )
        connection.execute(
            "INSERT INTO watch_state (cursor, judged_to, engine)"
            " VALUES ('0', now() - INTERVAL '5 minutes', '1')"
        )
    found = states(doctor.database(instance_settings, datetime.now(UTC)))
    assert (found["ingest ingest-1"], found["ingest ingest-2"], found["watch"]) == ("bad",) * 3


def test_a_notification_that_was_given_up(instance_settings: Settings) -> None:
    """Where somebody was not told, the doctor says so."""
    with connect(instance_settings.database_url) as connection:
        connection.execute(
            "INSERT INTO outbox (event, key, at, body, due)"
            " VALUES ('test', 't', now(), '{}', now())"
        )
        connection.execute(
            "INSERT INTO delivery (outbox, key, route, channel, state, message, told_at)"
            " SELECT outbox.id, one.key, 'duty', 'town', one.state, '{}', now() FROM outbox,"
            " (VALUES ('1', 'dead'), ('2', 'sent'), ('3', 'waiting')) AS one (key, state)"
        )
    found = {one.subject: one for one in doctor.database(instance_settings, datetime.now(UTC))}
    assert found["notifications"].state == "bad"
    assert found["notifications"].what.startswith("1 given up")


def test_an_exercise_has_its_own_time(exercise_settings: Settings) -> None:
    with connect(exercise_settings.database_url) as connection:
        connection.execute(
            "INSERT INTO worker (name, joined_at, heard_at)"
            " VALUES ('ingest-1', '2022-01-10Z', '2022-01-11Z')"
        )
        connection.execute(
            "INSERT INTO watch_state (cursor, judged_to, engine) VALUES ('0', '2022-01-11Z', '1')"
        )
    found = states(doctor.database(exercise_settings, datetime.now(UTC)))
    assert (found["ingest ingest-1"], found["watch"]) == ("good", "good")


def test_a_database_without_migrations(instance_settings: Settings) -> None:
    with connect(instance_settings.database_url) as connection:
        connection.execute("DELETE FROM migration")
    found = states(doctor.database(instance_settings, datetime.now(UTC)))
    assert found["migrations"] == "bad"


def test_a_clock_that_is_off(instance_settings: Settings) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert states(doctor.database(instance_settings, later))["clocks"] == "bad"


def test_a_broker_that_refuses_or_forgets(instance_settings: Settings) -> None:
    wrong = instance_settings.model_copy(update={"broker_password": "other"})
    assert states(doctor.broker(wrong))["broker"] == "bad"
    file = instance_settings.data / "broker" / "mosquitto.conf"
    file.write_text(file.read_text().replace("autosave_interval 1\n", "autosave_interval 1800\n"))
    found = [finding for finding in doctor.broker(instance_settings) if finding.state == "bad"]
    assert [finding.what for finding in found] == ["not as they must be: autosave_interval 1"]


def test_nobody_answers(instance_settings: Settings) -> None:
    away = instance_settings.model_copy(
        update={"broker_port": 1, "web_port": 1, "database_url": "postgresql://x:y@127.0.0.1:1/z"}
    )
    found = [*doctor.broker(away), *doctor.web(away), *doctor.database(away, datetime.now(UTC))]
    assert {finding.subject for finding in found if finding.state == "bad"} == {
        "broker",
        "web",
        "database",
    }


def test_nothing_runs_here(instance_settings: Settings) -> None:
    assert states(doctor.supervision(instance_settings)) == {"up": "bad"}


def test_the_machine(instance_settings: Settings) -> None:
    found = states(
        [
            *doctor_machine.python(),
            *doctor_machine.programs(),
            *doctor_machine.user(),
            *doctor_machine.folder(instance_settings.data),
        ]
    )
    assert set(found) == {"python", "programs", "user", "data folder", "disk"}
    assert found["data folder"] == "good"
