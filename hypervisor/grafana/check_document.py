"""Checks a dashboard's JSON without queries: ids, units, variables, links."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

from fastapi import APIRouter
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard as Model
from starlette.routing import Match, Route

from dashboards._build import REFRESH, drop_placement
from dashboards._dataquery import SOURCE_TYPE, SOURCE_UID
from dashboards._links import TAG
from dashboards._units import DATES, EXTRA, GRAFANA, grafana
from dashboards._widths import WINDOW, count_lanes, measure_title, room, title_room
from hypervisor.base import rooms
from hypervisor.grafana import emulation, vocabulary
from hypervisor.grafana.boards import Board, BuiltPanel, Finding, Json, iter_panels
from sensors._domain import Catalogue, catalogue
from sensors._units import dimension

_LANES = {"state-timeline", "status-history"}
_REDUCED = {"stat", "gauge"}
_ROLLED_UP = re.compile(r"\brollup_(hour|day|suspect)\b")
_LINKS = 2  # a drop-down of dashboards, and the console
_PAGE = 20  # Grafana's own
_NARROWEST = 150  # Grafana's own, of a column without any width
_DASHBOARD = re.compile(r"^/d/([^/?]+)")
_PLACE = re.compile(r"\$\{[^}]*\}")


def find_problems(board: Board, uids: Sequence[str], console: str) -> Iterator[Finding]:
    """Problems of the JSON. `uids`: of all dashboards; `console`: its address."""
    for where, text in (
        *(("the dashboard", text) for text in _check_document(board, uids)),
        *(("the bar", text) for text in _check_bar(board.document)),
        *_check_maps(board.document),
        *_check_variables(board),
        *_check_sources(board),
        *(
            (where, text)
            for where, link in _list_links(board)
            for text in _check_link(link, uids, console)
        ),
        *((piece.title, text) for piece in board.pieces() for text in _check_panel(piece)),
    ):
        yield Finding(dashboard=board.name, where=where, problem=text)


def _check_document(board: Board, uids: Sequence[str]) -> Iterator[str]:
    if uids.count(board.name) > 1:
        yield f"another dashboard also has the uid {board.name!r}"
    counted = Counter(panel.get("id") for panel in iter_panels(board.document))
    for number, times in counted.items():
        if number is None:
            yield "a panel has no id; each needs its own"
        elif times > 1:
            yield f"{times} panels have the id {number}; each needs its own"
    if board.described is None:
        yield "no module of dashboards/ describes it"
    yield from _round_trip(board.document)


def _check_bar(document: Json) -> Iterator[str]:
    """What stands above the panels, in one line; and how often they are refreshed."""
    if document.get("refresh") != REFRESH:
        yield f"it refreshes every {document.get('refresh')!r}; expected {REFRESH!r}, by the span"
    for link in document.get("links", []):
        if link.get("type") == "dashboards" and not (
            link.get("asDropdown") and link.get("tags") == [TAG]
        ):
            yield f"its link {link.get('title')!r} must be a drop-down of the tag {TAG!r}"
    if len(document.get("links", [])) > _LINKS:
        yield f"it has {len(document['links'])} links; put them into one drop-down"
    for annotation in list_annotations(document):
        if annotation.get("placement") != "inControlsMenu":
            yield f"the switch of {annotation['name']!r} is not in the menu of controls"


def _check_maps(document: Json) -> Iterator[tuple[str, str]]:
    """Maps whose colours are not explained, by Grafana's legend or a key below them."""
    placed = list(iter_panels(document))
    keys = [panel["gridPos"] for panel in placed if panel["type"] == "text"]
    for panel in placed:
        if panel["type"] != "geomap":
            continue
        place = panel["gridPos"]
        foot = {"x": place["x"], "y": place["y"] + place["h"], "w": place["w"]}
        legends = [layer["config"].get("showLegend") for layer in panel["options"]["layers"]]
        if not any(legends) and not any(foot.items() <= key.items() for key in keys):
            yield f"map {panel['title']!r}", "its colours have no legend, and no key below it"


def _round_trip(document: Json) -> Iterator[str]:
    """Parsed and serialised by the SDK, the JSON must not change."""
    register_default_plugins()
    again = json.loads(json.dumps(Model.from_json(document), cls=JSONEncoder))
    for path in _differences(document, drop_placement(again), ""):
        yield f"the SDK reads {path}"


def _differences(ours: Any, other: Any, path: str) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(other, dict):
        for key in sorted(ours.keys() | other.keys()):
            yield from _differences(ours.get(key), other.get(key), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(other, list) and len(ours) == len(other):
        for index, (left, right) in enumerate(zip(ours, other, strict=True)):
            yield from _differences(left, right, f"{path}[{index}]")
    elif ours != other:
        yield f"{path.lstrip('.')} as {other!r}, the file has {ours!r}"


def _check_variables(board: Board) -> Iterator[tuple[str, str]]:
    """Variables used and not defined, defined and not used."""
    listed = [variable["name"] for variable in emulation.list_variables(board.document)]
    for name, times in Counter(listed).items():
        if times > 1:
            yield f"variable ${name}", f"it is defined {times} times"
    texts = list(_texts(board))
    for where, text in texts:
        for name in sorted(emulation.list_names(text) - set(listed)):
            yield where, f"${name} is no variable of this dashboard; it has {_join_names(listed)}"
    used = emulation.list_used(text for _, text in texts)
    for name in sorted(set(listed) - used):
        yield f"variable ${name}", "nothing uses it; remove it or use it in a query"


def _join_names(listed: Sequence[str]) -> str:
    return ", ".join(f"${name}" for name in listed) or "none"


def _texts(board: Board) -> Iterator[tuple[str, str]]:
    """The texts in which Grafana fills in variables."""
    for piece in board.pieces():
        for query in piece.queries:
            yield piece.title, query["rawSql"]
        if piece.panel.get("repeat"):
            yield piece.title, f"${{{piece.panel['repeat']}}}"
        yield piece.title, piece.panel.get("title", "")
    for link in board.document.get("links", []):
        yield f"link {link.get('title')!r}", link.get("url") or ""
    for variable in emulation.list_variables(board.document):
        yield f"variable ${variable['name']}", str(variable.get("query", ""))
    for annotation in list_annotations(board.document):
        yield f"annotation {annotation['name']!r}", annotation["target"]["rawSql"]


def list_annotations(document: Json) -> list[Json]:
    """The annotations with a query."""
    listed = document.get("annotations", {}).get("list", [])
    return [each for each in listed if each.get("target", {}).get("rawSql")]


def _check_sources(board: Board) -> Iterator[tuple[str, str]]:
    """Every query uses our data source."""
    for piece in board.pieces():
        for asker in (*piece.queries, *([piece.panel] if piece.queries else [])):
            yield from ((piece.title, text) for text in _source(asker))
    for variable in emulation.list_variables(board.document):
        if variable.get("type") == "query":
            where = f"variable ${variable['name']}"
            yield from ((where, text) for text in _source(variable))
    for annotation in list_annotations(board.document):
        for asker in (annotation, annotation["target"]):
            yield from ((f"annotation {annotation['name']!r}", text) for text in _source(asker))


def _source(asker: Json) -> Iterator[str]:
    source = asker.get("datasource") or {}
    if source.get("uid") != SOURCE_UID or source.get("type") != SOURCE_TYPE:
        yield (
            f"its data source is {source.get('type')!r} {source.get('uid')!r};"
            f" expected {SOURCE_TYPE!r} {SOURCE_UID!r}"
        )


def _list_links(board: Board) -> Iterator[tuple[str, str]]:
    for link in board.document.get("links", []):
        if link.get("type") == "link":
            yield f"link {link.get('title')!r}", link.get("url", "")
    for piece in board.pieces():
        for link in (*piece.panel.get("links", []), *list_data_links(piece.panel)):
            yield piece.title, link.get("url", "")


def list_data_links(panel: Json) -> Iterator[Json]:
    """The links of its columns."""
    config = panel.get("fieldConfig", {})
    yield from config.get("defaults", {}).get("links") or []
    for override in config.get("overrides", []):
        for each in override["properties"]:
            if each["id"] == "links":
                yield from each["value"]


def _check_link(url: str, uids: Sequence[str], console: str) -> Iterator[str]:
    match = _DASHBOARD.match(url)
    if match:
        pattern = re.compile(_PLACE.sub(".+", match[1]))
        if not any(pattern.fullmatch(uid) for uid in uids):
            yield f"its link leads to the dashboard {match[1]!r}; there are {', '.join(uids)}"
    elif console and url.startswith(console):
        path = url[len(console) :].partition("?")[0] or "/"
        if not matches_route(_PLACE.sub("x", path)):
            yield f"its link leads to {path!r} in the console, which has no such page"
    else:
        yield f"its link {url!r} leads neither to a dashboard (/d/…) nor into the console"


def _check_panel(piece: BuiltPanel) -> Iterator[str]:
    panel = piece.panel
    kind = panel.get("type", "")
    if kind not in vocabulary.PANELS:
        yield f"Grafana has no panel of type {kind!r}"
    if not panel.get("description"):
        yield "it has no description; say what it shows and how to read it"
    yield from _check_queries(piece)
    yield from find_unit_problems(piece)
    used = [each.get("id") for each in panel.get("transformations") or []]
    for name in used:
        if name not in vocabulary.TRANSFORMATIONS:
            yield f"Grafana has no transformation {name!r}"
    if kind in _LANES:
        yield from _check_lanes(panel, used)
    if kind in _REDUCED:
        yield from _check_calcs(panel)
    if kind == "table":
        yield from _check_columns(panel)
    yield from _check_title(panel)
    refs = Counter(query.get("refId") for query in piece.queries)
    yield from (f"two of its queries are called {ref!r}" for ref, n in refs.items() if n > 1)
    if piece.described is None:
        yield "its description in dashboards/ has no panel of this id"


def _check_lanes(panel: Json, transformations: Sequence[str | None]) -> Iterator[str]:
    options, height = panel.get("options", {}), panel["gridPos"]["h"]
    if "partitionByValues" not in transformations:
        yield "its lanes are not split; expected a transformation partitionByValues on the device"
    if options.get("showValue") != "never":
        yield "Grafana cuts the words in its lanes; expected showValue 'never'"
    page, most = options.get("perPage", _PAGE), count_lanes(height, pages=True)
    if page not in (0, most):
        yield f"a page has {page} lanes; expected {most}, or 0: no pages"


def _check_queries(piece: BuiltPanel) -> Iterator[str]:
    if piece.panel.get("type") != "text" and not piece.queries:
        yield "it has no query"
    late = [text for query in piece.queries if (text := _ROLLED_UP.search(query["rawSql"]))]
    if late:
        yield f"its SQL reads {late[0][0]}, which may lag behind; use hours, latest or readings"


def _check_title(panel: Json) -> Iterator[str]:
    """A title that Grafana would cut."""
    needed, available = measure_title(panel["title"]), title_room(panel["gridPos"]["w"])
    if needed > available:
        yield f"its title needs {needed} px and has {available}; shorten it or widen the panel"


def _check_columns(panel: Json) -> Iterator[str]:
    """Columns that Grafana squeezes or pushes out of sight, in a window of `WINDOW` pixels."""
    widths = find_widths(panel)
    needed, available = sum(widths.values()), room(panel["gridPos"]["w"])
    if needed > available:
        each = ", ".join(f"{name} {width}" for name, width in widths.items())
        yield (
            f"its columns need {needed} px, of which {available} are in sight in a window of"
            f" {WINDOW}; make the panel wider, hide a column or shorten a title ({each})"
        )


def find_widths(panel: Json) -> dict[str, int]:
    """The columns that a table shows, and the least width of each (px)."""
    widths: dict[str, int] = {}
    for override in panel.get("fieldConfig", {}).get("overrides", []):
        if override["matcher"]["id"] == "byName":
            values = {each["id"]: each.get("value") for each in override["properties"]}
            if not values.get("custom.hidden"):
                name = override["matcher"]["options"]
                least = values.get("custom.minWidth", _NARROWEST)
                widths[name] = values.get("custom.width") or least
    return widths


def _check_calcs(panel: Json) -> Iterator[str]:
    calcs = panel.get("options", {}).get("reduceOptions", {}).get("calcs") or []
    if not calcs:
        yield "it has no calcs; expected options.reduceOptions.calcs such as ['lastNotNull']"
    yield from (f"Grafana has no calc {calc!r}" for calc in calcs if calc not in vocabulary.CALCS)


@lru_cache(maxsize=1)
def _routes() -> tuple[Route, ...]:
    routers = (getattr(module, "router", None) for module in rooms.modules("pages"))
    return tuple(
        route
        for router in routers
        if isinstance(router, APIRouter)
        for route in router.routes
        if isinstance(route, Route) and "GET" in (route.methods or ())
    )


def matches_route(path: str) -> bool:
    """Whether the console answers a GET of this path with a page."""
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    return any(route.matches(scope)[0] is Match.FULL for route in _routes())


_LITERAL = re.compile(r"'(\w+)'")


@cache
def _catalogue() -> Catalogue:
    return catalogue()


def find_unit_problems(piece: BuiltPanel) -> Iterator[str]:
    """Unknown or wrong units of a panel."""
    for name, unit in _units(piece.panel):
        of = f" of {name!r}" if name else ""
        if not vocabulary.is_unit(unit):
            yield f"Grafana has no unit {unit!r}{of}"
            continue
        expected = _expected_unit(piece, name)
        if expected == EXTRA["date"] and unit in DATES.values():
            continue
        if expected is not None and unit != expected:
            yield f"the unit{of} is {unit!r}; its quantity has {expected!r}"
        elif expected is None and not _fits(name, unit):
            catalogue_unit = grafana(_catalogue().quantities[name].unit)
            yield f"the unit{of} is {unit!r}; the catalogue's {name} is in {catalogue_unit!r}"
    yield from _find_mismatch(piece)


def _units(panel: Json) -> Iterator[tuple[str, str]]:
    config = panel.get("fieldConfig", {})
    if unit := config.get("defaults", {}).get("unit"):
        yield "", unit
    for override in config.get("overrides", []):
        for each in override["properties"]:
            if each["id"] == "unit":
                yield str(override["matcher"].get("options", "")), each["value"]


def _expected_unit(piece: BuiltPanel, name: str) -> str | None:
    """The unit of the described quantity; None without one."""
    if piece.described is None:
        return None
    parts = [piece.described] if not name else piece.described.columns
    for part in parts:
        if name and getattr(part, "name", "") != name:
            continue
        if part.unit:
            return grafana(part.unit)
        if part.quantity:
            return grafana(_catalogue().quantities[part.quantity].unit)
    return None


def _fits(name: str, unit: str) -> bool:
    """Whether the unit fits the quantity after which the column is named."""
    quantity = _catalogue().quantities.get(name)
    if quantity is None:
        return True
    ours = {code for code, theirs in GRAFANA.items() if theirs == unit}
    if not ours:
        return unit not in EXTRA.values() or unit == "none"
    return dimension(quantity.unit) in {dimension(code) for code in ours}


def _find_mismatch(piece: BuiltPanel) -> Iterator[str]:
    """The panel's quantity, if its SQL reads only quantities of other dimensions."""
    if piece.described is None or not piece.described.quantity:
        return
    quantities = _catalogue().quantities
    sql = " ".join(query["rawSql"] for query in piece.queries)
    queried = {name for name in _LITERAL.findall(sql) if name in quantities}
    own = quantities.get(piece.described.quantity)
    if own is None or not queried or piece.described.unit:
        return
    measures = {dimension(quantities[name].unit) for name in queried}
    if dimension(own.unit) not in measures:
        yield (
            f"its quantity is {own.name} ({own.unit}); its SQL reads"
            f" {', '.join(sorted(queried))}, which measure something else"
        )
