"""Checks dashboards against a database: JSON, SQL as a reader, frames."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypervisor.database import panels
from hypervisor.database.connect import Connection
from hypervisor.database.panels import Answer, PanelError, run_query
from hypervisor.grafana import check_document, check_frames, emulation
from hypervisor.grafana.boards import Board, BuiltPanel, Finding
from hypervisor.grafana.emulation import (
    Frame,
    FrameError,
    MacroError,
    Selection,
    Span,
    VariableError,
)
from hypervisor.registry.inventory_files import read_sources

LENGTHS = {
    "1 h": timedelta(hours=1),
    "24 h": timedelta(hours=24),
    "30 d": timedelta(days=30),
    "1 y": timedelta(days=365),
}
POINTS = 900  # most data points of a wide panel
_NAMELESS = "L'Haÿ-les-Roses"  # not a value of any variable, with an apostrophe

Say = Callable[[str], None]
_REFUSALS = (PanelError, MacroError, VariableError, FrameError)


@dataclass(frozen=True, kw_only=True)
class CheckTarget:
    """The database to check against.

    `until`: the end of the data; `narrowed`: also check one and several values instead of All.
    `domains`: check only the dashboards of these; None: all.
    """

    connection: Connection
    until: datetime
    console: str = ""
    narrowed: bool = True
    domains: frozenset[str] | None = None
    lengths: dict[str, timedelta] = field(default_factory=lambda: dict(LENGTHS))

    def spans(self) -> Iterator[tuple[str, Span]]:
        """The time ranges to check, shortest first."""
        for word, length in self.lengths.items():
            yield word, Span(since=self.until - length, until=self.until)


@dataclass(kw_only=True)
class Report:
    """Counts and findings of a check."""

    dashboards: int = 0
    panels: int = 0
    queries: int = 0
    rows: int = 0
    findings: list[Finding] = field(default_factory=list)


def check_boards(boards: Sequence[Board], ground: CheckTarget) -> Report:
    """Check every dashboard."""
    report = Report()
    uids = [board.name for board in boards]
    for board in boards:
        if ground.domains is not None and ground.domains.isdisjoint(board.domains):
            continue
        report.dashboards += 1
        report.findings += check_document.find_problems(board, uids, ground.console)
        opened = emulation.default_selections(board.document)
        _BoardCheck(board=board, ground=ground, report=report, opened=opened).run()
    return report


@dataclass(kw_only=True)
class _BoardCheck:
    """The check of a dashboard. `opened`: the selections of a newly opened one."""

    board: Board
    ground: CheckTarget
    report: Report
    opened: dict[str, Selection]

    def run(self) -> None:
        self._check_variables()
        self._check_annotations()
        for piece in self.board.pieces():
            self.report.panels += 1
            self._check_panel(piece)

    def _find(self, where: str, problem: str) -> None:
        self.report.findings.append(
            Finding(dashboard=self.board.name, where=where, problem=problem)
        )

    def _ask(self, sql: str, span: Span, interval_ms: int, chosen: dict[str, Selection]) -> Answer:
        text = emulation.interpolate(sql, {**chosen, **_intervals(interval_ms)})
        answer = run_query(self.ground.connection, emulation.expand_macros(text, span, interval_ms))
        self.report.queries += 1
        self.report.rows += len(answer.rows)
        return answer

    def _check_variables(self) -> None:
        """Check each variable's query; its first value is used in the queries that follow."""
        *_, (_word, span) = self.ground.spans()
        for variable in emulation.list_variables(self.board.document):
            name = variable["name"]
            where = f"variable ${name}"
            if variable.get("type") != "query":
                continue
            try:
                answer = self._ask(str(variable["query"]), span, 1000, self.opened)
            except _REFUSALS as error:
                self._find(where, str(error))
                continue
            if not {"__value", "__text"} <= set(answer.names) and len(answer.names) != 1:
                columns = ", ".join(answer.names)
                self._find(where, f"its columns are {columns}; expected __text and __value, or one")
            elif not answer.rows:
                self._find(where, "it offers no value")
            elif not variable.get("includeAll"):
                self.opened[name] = _first_choice(answer, self.opened[name])

    def _check_annotations(self) -> None:
        for annotation in check_document.list_annotations(self.board.document):
            where = f"annotation {annotation['name']!r}"
            sql = annotation["target"]["rawSql"]
            for word, span in self.ground.spans():
                try:
                    frame = emulation.table(self._ask(sql, span, 1000, self.opened))
                except _REFUSALS as error:
                    self._find(where, f"{word}: {error}")
                    break
                for column in ("time", "text"):
                    if frame.kind(column) is None:
                        self._find(where, f"it has no column {column!r}")
                late = [time for time in frame.times() if not span.since <= time <= span.until]
                if late:
                    self._find(where, f"{word}: {len(late)} rows lie outside the time range")

    def _check_panel(self, piece: BuiltPanel) -> None:
        described = piece.described
        panel_frames: list[Frame] = []
        reported = set[str]()
        for query in piece.queries:
            if not check_frames.timed(query["rawSql"]) and not (described and described.timeless):
                self._find(
                    piece.title,
                    f"query {query['refId']} does not use the time range; add $__timeFilter(…),"
                    " or say in `timeless` why it need not",
                )
        for word, span in self.ground.spans():
            span_frames = self._build_frames(piece, span, reported, word)
            if span_frames is None:
                return  # report a mistake once, not once per range
            panel_frames += span_frames
            empty = piece.queries and all(frame.empty for frame in span_frames)
            if empty and not (described and described.empty):
                self._find(piece.title, f"{word}: it is empty; say in `empty` why it may be")
        for text in check_frames.find_name_problems(piece, panel_frames) if panel_frames else ():
            self._find(piece.title, text)
        if self.ground.narrowed:
            self._check_narrowed(piece)

    def _build_frames(
        self, piece: BuiltPanel, span: Span, reported: set[str], word: str
    ) -> list[Frame] | None:
        """A frame per query; None if one failed."""
        points = int(piece.panel.get("maxDataPoints") or POINTS)
        interval_ms = emulation.compute_interval(span, points, piece.panel.get("interval") or "")
        query_frames = []
        for query in piece.queries:
            where = f"query {query['refId']}, {word}"
            try:
                answer = self._ask(query["rawSql"], span, interval_ms, self.opened)
                timed = query.get("format") == "time_series" and answer.rows
                frame = emulation.time_series(answer) if timed else emulation.table(answer)
            except _REFUSALS as error:
                self._find(piece.title, f"{where}: {error}")
                return None
            query_frames.append(frame)
            for text in check_frames.find_frame_problems(piece, frame, span, interval_ms):
                if text not in reported:
                    reported.add(text)
                    self._find(piece.title, f"{where}: {text}")
        return query_frames

    def _narrow(self, values: tuple[str, ...]) -> dict[str, Selection]:
        """Set every query variable to these values; single ones to the first."""
        narrowed = dict(self.opened)
        for variable in emulation.list_variables(self.board.document):
            if variable.get("type") == "query":
                multi = self.opened[variable["name"]].multi
                chosen = values if multi else values[:1]
                narrowed[variable["name"]] = Selection(values=chosen, multi=multi)
        return narrowed

    def _check_narrowed(self, piece: BuiltPanel) -> None:
        """Queries also work with one value, and with several that hold an apostrophe."""
        _, span = next(self.ground.spans())
        for values in ((_NAMELESS,), (_NAMELESS, "another")):
            narrowed = self._narrow(values)
            if narrowed == self.opened:
                return
            for query in piece.queries:
                try:
                    self._ask(query["rawSql"], span, 60_000, narrowed)
                except _REFUSALS as error:
                    where = f"query {query['refId']}, with {' and '.join(values)} chosen"
                    self._find(piece.title, f"{where}: {error}")
                    return


def _first_choice(answer: Answer, chosen: Selection) -> Selection:
    place = answer.names.index("__value") if "__value" in answer.names else 0
    return Selection(values=(str(answer.rows[0][place]),), multi=chosen.multi)


def _intervals(interval_ms: int) -> dict[str, Selection]:
    """The interval variables that Grafana's front end fills in."""
    return {
        "__interval": Selection(values=(emulation.format_interval(interval_ms),), multi=False),
        "__interval_ms": Selection(values=(str(interval_ms),), multi=False),
    }


def check_instance(
    built: Sequence[Board],
    console: str,
    database_url: str,
    reader_url: str = "",
    domains: frozenset[str] | None = None,
) -> Report:
    """Check against an instance's data, as a reader that logs in, or as our own role of one.

    Raises:
        PanelError: the database refuses, or has no readings.
    """
    with panels.reader(reader_url or database_url, owner=not reader_url) as connection:
        _, until = panels.reading_span(connection)
        target = CheckTarget(connection=connection, until=until, console=console, domains=domains)
        return check_boards(built, target)


def check_simulated(
    built: Sequence[Board],
    console: str,
    scenario: str,
    *,
    say: Say,
    sources: Sequence[str] | None = None,
) -> Report:
    """Check against a private database filled by the simulators, removed afterwards.

    `sources`: inventory files, of whose domains the dashboards are checked; None: the Essonne, and
    all dashboards.
    """
    from hypervisor.grafana.sample_data import simulated_database  # noqa: PLC0415  starts servers

    inventory = read_sources(sources or ["essonne"])
    domains = frozenset(str(site.given.get("domain")) for site in inventory.sites)
    with simulated_database(scenario, inventory, say=say) as url:
        return check_instance(built, console, url, domains=domains if sources else None)


def report_values(report: Report) -> dict[str, Any]:
    """The report for JSON."""
    return {"ok": not report.findings, **asdict(report)}


def report_lines(report: Report) -> Iterator[str]:
    """The report as text, one line per finding."""
    for finding in report.findings:
        yield str(finding)
    wrong = len(report.findings)
    yield (
        f"{report.dashboards} dashboards, {report.panels} panels, {report.queries} queries,"
        f" {report.rows} rows: {f'{wrong} problems' if wrong else 'no problems'}"
    )
