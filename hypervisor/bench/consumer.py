"""The consuming process of the bench: `python -m hypervisor.bench.consumer KIND BASE STEP FILE`.

It reads its settings from the environment, prints `ready` when it has subscribed, and works until a
line comes on stdin; then it writes when each message was committed (monotonic seconds) and ends.
A message is identified by series and time.
"""

import sys
import threading
import time

import numpy as np

from hypervisor.base.process import log_to_stderr
from hypervisor.base.settings import Settings
from hypervisor.bench.bare import BareLoop, BareStore
from hypervisor.bench.load import DEVICES, LORAWAN, device, say
from hypervisor.database.connect import connect
from hypervisor.readings import ingest_worker
from hypervisor.readings.queries_ingest import Intake
from hypervisor.registry import queries as registry_queries
from ingest.batch import Batch
from sensors._row import Rows


class Commits:
    """What was committed when, kept as it came and sorted out after the run."""

    def __init__(self) -> None:
        self.noted: list[tuple[float, Rows]] = []

    def note(self, rows: Rows) -> None:
        self.noted.append((time.monotonic(), rows))

    def save(self, file: str, first_series: dict[int, int], load: tuple[int, int]) -> None:
        """For each message its commit: its number is that of its device and its time."""
        base, step = load
        numbers, times = [], []
        for at, rows in self.noted:
            mapped = [first_series.get(series, -1) for series in rows["series"].tolist()]
            place = np.array(mapped, dtype=np.int64)  # a batch may hold heartbeats only
            is_first = place >= 0
            seconds = rows["time"][is_first] // 1_000_000 - base
            numbers.append(seconds // step * DEVICES + place[is_first])
            times.append(np.full(int(is_first.sum()), at))
        np.savez(
            file,
            number=np.concatenate(numbers) if numbers else np.empty(0, dtype=np.int64),
            time=np.concatenate(times) if times else np.empty(0),
        )


class NotingIntake(Intake):
    """Ingest's own store, which also notes when a batch is committed."""

    commits: Commits

    def commit(self, batch: Batch) -> None:
        super().commit(batch)
        if len(batch.rows):
            self.commits.note(batch.rows)


def _await_line(stop: threading.Event) -> None:
    sys.stdin.readline()
    stop.set()


def main() -> None:
    kind, base, step, file = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    settings = Settings()
    log_to_stderr()
    with connect(settings.database_url) as connection:
        series = {
            key: entry.id or 0 for key, entry in registry_queries.load(connection).series.items()
        }
    first = {series[device(number), "level"]: number for number in range(DEVICES)}
    stop = threading.Event()
    threading.Thread(target=_await_line, args=[stop], daemon=True).start()
    commits = Commits()
    if kind in ("ingest", LORAWAN):
        _ingest(settings, commits, stop)
    else:
        sys.setswitchinterval(ingest_worker.SWITCH_SECONDS)
        topics: dict[str, dict[str, int]] = {}
        for (name, quantity), number in series.items():
            topics.setdefault(f"devices/{name}/readings", {})[quantity] = number
        store = BareStore(settings.database_url, topics, commits.note)
        loop = BareLoop(settings, store)
        say("ready")
        loop.run(stop.is_set)
    commits.save(file, first, (base, step))


def _ingest(settings: Settings, commits: Commits, stop: threading.Event) -> None:
    sys.setswitchinterval(ingest_worker.SWITCH_SECONDS)
    parts = ingest_worker.wire(settings, intake=NotingIntake)
    parts.intake.commits = commits  # type: ignore[attr-defined]
    made = ingest_worker.join(parts, stop.is_set)
    say("ready")
    if made is not None:
        made.run(stop.is_set)
    parts.close()


if __name__ == "__main__":
    main()
