"""`hypervisor bench backtest --departements`: weeks of many départements, by several workers.

Each is the Essonne example with other keys, and the same readings in parts that all share.
"""

import pickle
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from hypervisor.backtest.evaluate import Inputs, backtest, begin_reading
from hypervisor.backtest.frozen_history import FrozenHistory, FrozenSource, describe
from hypervisor.backtest.model import Span
from hypervisor.backtest.partition import list_common
from hypervisor.backtest.registries import of_inventory
from hypervisor.backtest.worker_pool import (
    ENVIRONMENT,
    Workers,
    backtest_by_workers,
    connect,
    describe_job,
    share_out,
)
from hypervisor.base.instants import micros
from hypervisor.bench import year
from hypervisor.bench.bare_workers import evaluate_by_bare_processes
from hypervisor.bench.servers import BenchError, Tick
from hypervisor.readings.parquet_parts import write_part
from hypervisor.registry.model import Registry, Revision
from rules._pack import packs
from sensors._domain import catalogue

_RETENTION = 400 * 86_400 * 1_000_000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Number of départements, days, readings of each in them, numbers of workers, rounds."""

    departements: int
    days: int
    rows: int
    workers: Sequence[int]
    rounds: int


def measure(plan: Plan, tick: Tick) -> dict[str, Any]:
    """Seconds of one département in this process, and of all by each number of workers."""
    words = catalogue()
    essonne = of_inventory([year.EXAMPLE], words, packs())
    registry = copy_registry(essonne, plan.departements)
    with TemporaryDirectory(prefix="hypervisor-bench-") as folder:
        source = _write_history(essonne, plan, Path(folder) / "parts", tick)
        began = time.process_time()
        alone = backtest(_describe_inputs(essonne, source), lambda *_: None)
        single = time.process_time() - began
        comparison = Comparison(
            inputs=_describe_inputs(registry, source),
            source=source,
            alarms=len(alone.alarms) * plan.departements,
            rounds=plan.rounds,
            tick=tick,
        )
        runs = {str(count): comparison.measure(count) for count in plan.workers}
    return {
        "bench": "backtest by workers",
        "departements": plan.departements,
        "subjects": alone.subjects * plan.departements,
        "rows": alone.rows * plan.departements,
        "alarms": comparison.alarms,
        "alone_cpu_s": round(single * plan.departements, 1),
        "workers": runs,
    }


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One job by workers and by bare processes, `rounds` times in turn; both without their start.

    `source` is that of `inputs`. BenchError: another number of alarms than `alarms`.
    """

    inputs: Inputs
    source: FrozenSource
    alarms: int
    rounds: int
    tick: Tick

    def measure(self, count: int) -> Mapping[str, Any]:
        """The best round of each."""
        job, pieces = self._list_pieces()
        environment = {name: str(value) for name, value in ENVIRONMENT.items()}
        bare, measured = [], []
        for turn in range(self.rounds):
            self.tick(f"{count} bare processes", turn, self.rounds)
            bare.append(evaluate_by_bare_processes(job, pieces, count, environment))
            self._check(bare[-1].alarms)
            measured.append(self._run_workers(count))
        best = min(measured, key=lambda run: run["seconds"])
        seconds, cpu_s = min(run.seconds for run in bare), min(run.cpu_s for run in bare)
        return {
            **best,
            "bare_seconds": round(seconds, 1),
            "bare_cpu_s": round(cpu_s, 1),
            "ratio": round(best["seconds"] / seconds, 3),
            "cpu_ratio": round(best["cpu_s_all_workers"] / cpu_s, 3),
        }

    def _list_pieces(self) -> tuple[bytes, Sequence[bytes]]:
        """The job and the pieces that workers get, pickled."""
        common = list_common(self.inputs.registry)
        pieces, _ = share_out(self.inputs, common)
        series = len(set().union(*(piece.series for piece in pieces)))
        job = describe_job(self.inputs, pickle.dumps(common), self.source.folder, series)
        job = replace(job, source=self.source, since=begin_reading(self.inputs.span, 0))
        return pickle.dumps(job), [pickle.dumps(piece) for piece in pieces]

    def _run_workers(self, count: int) -> dict[str, Any]:
        """Seconds, processor seconds and memory."""
        folder, began = self.source.folder, time.perf_counter()
        with connect(count) as client:
            start, own = time.perf_counter(), time.process_time()
            before = sum(seconds for seconds, _ in client.run(_read_usage).values())
            evaluation = backtest_by_workers(
                self.inputs,
                lambda *at: self.tick(f"{count} workers", *at),
                Workers(where=client, folder=folder.parent, history=folder),
            )
            ended, usage = time.perf_counter(), client.run(_read_usage).values()
        self._check(len(evaluation.alarms))
        used = sum(seconds for seconds, _ in usage) - before
        return {
            "seconds": round(ended - start, 1),
            "start_s": round(start - began, 1),
            "cpu_s_a_worker": round(used / count, 1),
            "cpu_s_all_workers": round(used, 1),
            "cpu_s_client": round(time.process_time() - own, 1),
            "memory_mb_a_worker": max(most for _, most in usage),
        }

    def _check(self, alarms: int) -> None:
        if alarms != self.alarms:
            raise BenchError(f"{alarms:,} alarms, not {self.alarms:,}")


def _read_usage() -> tuple[float, int]:
    """Processor seconds of this process, and its most memory in MB."""
    status = Path("/proc/self/status").read_text()
    (most,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return time.process_time(), int(most) // 1024


def _describe_inputs(registry: Registry, source: FrozenSource) -> Inputs:
    return Inputs(
        registry=registry,
        source=source,
        catalogue=catalogue(),
        span=Span(),
        places=None,
        retention=_RETENTION,
        closed=False,
    )


def _write_history(registry: Registry, plan: Plan, folder: Path, tick: Tick) -> FrozenSource:
    """A part a week, with the series of all départements."""
    folder.mkdir()
    planned = year.choose_series(
        registry, catalogue(), rows=plan.rows, ends=year.now_of(), days=plan.days
    )
    step = _count_series(registry)
    parts = []
    for week, made in enumerate(year.make_weeks(planned)):
        tick("writing weeks", week, plan.days // 7 + 1)
        rows = made[np.argsort(made["series"], kind="stable")]
        copies = np.tile(rows, plan.departements)
        copies["series"] += np.repeat(np.arange(plan.departements, dtype="i4"), len(rows)) * step
        name = write_part(folder, int(rows["time"].min()), copies)
        parts.append(replace(describe(folder, name, None), copied=True))
    return FrozenSource(
        folder=folder,
        history=FrozenHistory(parts=tuple(parts)),
        floor=micros(planned.ends),
        gaps=(),
        closings={},
    )


def _count_series(registry: Registry) -> int:
    return max(series.id or 0 for series in registry.series.values())


def copy_registry(registry: Registry, count: int) -> Registry:
    """A number of copies of a territory in one, all but the first with other keys."""
    copies = [
        _rename(registry, f"d{number:02d}-" if number else "", number * _count_series(registry))
        for number in range(count)
    ]
    common = [revision for revision in registry.revisions if revision.kind in {"rule", "plan"}]
    own = [
        revision
        for each in copies
        for revision in each.revisions
        if revision.kind not in {"rule", "plan", "reach", "works"}
    ]
    return replace(
        registry,
        sites={name: site for each in copies for name, site in each.sites.items()},
        devices={name: device for each in copies for name, device in each.devices.items()},
        series={key: series for each in copies for key, series in each.series.items()},
        groups={name: group for each in copies for name, group in each.groups.items()},
        assets={},
        revisions=(*common, *own),
    )


def _rename(registry: Registry, prefix: str, first: int) -> Registry:
    """The same with a prefix to each name; `first`: before the numbers of its series."""
    names = {*registry.sites, *registry.devices, *registry.groups}

    def rename(key: str) -> str:
        parts = [prefix + part if part in names else part for part in key.split("/")]
        return "/".join(parts)

    def move(revision: Revision) -> Revision:
        above, link, below = revision.key.partition(">")
        key = f"{prefix}{above}>{prefix}{below}" if link else rename(revision.key)
        value = revision.value
        if revision.kind == "forecast" and value is not None:
            inputs = [{**each, "site": prefix + each["site"]} for each in value["inputs"]]
            value = {**value, "inputs": inputs}
        return replace(revision, key=key, value=value)

    return replace(
        registry,
        sites={
            prefix + name: replace(site, name=prefix + name)
            for name, site in registry.sites.items()
        },
        devices={
            prefix + name: replace(device, name=prefix + name, site=prefix + device.site)
            for name, device in registry.devices.items()
        },
        series={
            (prefix + device, quantity): replace(
                series, device=prefix + device, id=(series.id or 0) + first
            )
            for (device, quantity), series in registry.series.items()
        },
        groups={
            prefix + name: replace(
                group, name=prefix + name, site=None if group.site is None else prefix + group.site
            )
            for name, group in registry.groups.items()
        },
        revisions=tuple(move(revision) for revision in registry.revisions),
    )
