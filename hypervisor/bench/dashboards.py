"""`hypervisor bench dashboards`: every panel over a year, as two readers and without roll-ups."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
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
class PanelTimes:
    """A panel: ms of each round, all its statements together. `failed`: what the database said."""

    board: str
    title: str
    ms: Sequence[float]
    rows: int
    failed: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.ms)


@dataclass(frozen=True, kw_only=True)
class Thrice:
    """A panel as the reader of everything asks it, as the held one, and without roll-ups."""

    whole: PanelTimes
    held: PanelTimes
    raw: PanelTimes

    @property
    def name(self) -> str:
        return f"{self.whole.board} {self.whole.title}"

    @property
    def failed(self) -> str:
        return self.whole.failed or self.held.failed

    @property
    def ratio(self) -> float:
        """How many times as long the held reader waits."""
        return self.held.median / self.whole.median


def measure(ground: Ground, plan: Plan, tick: Tick) -> dict[str, Any]:
    """Every panel of every dashboard over the year, as a reader of the whole territory.

    And as one who is held to an EPCI, panel by panel beside the other: what else the machine does
    weighs on both.
    """
    url = ground.settings.database_url
    sample = _filled(url, plan, tick)
    boards = build_boards(
        dashboards(), Options(catalogue=catalogue(), console_url=_CONSOLE, others=dashboards())
    )
    whole, held = _readers(url)
    with panels.reader(whole) as everyone, panels.reader(held) as some:
        whole_times = _time_panels(everyone, boards, sample, plan.rounds, _named(tick, "rolled up"))
        theirs = _time_panels(some, boards, sample, plan.rounds, lambda _done, _of: None)
        pairs = list(zip(whole_times, theirs, strict=True))
    with panels.reader(whole) as connection:
        queries_raw.before(connection)
        raw = list(_time_panels(connection, boards, sample, 1, _named(tick, "without roll-ups")))
    thrice = zip(pairs, raw, strict=True)
    return _result(sample, [Thrice(whole=a, held=b, raw=without) for (a, b), without in thrice])


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


def _named(tick: Tick, text: str) -> Callable[[int, int], None]:
    return lambda done, of: tick(text, done, of)


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


def _time_panels(
    connection: Connection,
    boards: Sequence[Board],
    sample: Year,
    rounds: int,
    tick: Callable[[int, int], None],
) -> Iterator[PanelTimes]:
    every = [(board, piece) for board in boards for piece in board.pieces() if piece.queries]
    span = Span(since=sample.ends - timedelta(days=year.DAYS), until=sample.ends)
    for number, (board, piece) in enumerate(every):
        tick(number, len(every))
        yield _time_panel(connection, board, piece, span, rounds)


def _time_panel(
    connection: Connection, board: Board, piece: BuiltPanel, span: Span, rounds: int
) -> PanelTimes:
    points = int(piece.panel.get("maxDataPoints") or POINTS)
    interval = emulation.compute_interval(span, points, piece.panel.get("interval") or "")
    chosen = emulation.default_selections(board.document)
    statements = [
        emulation.expand_macros(emulation.interpolate(query["rawSql"], chosen), span, interval)
        for query in piece.queries
    ]
    took, rows, failed = [], 0, ""
    for _ in range(rounds):
        began = time.perf_counter()
        try:
            answers = [panels.run_query(connection, statement) for statement in statements]
            rows = sum(len(answer.rows) for answer in answers)
        except PanelError as error:
            failed = str(error)
        took.append((time.perf_counter() - began) * 1000)
    title = piece.described.key if piece.described else str(piece.panel.get("title"))
    return PanelTimes(board=board.name, title=title, ms=took, rows=rows, failed=failed)


def _result(sample: Year, panels: Sequence[Thrice]) -> dict[str, Any]:
    ratios = sorted(thrice.ratio for thrice in panels)
    return {
        "bench": "dashboards",
        "readings": sample.rows,
        "series": len(sample.sampled),
        "days": year.DAYS,
        "panels": len(panels),
        **_figures([thrice.whole for thrice in panels], ""),
        **_figures([thrice.held for thrice in panels], "_held"),
        "p50_ratio_held": round(statistics.median(ratios), 2),
        "p95_ratio_held": round(_p95(ratios), 2),
        **_figures([thrice.raw for thrice in panels], "_without"),
        "failed": {thrice.name: thrice.failed for thrice in panels if thrice.failed},
        "dashboards": {
            board: _board([thrice for thrice in panels if thrice.whole.board == board])
            for board in sorted({thrice.whole.board for thrice in panels})
        },
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
    }


def _figures(panels: Sequence[PanelTimes], suffix: str) -> dict[str, float]:
    every = sorted(ms for panel in panels for ms in panel.ms)
    return {
        f"p50_ms{suffix}": round(statistics.median(every), 1),
        f"p95_ms{suffix}": round(_p95(every), 1),
        f"worst_ms{suffix}": round(every[-1], 1),
    }


def _board(own: Sequence[Thrice]) -> dict[str, Any]:
    return {
        **_figures([thrice.whole for thrice in own], ""),
        "panels": {
            thrice.whole.title: {
                "ms": round(thrice.whole.median, 1),
                "worst_ms": round(max(thrice.whole.ms), 1),
                "held_ms": round(thrice.held.median, 1),
                "without_ms": round(thrice.raw.ms[0], 1),
                "rows": thrice.whole.rows,
            }
            for thrice in own
        },
    }


def _p95(ordered: Sequence[float]) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
