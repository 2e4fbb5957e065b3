"""`hypervisor bench dashboards`: every panel over a year, from roll-ups and without them."""

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
from hypervisor.bench import year
from hypervisor.bench.servers import Ground
from hypervisor.bench.year import Year
from hypervisor.grafana import macros, variables
from hypervisor.grafana.boards import Board, Piece
from hypervisor.grafana.checking import POINTS
from hypervisor.grafana.inspecting import built
from hypervisor.grafana.macros import Span
from hypervisor.rollups import following
from hypervisor.stack import passwords
from hypervisor.store import benching, panels, rawonly
from hypervisor.store.connect import Connection, connect
from hypervisor.store.panels import AskingError
from sensors._domain import catalogue

_READER = "bench"
_CONSOLE = "http://console"
Tick = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Readings stored, spread over a year, and how often each panel is asked."""

    rows: int = 5_000_000
    rounds: int = 5


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A panel: ms of each round, all its statements together. `failed`: what the database said."""

    board: str
    title: str
    ms: Sequence[float]
    rows: int
    failed: str = ""


def measure(ground: Ground, plan: Plan, tick: Tick) -> dict[str, Any]:
    """Every panel of every dashboard, as a reader of the whole territory, over the year."""
    url = ground.settings.database_url
    told = _filled(url, plan, tick)
    boards = built(Options(catalogue=catalogue(), console_url=_CONSOLE, others=dashboards()))
    password = passwords.new_password()
    with connect(url) as connection:
        readers.ensure_reader(connection, _READER, password, timeout=600)
        rawonly.prepare(connection)
    asker = _as_reader(url, password)
    with panels.reader(asker) as connection:
        rolled = list(_asked(connection, boards, told, plan.rounds, _named(tick, "rolled up")))
    with panels.reader(asker) as connection:
        rawonly.before(connection)
        raw = list(_asked(connection, boards, told, 1, _named(tick, "without roll-ups")))
    return _result(told, rolled, raw)


def _filled(url: str, plan: Plan, tick: Tick) -> Year:
    known = catalogue()
    with connect(url) as connection:
        told = year.plan(connection, known, rows=plan.rows, ends=year.now_of())
    with connect(url, autocommit=True) as connection:
        year.fill(connection, told, lambda *at: tick("storing", *at))
        benching.settle(connection)
        tick("rolling up", 0, 1)
        following.catch_up(connection, known)
        connection.execute("VACUUM ANALYZE")
    return told


def _named(tick: Tick, text: str) -> Callable[[int, int], None]:
    return lambda done, of: tick(text, done, of)


def _as_reader(url: str, password: str) -> str:
    parts = urlsplit(url)
    place = f"reader_{_READER}:{password}@{parts.hostname}:{parts.port}"
    return urlunsplit(parts._replace(netloc=place))


def _asked(
    connection: Connection,
    boards: Sequence[Board],
    told: Year,
    rounds: int,
    tick: Callable[[int, int], None],
) -> Iterator[Asked]:
    every = [(board, piece) for board in boards for piece in board.pieces() if piece.queries]
    span = Span(since=told.ends - timedelta(days=year.DAYS), until=told.ends)
    for number, (board, piece) in enumerate(every):
        tick(number, len(every))
        yield _one(connection, board, piece, span, rounds)


def _one(connection: Connection, board: Board, piece: Piece, span: Span, rounds: int) -> Asked:
    points = int(piece.panel.get("maxDataPoints") or POINTS)
    interval = macros.interval(span, points, piece.panel.get("interval") or "")
    chosen = variables.everything(board.document)
    statements = [
        macros.expanded(variables.interpolated(query["rawSql"], chosen), span, interval)
        for query in piece.queries
    ]
    took, rows, failed = [], 0, ""
    for _ in range(rounds):
        began = time.perf_counter()
        try:
            rows = sum(len(panels.ask(connection, statement).rows) for statement in statements)
        except AskingError as error:
            failed = str(error)
        took.append((time.perf_counter() - began) * 1000)
    title = piece.described.key if piece.described else str(piece.panel.get("title"))
    return Asked(board=board.name, title=title, ms=took, rows=rows, failed=failed)


def _result(told: Year, rolled: Sequence[Asked], raw: Sequence[Asked]) -> dict[str, Any]:
    return {
        "bench": "dashboards",
        "readings": told.rows,
        "series": len(told.told),
        "days": year.DAYS,
        "panels": len(rolled),
        **_figures(rolled, ""),
        **_figures(raw, "_without"),
        "failed": {f"{one.board} {one.title}": one.failed for one in rolled if one.failed},
        "dashboards": {
            name: _board(name, rolled, raw) for name in sorted({a.board for a in rolled})
        },
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
    }


def _figures(asked: Sequence[Asked], suffix: str) -> dict[str, float]:
    every = sorted(ms for one in asked for ms in one.ms)
    return {
        f"p50_ms{suffix}": round(statistics.median(every), 1),
        f"p95_ms{suffix}": round(_p95(every), 1),
        f"worst_ms{suffix}": round(every[-1], 1),
    }


def _board(name: str, rolled: Sequence[Asked], raw: Sequence[Asked]) -> dict[str, Any]:
    own = [one for one in rolled if one.board == name]
    without = {one.title: one.ms[0] for one in raw if one.board == name}
    return {
        **_figures(own, ""),
        "panels": {
            one.title: {
                "ms": round(statistics.median(one.ms), 1),
                "worst_ms": round(max(one.ms), 1),
                "without_ms": round(without[one.title], 1),
                "rows": one.rows,
            }
            for one in own
        },
    }


def _p95(ordered: Sequence[float]) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
