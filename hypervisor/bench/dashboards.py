"""`hypervisor bench dashboards`: every panel over a year, as two readers and without roll-ups."""

import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from dashboards._options import Options
from dashboards._scan import dashboards
from hypervisor.accounts import readers
from hypervisor.bench import queries, queries_raw, year
from hypervisor.bench.servers import Ground, Tick
from hypervisor.bench.year import Year
from hypervisor.broker import passwords
from hypervisor.database import panels
from hypervisor.database.connect import Connection, connect
from hypervisor.database.panels import PanelError
from hypervisor.evaluation import lighting_plans
from hypervisor.grafana import emulation
from hypervisor.grafana.boards import Board, BuiltPanel, build_boards
from hypervisor.grafana.emulation import Span
from hypervisor.grafana.service_check import POINTS
from hypervisor.readings import rollup
from sensors._domain import catalogue

_READER, _HELD = "bench", "bench_held"
_EPCI = "200056232"  # of the example: Paris-Saclay, two fifths of its devices
_CONSOLE = "http://console"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Readings stored, spread over a year, and how often each panel is asked."""

    rows: int = 5_000_000
    rounds: int = 5


@dataclass(frozen=True, kw_only=True)
class Timings:
    """ms of each round of a panel, all its statements together; its rows, or the failure."""

    ms: Sequence[float]
    rows: int
    failed: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.ms)


@dataclass(frozen=True, kw_only=True)
class PanelTimes:
    """A panel for the reader of everything, for a held reader, and without roll-ups."""

    board: str
    title: str
    whole: Timings
    held: Timings
    raw: Timings

    @property
    def failed(self) -> str:
        return self.whole.failed or self.held.failed


def measure(ground: Ground, plan: Plan, tick: Tick) -> dict[str, Any]:
    """Every panel of every dashboard over the year, as a reader of the whole territory.

    And as an account limited to an EPCI, panel by panel beside the other, so that other load
    weighs on both.
    """
    url = ground.settings.database_url
    sample = _filled(url, plan, tick)
    boards = build_boards(
        dashboards(), Options(catalogue=catalogue(), console_url=_CONSOLE, others=dashboards())
    )
    every = [(board, piece) for board in boards for piece in board.pieces() if piece.queries]
    statements = [_statements(board, piece, sample) for board, piece in every]
    whole_url, held_url = _readers(url)
    pairs = []
    with panels.reader(whole_url) as everyone, panels.reader(held_url) as some:
        for number, own in enumerate(statements):
            tick("rolled up", number, len(every))
            pairs.append((_ask(everyone, own, plan.rounds), _ask(some, own, plan.rounds)))
    raw = []
    with panels.reader(whole_url) as connection:
        queries_raw.before(connection)
        for number, own in enumerate(statements):
            tick("without roll-ups", number, len(every))
            raw.append(_ask(connection, own, 1))
    return _result(
        sample,
        [
            PanelTimes(board=board.name, title=_title(piece), whole=whole, held=held, raw=alone)
            for (board, piece), (whole, held), alone in zip(every, pairs, raw, strict=True)
        ],
    )


def _filled(url: str, plan: Plan, tick: Tick) -> Year:
    words = catalogue()
    with connect(url) as connection:
        sample = year.plan(connection, words, rows=plan.rows, ends=year.now_of())
    with connect(url, autocommit=True) as connection:
        year.fill(connection, sample, lambda *at: tick("storing", *at))
        queries.settle(connection)
        tick("rolling up", 0, 1)
        rollup.catch_up(connection, words, idle_work=lighting_plans.keep)
        connection.execute("VACUUM ANALYZE")
    return sample


def _readers(url: str) -> tuple[str, str]:
    """As whom the two log in."""
    password = passwords.new_password()
    with connect(url) as connection:
        readers.ensure_reader(connection, _READER, password, timeout=600)
        readers.ensure_reader(connection, _HELD, password, _EPCI, timeout=600)
        queries_raw.prepare(connection)
    return _as_reader(url, _READER, password), _as_reader(url, _HELD, password)


def _as_reader(url: str, name: str, password: str) -> str:
    parts = urlsplit(url)
    place = f"reader_{name}:{password}@{parts.hostname}:{parts.port}"
    return urlunsplit(parts._replace(netloc=place))


def _statements(board: Board, piece: BuiltPanel, sample: Year) -> list[str]:
    """A panel's SQL over the year, with the board's default choices."""
    span = Span(since=sample.ends - timedelta(days=year.DAYS), until=sample.ends)
    points = int(piece.panel.get("maxDataPoints") or POINTS)
    interval = emulation.compute_interval(span, points, piece.panel.get("interval") or "")
    chosen = emulation.default_selections(board.document)
    return [
        emulation.expand_macros(emulation.interpolate(query["rawSql"], chosen), span, interval)
        for query in piece.queries
    ]


def _title(piece: BuiltPanel) -> str:
    return piece.described.key if piece.described else str(piece.panel.get("title"))


def _ask(connection: Connection, statements: Sequence[str], rounds: int) -> Timings:
    took, rows, failed = [], 0, ""
    for _ in range(rounds):
        began = time.perf_counter()
        try:
            answers = [panels.run_query(connection, statement) for statement in statements]
            rows = sum(len(answer.rows) for answer in answers)
        except PanelError as error:
            failed = str(error)
        took.append((time.perf_counter() - began) * 1000)
    return Timings(ms=took, rows=rows, failed=failed)


def _result(sample: Year, panels: Sequence[PanelTimes]) -> dict[str, Any]:
    ratios = sorted(panel.held.median / panel.whole.median for panel in panels)
    return {
        "bench": "dashboards",
        "readings": sample.rows,
        "series": len(sample.sampled),
        "days": year.DAYS,
        "panels": len(panels),
        **_figures([panel.whole for panel in panels], ""),
        **_figures([panel.held for panel in panels], "_held"),
        "p50_ratio_held": round(statistics.median(ratios), 2),
        "p95_ratio_held": round(_p95(ratios), 2),
        **_figures([panel.raw for panel in panels], "_without"),
        "failed": {
            f"{panel.board} {panel.title}": panel.failed for panel in panels if panel.failed
        },
        "dashboards": {
            board: _board([panel for panel in panels if panel.board == board])
            for board in sorted({panel.board for panel in panels})
        },
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
    }


def _figures(panels: Sequence[Timings], suffix: str) -> dict[str, float]:
    every = sorted(ms for panel in panels for ms in panel.ms)
    return {
        f"p50_ms{suffix}": round(statistics.median(every), 1),
        f"p95_ms{suffix}": round(_p95(every), 1),
        f"worst_ms{suffix}": round(every[-1], 1),
    }


def _board(own: Sequence[PanelTimes]) -> dict[str, Any]:
    return {
        **_figures([panel.whole for panel in own], ""),
        "panels": {
            panel.title: {
                "ms": round(panel.whole.median, 1),
                "worst_ms": round(max(panel.whole.ms), 1),
                "held_ms": round(panel.held.median, 1),
                "without_ms": round(panel.raw.ms[0], 1),
                "rows": panel.whole.rows,
            }
            for panel in own
        },
    }


def _p95(ordered: Sequence[float]) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
