"""Dashboards as Grafana's JSON: built, read from files, written to files."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dashboards import _panels
from dashboards._build import build_document, list_panels, render_json
from dashboards._describe import Dashboard, Panel
from dashboards._links import uid
from dashboards._options import Options
from dashboards._scan import dashboards
from hypervisor.base.instance import Mode
from hypervisor.database import instance as instances
from hypervisor.database import panels
from hypervisor.database.connect import connect
from sensors._errors import TerritoryError

Json = dict[str, Any]


class BoardError(TerritoryError):
    """A built dashboard cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A problem of a dashboard; `where`: its panel, variable or link."""

    dashboard: str
    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.dashboard} · {self.where}: {self.problem}"


@dataclass(frozen=True, kw_only=True)
class BuiltPanel:
    """A panel's JSON and its description, None if it is not ours."""

    panel: Json
    described: Panel | None

    @property
    def title(self) -> str:
        """Its title and key, for messages."""
        key = f" [{self.described.key}]" if self.described else ""
        return f"panel {self.panel.get('title', '?')!r}{key}"

    @property
    def queries(self) -> list[Json]:
        """Its SQL statements."""
        return [target for target in self.panel.get("targets", []) if target.get("rawSql")]


@dataclass(frozen=True, kw_only=True)
class Board:
    """A dashboard's JSON and its description."""

    document: Json
    described: Dashboard | None

    @property
    def name(self) -> str:
        """Its uid."""
        return str(self.document.get("uid", "?"))

    @property
    def domains(self) -> tuple[str, ...]:
        """Those whose sites it shows; none, where it shows all or is not described."""
        return self.described.domains if self.described else ()

    def pieces(self) -> Iterator[BuiltPanel]:
        """Its panels, also of folded rows, without the rows."""
        described = {}
        if self.described is not None:
            described = {_panels.number(panel.key): panel for panel in list_panels(self.described)}
        for panel in iter_panels(self.document):
            if panel.get("type") != "row":
                yield BuiltPanel(panel=panel, described=described.get(panel.get("id", 0)))


def iter_panels(document: Mapping[str, Any]) -> Iterator[Json]:
    """All panels, with rows and the panels folded in them."""
    for panel in document.get("panels", []):
        yield panel
        yield from panel.get("panels", [])


def build_boards(described: Iterable[Dashboard], options: Options) -> list[Board]:
    """Build the dashboards.

    Raises:
        DashboardError: a description contradicts itself.
    """
    return [Board(document=build_document(each, options), described=each) for each in described]


def read_boards(folder: Path, described: Iterable[Dashboard]) -> list[Board]:
    """Read built files, which may have been edited since.

    Raises:
        BoardError: there are none, or one is not JSON.
    """
    by_uid = {uid(each.key): each for each in described}
    boards = []
    for path in sorted(folder.glob("*.json")):
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BoardError(f"{path}: {error}") from error
        boards.append(Board(document=plain, described=by_uid.get(plain.get("uid", ""))))
    if not boards:
        raise BoardError(f"no dashboards (*.json) in {folder}; build them: dashboards build --out")
    return boards


def apply_instance_clock(options: Options, url: str) -> Options:
    """Set the instance's time zone; for an exercise, also its time range.

    Raises:
        StoreError: no database answers.
        PanelError: an exercise without readings.
    """
    with connect(url) as connection:
        instance = instances.read(connection)
        if instance is None:
            return options
        options = replace(options, timezone=instance.timezone)
        if instance.mode is not Mode.EXERCISE:
            return options
        since, until = panels.reading_span(connection)
    return replace(
        options, since=f"{since:%Y-%m-%dT%H:%M:%SZ}", until=f"{until:%Y-%m-%dT%H:%M:%SZ}"
    )


def write_files(folder: Path, options: Options) -> list[Path]:
    """Write changed dashboards; delete files of removed ones.

    Raises:
        DashboardError: a description contradicts itself; nothing is written then.
    """
    texts = {f"{uid(board.key)}.json": render_json(board, options) for board in dashboards()}
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{uid('*')}.json"):
        if old.name not in texts:
            old.unlink()
    paths = []
    for name, text in sorted(texts.items()):
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def build_documents(options: Options) -> dict[str, dict[str, Any]]:
    """Every dashboard's JSON by uid.

    Raises:
        DashboardError: a description contradicts itself.
    """
    return {uid(board.key): build_document(board, options) for board in dashboards()}
