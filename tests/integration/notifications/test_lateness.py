"""Evaluation that hangs is our own alarm, by the usual routes, and it ends by itself."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hypervisor.base.instance import Mode
from hypervisor.base.instants import micros
from hypervisor.base.settings import Settings
from hypervisor.database.connect import connect
from hypervisor.database.progress import get_progress
from hypervisor.notifications.lateness import Lateness
from hypervisor.readings import queries_workers
from hypervisor.stack import doctor, queries_doctor
from tests.integration.evaluation.test_process import Process, until
from tests.integration.notifications.servers import Webhook
from tests.integration.notifications.town import Town

pytestmark = pytest.mark.integration


LOOK = Lateness.look


@pytest.fixture(autouse=True)
def _unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the tests look, at times of their own; the notifiers decide and send."""
    monkeypatch.setattr(Lateness, "look", lambda *_, **__: 0)


@pytest.fixture
def live(database_url: str, tmp_path: Path) -> Iterator[Town]:
    settings = Settings(data=tmp_path, database_url=database_url)
    made = Town(
        url=database_url, connection=connect(database_url), settings=settings, mode=Mode.LIVE
    )
    made.found()
    yield made
    made.close()


@pytest.fixture
def watch(live: Town, tmp_path: Path) -> Iterator[Process]:
    made = Process(live.url, tmp_path / "watch.log")
    made.says("watching")
    yield made
    os.kill(made.process.pid, signal.SIGCONT)
    made.kill()


def beat(town: Town) -> datetime:
    """Ingest is heard, as it is every two seconds."""
    now = datetime.now(UTC)
    queries_workers.record_heartbeat(town.connection, "one", micros(now))
    town.connection.commit()
    return now


def evaluated(town: Town, upto: datetime) -> bool:
    progress = get_progress(town.connection)
    town.connection.commit()
    return progress.evaluated_to is not None and progress.evaluated_to >= upto


def findings(town: Town, now: datetime) -> list[str]:
    """What `doctor` says of evaluation."""
    seen = queries_doctor.read_health(town.url)
    return [doctor._check_evaluation(seen, now, live=True).state]  # noqa: SLF001


def test_evaluation_that_hangs_is_told_and_that_it_caught_up(
    live: Town, watch: Process, hook: Webhook
) -> None:
    live.routes(
        f"routes:\n- {{name: duty, channels: [{{webhook: '{hook.url}'}}]}}"
        f"\n- {{name: mayor, when: {{areas: ['91021']}}, channels: [{{webhook: '{hook.url}'}}]}}"
    )
    ticks = [0.0]
    one, other = (Lateness(say=live.said.append, ticks=lambda: ticks[0]) for _ in range(2))

    def look(wall: datetime, *lookers: Lateness) -> list[int]:
        put = [LOOK(each, live.connection, live=True, wall=wall) for each in lookers or (one,)]
        live.connection.commit()
        return put

    heard = beat(live)
    until(lambda: evaluated(live, heard), "not evaluated")
    assert look(heard) == [0]
    assert findings(live, heard) == ["good"]

    os.kill(watch.process.pid, signal.SIGSTOP)
    beat(live)
    hung = heard + timedelta(seconds=40)
    assert look(heard + timedelta(seconds=29), one, other) == [0, 0]
    assert look(hung, one, other) == [0, 0], "it may be about to catch up"
    ticks[0] += 10
    assert look(hung, one, other) == [1, 0], "of two notifiers one tells"
    assert look(hung + timedelta(hours=1), one, other) == [0, 0]
    assert findings(live, hung) == ["bad"]
    live.settle()
    assert [(body["event"], body["lag_s"]) for _, body in hook.got] == [("evaluation late", 40)]

    os.kill(watch.process.pid, signal.SIGCONT)
    now = beat(live)
    until(lambda: evaluated(live, now), "not evaluated")
    assert look(now + timedelta(seconds=20)) == [0], "not yet: it might be late again at once"
    assert look(now, one, other) == [1, 0]
    live.settle()
    assert [body["event"] for _, body in hook.got][1:] == ["evaluation in time"]


def test_nobody_is_told_late_of_what_is_over(live: Town, watch: Process, hook: Webhook) -> None:
    ticks = [0.0]
    one = Lateness(say=live.said.append, ticks=lambda: ticks[0])
    heard = beat(live)
    until(lambda: evaluated(live, heard), "not evaluated")
    late = heard + timedelta(seconds=60)
    for wall in (late, late, heard):
        LOOK(one, live.connection, live=True, wall=wall)
        ticks[0] += 10
    live.connection.commit()
    live.routes(f"routes:\n- {{name: duty, channels: [{{webhook: '{hook.url}'}}]}}")
    live.settle()
    assert watch.process.poll() is None
    assert [body["event"] for _, body in hook.got] == ["evaluation in time"]
