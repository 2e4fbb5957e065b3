"""Pictures of the dashboards' data in a real Chromium, without Grafana: for the README."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dashboards._links import PREFIX
from hypervisor.app.screenshots import PicturesError, chromium
from hypervisor.database import panels
from hypervisor.database.connect import Connection
from hypervisor.database.panels import Answer
from hypervisor.grafana import checking, frames, macros, variables
from hypervisor.grafana.boards import Board, Json
from hypervisor.grafana.frames import Frame
from hypervisor.grafana.macros import Span
from hypervisor.grafana.pictures_fields import Reader
from hypervisor.grafana.pictures_page import WIDTH, page
from hypervisor.grafana.variables import Chosen

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """Of which dashboards, of how long before the end of the data, and how they look.

    `tall`: px at most, cut between panels; 0: all of it.
    """

    boards: Sequence[Board]
    length: timedelta
    lang: str = "en"
    theme: str = "light"
    tall: int = 0
    only: frozenset[str] = frozenset()


def take(
    wanted: PictureOptions,
    database_url: str,
    reader_url: str,
    folder: Path,
    say: Callable[[str], None],
) -> None:
    """Draw each dashboard and write `dashboard-<key>.png`.

    Raises:
        PicturesError: no Chromium, or a dashboard of that name is not there.
        AskingError: the database refuses, or has no readings.
    """
    chosen = list(_chosen(wanted))
    folder.mkdir(parents=True, exist_ok=True)
    with panels.reader(reader_url or database_url, owner=not reader_url) as connection:
        pages = {key: drawn(board, connection, wanted) for key, board in chosen}
    with chromium() as browser:
        for key, text in pages.items():
            file = folder / f"dashboard-{key}.png"
            _shoot(browser, text, file)
            say(str(file))


def drawn(board: Board, connection: Connection, wanted: PictureOptions) -> str:
    """A dashboard's picture as a page that needs nothing else."""
    _, until = panels.spanned(connection)
    span = Span(since=until - wanted.length, until=until)
    zone = ZoneInfo(panels.timezone(connection))
    reader = Reader(lang=wanted.lang, zone=zone, now=until)
    answers = answered(board, connection, span)
    return page(board, answers, span, reader, wanted.theme, wanted.tall)


def answered(board: Board, connection: Connection, span: Span) -> dict[int, list[Frame]]:
    """What the panels' queries give, by the panel's id, with All chosen wherever it can be."""
    chosen = _opened(board, connection, span)
    found: dict[int, list[Frame]] = {}
    for piece in board.pieces():
        points = int(piece.panel.get("maxDataPoints") or checking.POINTS)
        interval = macros.interval(span, points, piece.panel.get("interval") or "")
        found[piece.panel["id"]] = [
            _framed(query, _ask(connection, query["rawSql"], span, interval, chosen))
            for query in piece.queries
        ]
    return found


def _opened(board: Board, connection: Connection, span: Span) -> dict[str, Chosen]:
    chosen = variables.everything(board.document)
    for variable in variables.defined(board.document):
        if variable.get("type") == "query" and not variable.get("includeAll"):
            answer = _ask(connection, str(variable["query"]), span, 1000, chosen)
            values = [str(row[answer.names.index("__value")]) for row in answer.rows[:1]]
            chosen[variable["name"]] = Chosen(values=tuple(values) or ("",), multi=False)
    return chosen


def _ask(
    connection: Connection, sql: str, span: Span, interval: int, chosen: Mapping[str, Chosen]
) -> Answer:
    length = {"__interval": macros.written(interval), "__interval_ms": str(interval)}
    plain = {name: Chosen(values=(value,), multi=False) for name, value in length.items()}
    text = variables.interpolated(sql, {**chosen, **plain})
    return panels.ask(connection, macros.expanded(text, span, interval))


def _framed(query: Json, answer: Answer) -> Frame:
    lines = query.get("format") == "time_series" and answer.rows
    return frames.time_series(answer) if lines else frames.table(answer)


def _chosen(wanted: PictureOptions) -> Iterator[tuple[str, Board]]:
    known = {board.name.removeprefix(f"{PREFIX}-"): board for board in wanted.boards}
    unknown = wanted.only - known.keys()
    if unknown:
        told = ", ".join(known)
        raise PicturesError(
            f"no dashboard is called {', '.join(sorted(unknown))}; there are {told}"
        )
    yield from (
        (key, board) for key, board in known.items() if not wanted.only or key in wanted.only
    )


def _shoot(browser: "Browser", text: str, file: Path) -> None:
    with _written(text) as address:
        tab = browser.new_page(viewport={"width": WIDTH, "height": 200})
        tab.goto(address)
        tab.screenshot(path=file, full_page=True)
        tab.close()


@contextmanager
def _written(text: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(text, encoding="utf-8")
        yield file.as_uri()
