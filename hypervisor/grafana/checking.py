"""Every dashboard held against a database: its JSON, its SQL as the reader, what comes back."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypervisor.database.connect import Connection
from hypervisor.database.panels import Answer, AskingError, ask
from hypervisor.grafana import frames, macros, parts, shapes, variables
from hypervisor.grafana.boards import Board, Finding, Json, Piece
from hypervisor.grafana.frames import Frame, FrameError
from hypervisor.grafana.macros import MacroError, Span
from hypervisor.grafana.variables import Chosen, VariableError

LENGTHS = {
    "1 h": timedelta(hours=1),
    "24 h": timedelta(hours=24),
    "30 d": timedelta(days=30),
    "1 y": timedelta(days=365),
}
POINTS = 900  # pixels that a wide panel has, and so points at most
_NAMELESS = "L'Haÿ-les-Roses"  # no value of any variable, and an apostrophe

Notice = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What the dashboards are held against.

    `until`: the end of the data; `narrowed`: also with one and several choices instead of All.
    """

    connection: Connection
    until: datetime
    console: str = ""
    narrowed: bool = True
    lengths: dict[str, timedelta] = field(default_factory=lambda: dict(LENGTHS))

    def spans(self) -> Iterator[tuple[str, Span]]:
        """The spans asked, the shortest first."""
        for word, length in self.lengths.items():
            yield word, Span(since=self.until - length, until=self.until)


@dataclass(kw_only=True)
class Report:
    """What was checked, and what is wrong."""

    dashboards: int = 0
    panels: int = 0
    queries: int = 0
    rows: int = 0
    findings: list[Finding] = field(default_factory=list)


def check(
    boards: Sequence[Board], ground: Ground, *, notice: Notice = lambda _board: None
) -> Report:
    """Hold every dashboard against the ground."""
    report = Report()
    uids = [board.name for board in boards]
    for board in boards:
        notice(board.name)
        report.dashboards += 1
        report.findings += parts.problems(board, uids, ground.console)
        asker = _Asker(board=board, ground=ground, report=report)
        asker.run()
    return report


@dataclass(kw_only=True)
class _Asker:
    """One dashboard's questions."""

    board: Board
    ground: Ground
    report: Report

    def run(self) -> None:
        opened = variables.everything(self.board.document)
        self._variables(opened)
        self._annotations(opened)
        for piece in self.board.pieces():
            self.report.panels += 1
            self._panel(piece, opened)

    def _find(self, where: str, problem: str) -> None:
        self.report.findings.append(
            Finding(dashboard=self.board.name, where=where, problem=problem)
        )

    def _ask(self, sql: str, span: Span, interval_ms: int, chosen: dict[str, Chosen]) -> Answer:
        text = variables.interpolated(sql, {**chosen, **_intervals(interval_ms)})
        answer = ask(self.ground.connection, macros.expanded(text, span, interval_ms))
        self.report.queries += 1
        self.report.rows += len(answer.rows)
        return answer

    def _variables(self, opened: dict[str, Chosen]) -> None:
        """Each gives words to choose from; then each of its choices is one for the others."""
        _, span = list(self.ground.spans())[-1]
        for variable in variables.defined(self.board.document):
            where = f"variable ${variable['name']}"
            if variable.get("type") != "query":
                continue
            try:
                answer = self._ask(str(variable["query"]), span, 1000, opened)
            except (AskingError, MacroError, VariableError) as error:
                self._find(where, str(error))
                continue
            if not {"__value", "__text"} <= set(answer.names) and len(answer.names) != 1:
                told = ", ".join(answer.names)
                self._find(where, f"its columns are {told}; expected __text and __value, or one")
            elif not answer.rows:
                self._find(where, "there is nothing to choose")
            elif not variable.get("includeAll"):
                opened[variable["name"]] = _first(answer, opened[variable["name"]])

    def _annotations(self, opened: dict[str, Chosen]) -> None:
        for annotation in parts.annotations(self.board.document):
            where = f"annotation {annotation['name']!r}"
            sql = annotation["target"]["rawSql"]
            for word, span in self.ground.spans():
                try:
                    frame = frames.table(self._ask(sql, span, 1000, opened))
                except (AskingError, MacroError, VariableError, FrameError) as error:
                    self._find(where, f"{word}: {error}")
                    break
                for column in ("time", "text"):
                    if frame.kind(column) is None:
                        self._find(where, f"it has no column {column!r}")
                late = [time for time in frame.times() if not span.since <= time <= span.until]
                if late:
                    self._find(where, f"{word}: {len(late)} rows are not of the time asked")

    def _panel(self, piece: Piece, opened: dict[str, Chosen]) -> None:
        found: list[Frame] = []
        said = set[str]()
        for query in piece.queries:
            if not shapes.timed(query["rawSql"]) and not _timeless(piece):
                self._find(
                    piece.title,
                    f"query {query['refId']} does not ask for the time shown; add $__timeFilter(…),"
                    " or say in `timeless` why it need not",
                )
        for word, span in self.ground.spans():
            asked = self._frames(piece, span, opened, said, word)
            if asked is None:
                return  # one sentence for one mistake, not one a span
            found += asked
            if all(frame.empty for frame in asked) and piece.queries and not _empty(piece):
                self._find(piece.title, f"{word}: it is empty; say in `empty` why it may be")
        for text in shapes.name_problems(piece, found) if found else ():
            self._find(piece.title, text)
        if self.ground.narrowed:
            self._chosen(piece, opened)

    def _frames(
        self, piece: Piece, span: Span, opened: dict[str, Chosen], said: set[str], word: str
    ) -> list[Frame] | None:
        """A frame a query; None: one failed."""
        points = int(piece.panel.get("maxDataPoints") or POINTS)
        interval_ms = macros.interval(span, points, piece.panel.get("interval") or "")
        found = []
        for query in piece.queries:
            try:
                answer = self._ask(query["rawSql"], span, interval_ms, opened)
                frame = _frame(query, answer)
            except (AskingError, MacroError, VariableError, FrameError) as error:
                self._find(piece.title, f"query {query['refId']}, {word}: {error}")
                return None
            found.append(frame)
            for text in shapes.frame_problems(piece, frame, span, interval_ms):
                if text not in said:
                    said.add(text)
                    self._find(piece.title, f"query {query['refId']}, {word}: {text}")
        return found

    def _narrowed(self, opened: dict[str, Chosen], values: tuple[str, ...]) -> dict[str, Chosen]:
        """Every variable that the database offers words for has these: one, where it has one."""
        asked = {
            variable["name"]
            for variable in variables.defined(self.board.document)
            if variable.get("type") == "query"
        }
        return {
            name: Chosen(values=values if chosen.multi else values[:1], multi=chosen.multi)
            if name in asked
            else chosen
            for name, chosen in opened.items()
        }

    def _chosen(self, piece: Piece, opened: dict[str, Chosen]) -> None:
        """One value, and several with an apostrophe, are asked without an error as well as All."""
        _, span = next(self.ground.spans())
        for values in ((_NAMELESS,), (_NAMELESS, "another")):
            narrowed = self._narrowed(opened, values)
            if narrowed == opened:
                return
            for query in piece.queries:
                try:
                    self._ask(query["rawSql"], span, 60_000, narrowed)
                except (AskingError, MacroError, VariableError) as error:
                    told = " and ".join(values)
                    self._find(piece.title, f"query {query['refId']}, with {told} chosen: {error}")
                    return


def _frame(query: Json, answer: Answer) -> Frame:
    made = frames.time_series if query.get("format") == "time_series" else frames.table
    if not answer.rows:
        return frames.table(answer)
    return made(answer)


def _first(answer: Answer, chosen: Chosen) -> Chosen:
    place = answer.names.index("__value") if "__value" in answer.names else 0
    return Chosen(values=(str(answer.rows[0][place]),), multi=chosen.multi)


def _intervals(interval_ms: int) -> dict[str, Chosen]:
    """The front end puts these in as it does variables."""
    return {
        "__interval": Chosen(values=(macros.written(interval_ms),), multi=False),
        "__interval_ms": Chosen(values=(str(interval_ms),), multi=False),
    }


def _empty(piece: Piece) -> bool:
    return piece.described is not None and bool(piece.described.empty)


def _timeless(piece: Piece) -> bool:
    return piece.described is not None and bool(piece.described.timeless)
