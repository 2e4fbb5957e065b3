"""`hypervisor bench ingest`: ingest against the bare loop, by turns, on one machine in one run."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypervisor.base.settings import Settings
from hypervisor.bench import queries
from hypervisor.bench.forecast import write_models
from hypervisor.bench.load import DEVICES, LORAWAN, NATIVE, Load, device
from hypervisor.bench.servers import (
    BenchError,
    Ground,
    clean_environment,
    run_part,
    settings_environment,
)
from hypervisor.database.connect import connect

KINDS = ("bare", "ingest")
WATCHED = "watched"  # ingest beside evaluation with all rule packs
ROLLED = "rolled"  # ingest beside roll-ups
FORECAST = "forecast"  # ingest beside roll-ups that issue the forecasts of every gauge
OBSERVED = "observed"  # ingest beside the part that tells readings over MQTT
_ROLLUP = ("rollup", "rolling up")
BESIDE = {  # and its first words
    WATCHED: ("watch", "watching"),
    ROLLED: _ROLLUP,
    FORECAST: _ROLLUP,
    OBSERVED: ("observations", "telling"),
}
FORMS = {LORAWAN: ("ingest", LORAWAN)}  # what a form is measured against: native, in the same run
RATES = (1_000, 5_000, 10_000)
_MINUTE = 60  # s
_WARM = 0.5  # seconds of a paced run before its delays count: the table's chunk is made in them
_PATIENCE = 120.0  # seconds for evaluation to start, and to catch up
_LONGEST = 3_600.0  # s of publishing
_QUIET = 10.0  # seconds without a new commit that end a run


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured. `seconds` a run at a rate.

    `messages` a run at full speed; twice as many where each has but one row. `kinds`: bare, ingest,
    lorawan-js, which is ingest of uplinks that a script decodes, watched, rolled, forecast and
    observed.
    """

    messages: int = 60_000
    rows: tuple[int, ...] = (4, 1)
    rounds: int = 3
    rates: tuple[int, ...] = RATES
    seconds: float = 1.5
    kinds: tuple[str, ...] = KINDS

    @property
    def runs(self) -> int:
        return len(self.rows) * len(self.kinds) * (self.rounds + 3 * len(self.rates))

    def compared_beside(self, kind: str) -> "Plan":
        """Ingest beside a part, a kind of BESIDE, compared with ingest alone."""
        plan = replace(self, kinds=("ingest", kind))
        if kind not in {ROLLED, FORECAST}:
            return plan
        # Long enough that hours are rolled up during the run.
        longer = replace(plan, messages=self.messages * 4, seconds=self.seconds * 5)
        return replace(longer, rows=(4,), rates=(1_000,))

    def compared_in(self, form: str) -> "Plan":
        """Uplinks of a form, compared with native. Raises BenchError: it is none of FORMS."""
        if form not in FORMS:
            raise BenchError(f"--format {form!r}: expected {', '.join(FORMS)}")
        kinds = FORMS[form]
        return replace(self, messages=self.messages // 3, rows=(4,), rates=(1_000,), kinds=kinds)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of one kind: messages committed a second, ms from publication to commit."""

    rate: float
    p50: float
    p99: float
    rows_lost: int
    behind: float = 0.0  # s until the part beside it caught up after the last commit
    issued: int = 0  # forecasts


@dataclass(kw_only=True)
class Bench:
    """Runs the plan on its ground; `tick` is called after each run."""

    ground: Ground
    plan: Plan
    tick: Callable[[str], None]
    _number: int = field(default=0, init=False)

    def cases(self) -> list[dict[str, Any]]:
        """One case a number of rows a message: speed, the ratio of it, delays, and what was lost.

        `ratio`: readings a second of the last kind to those of the first. `p99_ratio`, by rate.
        """
        if FORECAST in self.plan.kinds:
            self.tick("fitting a model")
            with connect(self.ground.settings.database_url) as connection:
                write_models(connection, [device(number) for number in range(DEVICES)])
        return [self._case(rows) for rows in self.plan.rows]

    def _case(self, rows: int) -> dict[str, Any]:
        kinds = self.plan.kinds
        case: dict[str, Any] = {"case": f"{rows} rows a message", "rows_a_message": rows}
        messages = self.plan.messages * (2 if rows == 1 else 1)  # else it is over too soon
        at_full_speed = self._by_turns(self.plan.rounds, rows, messages, None)
        lost = _lost(at_full_speed)
        for kind in kinds:
            speed = statistics.median(run.rate for run in at_full_speed[kind])
            case[kind] = {
                "messages_s": round(speed),
                "rows_s": round(speed * rows),
                "us_a_message": round(1e6 / speed, 1) if speed else 0.0,
                "delay_ms": {},
            }
            if kind in BESIDE:
                behind = statistics.median(run.behind for run in at_full_speed[kind])
                case[kind][f"{BESIDE[kind][0]}_behind_s"] = round(behind, 2)
            if kind == FORECAST:
                issued = statistics.median(run.issued for run in at_full_speed[kind])
                case[kind]["forecasts_issued"] = round(issued)
        case["ratio"] = _ratio(case[kinds[-1]]["messages_s"], case[kinds[0]]["messages_s"])
        case["p99_ratio"] = {}
        for rate in self.plan.rates:
            paced = self._by_turns(3, rows, round(rate * (self.plan.seconds + _WARM)), rate)
            lost += _lost(paced)
            for kind in kinds:
                case[kind]["delay_ms"][str(rate)] = {
                    "p50": round(statistics.median(run.p50 for run in paced[kind]), 2),
                    "p99": round(statistics.median(run.p99 for run in paced[kind]), 2),
                }
            p99 = [case[kind]["delay_ms"][str(rate)]["p99"] for kind in kinds]
            case["p99_ratio"][str(rate)] = _ratio(p99[-1], p99[0])
        case["rows_lost"] = lost
        return case

    def _by_turns(
        self, rounds: int, rows: int, messages: int, rate: int | None
    ) -> dict[str, list[Run]]:
        runs: dict[str, list[Run]] = {kind: [] for kind in self.plan.kinds}
        for turn in range(rounds):
            for kind in self.plan.kinds if turn % 2 == 0 else reversed(self.plan.kinds):
                runs[kind].append(self._run(kind, rows, messages, rate))
                self.tick(f"{rows} rows, {f'{rate}/s' if rate else 'full speed'}, {kind}")
        return runs

    def _run(self, kind: str, rows: int, messages: int, rate: int | None) -> Run:
        """Full speed: a backlog is worked off. At a rate: as it comes."""
        self._number += 1
        settings = self.ground.settings  # one session for all: no other takes a share
        queries.clear(settings.database_url)
        old = 20 * 86_400 if WATCHED not in self.plan.kinds else messages // DEVICES + 60
        load = Load(
            messages=messages,
            rows=rows,
            base=int(time.time()) - old,
            form=LORAWAN if kind == LORAWAN else NATIVE,
            step=_MINUTE if FORECAST in self.plan.kinds else 1,  # a model looks hours back
        )
        commits = self.ground.folder / f"commits-{self._number}.npz"
        sent_file = self.ground.folder / f"sent-{self._number}.npy"
        if self._number == 1:
            _Consumer(kind, settings, load, commits).stop()  # the broker keeps a queue from here
        if rate is None:
            _publish(settings, load, sent_file, rate)
        file = commits.with_suffix(".beside")
        with beside(settings, file, *BESIDE[kind]) if kind in BESIDE else nullcontext():
            consumer = _Consumer("ingest" if kind in BESIDE else kind, settings, load, commits)
            if rate is not None:
                _publish(settings, load, sent_file, rate)
            _await(settings, messages * rows)
            behind = _taken(settings, kind) if kind in BESIDE else 0.0
            consumer.stop()
        lost = messages * rows - queries.readings(settings.database_url)
        result = _result(np.load(sent_file), commits, lost, warm=0.0 if rate is None else _WARM)
        return replace(result, behind=behind, issued=queries.issued(settings.database_url))


def _lost(runs: dict[str, list[Run]]) -> int:
    return sum(run.rows_lost for each in runs.values() for run in each)


def _ratio(first: float, other: float) -> float:
    return round(first / other, 3) if other else 0.0


def _result(sent: NDArray[np.float64], commits: Path, lost: int, *, warm: float) -> Run:
    with np.load(commits) as saved:
        number, at = saved["number"], saved["time"]
    if not len(at):
        raise BenchError(f"nothing was committed; see {commits.with_suffix('.log').read_text()}")
    delay = ((at - sent[number]) * 1000)[sent[number] >= sent[0] + warm]
    first, last = at.min(), at.max()
    return Run(
        rate=float((at > first).sum() / max(last - first, 1e-9)),
        p50=float(np.percentile(delay, 50)),
        p99=float(np.percentile(delay, 99)),
        rows_lost=lost,
    )


def _await(settings: Settings, rows: int) -> None:
    """Wait until all is stored, or nothing more comes."""
    stored, since = -1, time.monotonic()
    while stored < rows and time.monotonic() - since < _QUIET:
        time.sleep(0.25)
        readings = queries.readings(settings.database_url)
        if readings != stored:
            stored, since = readings, time.monotonic()


def _taken(settings: Settings, kind: str) -> float:
    """Wait until the part beside ingest has caught up; for how long (s)."""
    since = time.monotonic()
    if kind == OBSERVED:  # it keeps no account of how far it is
        return 0.0
    unread = {WATCHED: queries.unread, ROLLED: queries.unrolled, FORECAST: queries.unissued}[kind]
    while unread(settings.database_url) and time.monotonic() - since < _PATIENCE:
        time.sleep(0.1)
    return time.monotonic() - since


def watch(settings: Settings, file: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """A `hypervisor watch` with an empty state, until the context ends."""
    return beside(settings, file, *BESIDE[WATCHED])


def beside(
    settings: Settings, file: Path, part: str, begun: str
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """A part with an empty state, until the context ends; `begun`: what it prints first."""
    queries.clear_evaluation(settings.database_url)
    return run_part(settings, part, file, ready=lambda: begun in file.read_text())


class _Consumer:
    """The consuming process; works from when it is made until stopped."""

    def __init__(self, kind: str, settings: Settings, load: Load, file: Path) -> None:
        self._kind = kind
        self._log = file.with_suffix(".log").open("w+")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "hypervisor.bench.consumer"),
                *(kind, str(load.base), str(load.step), str(file)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=settings_environment(settings),
        )
        self._expect("ready")

    def _expect(self, line: str) -> None:
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        if self._process.stdout.readline().strip() != line:
            raise BenchError(f"the {self._kind} consumer failed: {self._read_log()}")

    def stop(self) -> None:
        with suppress(BrokenPipeError):
            self._process.communicate("stop\n", timeout=60)
        log = self._read_log()
        self._log.close()
        if self._process.returncode:
            raise BenchError(f"the {self._kind} consumer failed: {log}")

    def _read_log(self) -> str:
        self._log.seek(0)
        return self._log.read()[-2000:]


def _publish(settings: Settings, load: Load, file: Path, rate: int | None) -> None:
    order = {
        "load": asdict(load),
        "broker": [
            *(settings.broker_host, settings.broker_port),
            *("player", settings.player_password),
        ],
        "rate": rate,
        "file": str(file),
    }
    done = subprocess.run(
        [sys.executable, "-m", "hypervisor.bench.publisher"],
        input=json.dumps(order) + "\ngo\n",
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
        timeout=_LONGEST,
    )
    if done.returncode:
        raise BenchError(f"the publisher failed: {done.stderr[-2000:]}")
