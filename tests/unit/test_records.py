"""Records are given by name and do not change: what one part was handed, none changes under it."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

PACKAGES = ("hypervisor", "ingest", "rules", "simulators", "sensors")
# What keeps a state, and is no record.
CHANGING = frozenset(
    f"{module}.{name}"
    for module, names in {
        "hypervisor.bench.ingest": "Bench",
        "hypervisor.backtest.results": "Results",
        "hypervisor.cluster.account_follower": "Follower",
        "hypervisor.cluster.admission": "Admission",
        "hypervisor.cluster.clock": "ClockWatch",
        "hypervisor.citizens.channels": "MailChannel PushChannel",
        "hypervisor.citizens.lane": "Lane",
        "hypervisor.web.shared_render": "_Slot",
        "hypervisor.exercises.run_controller": "RunController",
        "hypervisor.base.xml_reader": "_Collector",
        "hypervisor.external.service": "Changes _Intake",
        "hypervisor.feeds.observations": "Progress",
        "hypervisor.feeds.poll": "PartFailures",
        "hypervisor.forecast.experts_prv": "_Head",
        "hypervisor.forecast.issuing": "Issuing",
        "hypervisor.sparkplug.bridge": "_Bridge",
        "hypervisor.sparkplug.edge_node": "Outcome",
        "hypervisor.geography.rivers": "_Match",
        "hypervisor.exercises.territory": "_Facts",
        "hypervisor.grafana.service_check": "Report _BoardCheck",
        "hypervisor.readings.importing": "ImportCounts",
        "hypervisor.notifications.deadman": "DeadMan",
        "hypervisor.base.senders": "Senders _Run",
        "hypervisor.cluster.disk_watch": "DiskWatch",
        "hypervisor.commands.evidence": "Judge",
        "hypervisor.database.steps": "Steps",
        "hypervisor.database.worker": "Loops",
        "hypervisor.evaluation.tail_budget": "TailBudget",
        "hypervisor.notifications.lateness": "Lateness",
        "hypervisor.rulebook.pack_checks": "CheckBudget",
        "hypervisor.web.workers": "_Worker",
        "hypervisor.notifications.loop": "Notifier",
        "hypervisor.notifications.dispatcher": "Dispatcher",
        "hypervisor.notifications.route_file": "_Reader",
        "hypervisor.base.process": "Life",
        "hypervisor.stack.liveness": "DatabasePulse PipePulse SchedulerPulse",
        "hypervisor.stack.run_state": "StopRequest",
        "hypervisor.stack.supervisor": "Supervisor _Child",
        "hypervisor.stack.up": "_RunningInstance",
        "hypervisor.stack.up_cluster": "_RunningMachine",
        "hypervisor.stack.upkeep": "Upkeep",
        "hypervisor.readings.queries_workers": "Tally",
        "hypervisor.evaluation.setbacks": "Setbacks",
        "hypervisor.evaluation.recent_values": "RecentValues",
        "hypervisor.evaluation.series_stats": "SeriesStats",
        "hypervisor.evaluation.series_tail": "WaitingRows",
        "hypervisor.evaluation.prefilter": "Prefilter",
        "hypervisor.evaluation.memory": "Memory Standing Watermark",
        "hypervisor.evaluation.territory": "Territory _AppliedRules",
        "hypervisor.evaluation.arrivals": "Arrived",
        "hypervisor.evaluation.recording": "Findings",
        "hypervisor.evaluation.schedule": "EvaluationPlan",
        "hypervisor.evaluation.subjects": "_Site",
        "hypervisor.evaluation.power_schedule": "PowerSchedule _Supplies",
        "hypervisor.evaluation.touched_sites": "TouchedSites",
        "ingest.breaker": "_Device",
        "ingest.check": "_Columns",
        "ingest.decode": "Decoded",
        "ingest.reply": "ParsedPayload",
        "simulators._obedience": "Actuators",
        "simulators._publications": "_Message",
        "simulators._run_control": "ScenarioClock",
        "simulators._script": "Script",
    }.items()
    for name in names.split()
)
# Of few parts, whose order says what they are.
IN_ORDER = {
    "hypervisor.geography.rivers._Step",
    "hypervisor.standards.expressions._Token",
    *(
        f"hypervisor.standards.model.{name}"
        for name in (
            "Call",
            "Geometry",
            "Interval",
            "Literal",
            "Negation",
            "Operation",
            "Path",
        )
    ),
    "hypervisor.standards.options.Segment",
    "hypervisor.standards.queries_filter._Function",
    "hypervisor.standards.queries_places.Term",
    "hypervisor.backtest.sources.CachedSource",
    "hypervisor.exercises.plan.RunPlan",
    "hypervisor.evaluation.power_schedule._Supplies",
    "ingest.speaker.Senders",
}


def records() -> Iterator[tuple[str, Any]]:
    for package in map(importlib.import_module, PACKAGES):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith("__main__"):
                continue
            module = importlib.import_module(found.name)
            for name, value in vars(module).items():
                if inspect.isclass(value) and value.__module__ == found.name:
                    yield f"{found.name}.{name}", value


def look() -> None:
    every: dict[str, Any] = {name: value for name, value in records() if is_dataclass(value)}
    assert len(every) > 400
    changing = {name for name, value in every.items() if not value.__dataclass_params__.frozen}
    assert changing == CHANGING, changing ^ CHANGING
    in_order = {
        name for name, value in every.items() if not all(one.kw_only for one in fields(value))
    }
    assert in_order == IN_ORDER, in_order ^ IN_ORDER


def test_records_are_given_by_name_and_do_not_change() -> None:
    """In a process of its own, since it imports all there is."""
    words = [sys.executable, "-c", "from tests.unit.test_records import look; look()"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
