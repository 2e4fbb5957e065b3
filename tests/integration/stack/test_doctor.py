"""The doctor's word on what is well and what is not."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import ModuleType

import pytest

from hypervisor.base.findings import Finding, State
from hypervisor.base.settings import Settings
from hypervisor.broker import password_file
from hypervisor.broker.folder import STATE_FILE, DataFolder
from hypervisor.broker.server_account import server_account
from hypervisor.database.connect import Connection, connect
from hypervisor.stack import doctor, doctor_machine, run_state
from tests.documents import find_example

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
            "INSERT INTO worker (name, joined_at, heartbeat_at) VALUES ('ingest-1', now(), now())"
        )
        connection.execute(
            "INSERT INTO evaluation_state (cursor, evaluated_to, engine) VALUES ('0', now(), '1')"
        )
    assert states(doctor.check_broker(instance_settings)) == {
        "broker": "good",
        "broker settings": "good",
        "device accounts": "good",
    }
    assert states(doctor.check_database(instance_settings, now)) == {
        "database": "good",
        "migrations": "good",
        "mode": "good",
        "ingest ingest-1": "good",
        "watch": "good",
    }


def test_a_silent_worker_and_a_watch_behind(instance_settings: Settings) -> None:
    with connect(instance_settings.database_url) as connection:
        connection.execute(
            "INSERT INTO worker (name, joined_at, heartbeat_at) VALUES"
            " ('ingest-1', now(), now() - INTERVAL '5 minutes'), ('ingest-2', now(), NULL)"
        )
        connection.execute(
            "INSERT INTO evaluation_state (cursor, evaluated_to, engine)"
            " VALUES ('0', now() - INTERVAL '5 minutes', '1')"
        )
    found = states(doctor.check_database(instance_settings, datetime.now(UTC)))
    assert (found["ingest ingest-1"], found["ingest ingest-2"], found["watch"]) == ("bad",) * 3


def test_a_notification_that_was_given_up(instance_settings: Settings) -> None:
    """Where somebody was not told, the doctor says so."""
    with connect(instance_settings.database_url) as connection:
        connection.execute(
            "INSERT INTO outbox (event, key, at, body, due)"
            " VALUES ('test', 't', now(), '{}', now())"
        )
        connection.execute(
            "INSERT INTO delivery (outbox, key, route, channel, state, message, notified_at)"
            " SELECT outbox.id, one.key, 'duty', 'town', one.state, '{}', now() FROM outbox,"
            " (VALUES ('1', 'dead'), ('2', 'sent'), ('3', 'waiting')) AS one (key, state)"
        )
    found = {
        finding.subject: finding
        for finding in doctor.check_database(instance_settings, datetime.now(UTC))
    }
    assert found["notifications"].state == "bad"
    assert found["notifications"].what.startswith("1 given up")


def test_an_exercise_has_its_own_time(exercise_settings: Settings) -> None:
    with connect(exercise_settings.database_url) as connection:
        connection.execute(
            "INSERT INTO worker (name, joined_at, heartbeat_at)"
            " VALUES ('ingest-1', '2022-01-10Z', '2022-01-11Z')"
        )
        connection.execute(
            "INSERT INTO evaluation_state (cursor, evaluated_to, engine)"
            " VALUES ('0', '2022-01-11Z', '1')"
        )
    found = states(doctor.check_database(exercise_settings, datetime.now(UTC)))
    assert (found["ingest ingest-1"], found["watch"]) == ("good", "good")


def test_a_database_without_migrations(instance_settings: Settings) -> None:
    with connect(instance_settings.database_url) as connection:
        connection.execute("DELETE FROM migration")
    found = states(doctor.check_database(instance_settings, datetime.now(UTC)))
    assert found["migrations"] == "bad"


def test_a_clock_that_is_off(instance_settings: Settings) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert states(doctor.check_database(instance_settings, later))["clocks"] == "bad"


def test_a_broker_that_refuses_or_forgets(instance_settings: Settings) -> None:
    wrong = instance_settings.model_copy(update={"broker_password": "other"})
    assert states(doctor.check_broker(wrong))["broker"] == "bad"
    file = instance_settings.data / "broker" / "mosquitto.conf"
    file.write_text(file.read_text().replace("autosave_interval 1\n", "autosave_interval 1800\n"))
    found = [
        finding for finding in doctor.check_broker(instance_settings) if finding.state == "bad"
    ]
    assert [finding.what for finding in found] == ["wrong: autosave_interval 1"]


def test_nobody_answers(instance_settings: Settings) -> None:
    away = instance_settings.model_copy(
        update={
            "broker_parts_port": 1,
            "web_port": 1,
            "database_url": "postgresql://x:y@127.0.0.1:1/z",
        }
    )
    found = [
        *doctor.check_broker(away),
        *doctor.check_web(away),
        *doctor.check_database(away, datetime.now(UTC)),
    ]
    assert {finding.subject for finding in found if finding.state == "bad"} == {
        "broker",
        "web",
        "database",
    }


class _Web(BaseHTTPRequestHandler):
    """Some program that answers every page; of the run that its server names."""

    def do_GET(self) -> None:
        self.send_response(200)
        run_id = getattr(self.server, "run_id", "")
        if run_id:
            self.send_header("X-Hypervisor-Run", run_id)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not on the tests' output."""


@pytest.mark.parametrize(("run_id", "expected"), [("", "bad"), ("other", "bad"), ("ours", "good")])
def test_a_stranger_at_the_web_port_is_not_the_web(
    instance_settings: Settings, run_id: str, expected: str
) -> None:
    told = run_state.InstanceState(
        pid=1, mode="live", name="t", web="-", ready=True, pids={}, restarts={}, run_id="ours"
    )
    (instance_settings.data / STATE_FILE).write_text(told.text())
    with ThreadingHTTPServer(("127.0.0.1", 0), _Web) as server:
        server.run_id = run_id  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, daemon=True).start()
        settings = instance_settings.model_copy(update={"web_port": server.server_port})
        assert states(doctor.check_web(settings)) == {"web": expected}
        server.shutdown()


def test_a_damaged_password_file_is_said(instance_settings: Settings) -> None:
    folder = DataFolder(root=instance_settings.data, account=server_account())
    file = password_file.path_of(folder)
    file.write_bytes(file.read_bytes()[:-40])
    found = {each.subject: each for each in doctor.check_broker(instance_settings)}
    assert found["device accounts"].state == "bad"
    assert "is damaged" in found["device accounts"].what


def test_nothing_runs_here(instance_settings: Settings) -> None:
    assert states(doctor.check_supervision(instance_settings)) == {"up": "bad"}


def test_the_machine(instance_settings: Settings) -> None:
    found = states(
        [
            *doctor_machine.check_python(),
            *doctor_machine.check_programs(),
            *doctor_machine.check_user(),
            *doctor_machine.check_folder(instance_settings.data),
        ]
    )
    assert set(found) == {"python", "programs", "user", "data folder", "disk"}
    assert found["data folder"] == "good"


def test_what_is_set_aside_is_said_with_its_rule_its_place_and_its_problem(
    instance_settings: Settings,
) -> None:
    with connect(instance_settings.database_url) as connection:
        connection.execute(
            "INSERT INTO set_aside (rule, subject, since, problem) VALUES"
            " ('flood-evil', 'orge', now(), 'OverflowError: too large'),"
            " ('', 'mill', now(), 'no threshold')"
        )
    told = [
        f
        for f in doctor.check_database(instance_settings, datetime.now(UTC))
        if f.subject == "rules"
    ]
    assert [finding.state for finding in told] == ["bad", "bad"]
    assert "every rule at mill" in told[0].what
    assert "rule flood-evil at orge" in told[1].what
    assert "OverflowError: too large" in told[1].what


def test_a_rooms_check_is_made_and_one_that_fails_hides_no_other(
    instance_settings: Settings,
) -> None:
    code = find_example("CONTRIBUTING.md", __file__)
    room = ModuleType("hypervisor.registry.diagnosis")
    exec(code, vars(room))  # noqa: S102  our own document
    now = datetime.now(UTC)
    assert states(doctor.check_room(room, instance_settings, now)) == {"sites": "warning"}
    away = instance_settings.model_copy(update={"database_url": "postgresql://127.0.0.1:1/none"})
    assert doctor.check_room(room, away, now) == []

    def fail(*_: object) -> list[Finding]:
        raise KeyError("x")

    room.check = fail  # type: ignore[attr-defined]
    (finding,) = doctor.check_room(room, instance_settings, now)
    assert (finding.state, finding.what) == ("bad", "cannot be checked: KeyError: 'x'")

    def misspell(connection: Connection, *_: object) -> list[Finding]:
        connection.execute("SELECT nothing FROM site")
        return []

    room.check = misspell  # type: ignore[attr-defined]
    (finding,) = doctor.check_room(room, instance_settings, now)
    assert (finding.state, "UndefinedColumn" in finding.what) == ("bad", True)
