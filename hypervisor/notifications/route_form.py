"""One route of the routes file in a form: what it shows, and the file with the route put into it.

The rest of the file stays as it was written, with its comments.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from hypervisor.base.translation import mark, translate
from hypervisor.notifications.hours import DAYS
from hypervisor.notifications.kinds import list_kinds
from hypervisor.notifications.routes import APPRISE, LANGUAGES
from hypervisor.notifications.routing import mask_addresses
from hypervisor.web.forms import FormField, Values, flatten_rows
from rules._rule import CATEGORIES, SEVERITIES
from sensors._errors import Place
from sensors._yaml import Loader

_LISTS = ("domains", "areas", "sites", "teams")  # words, separated by commas
_EXAMPLE = "mailtos://USER:${SMTP_PASSWORD}@smtp.town.example?to=duty@town.example"


def build_fields(words: Mapping[str, str]) -> list[FormField]:
    """The fields of a route; `words`: names of severities and the like, as people read them."""

    def choose(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
        return tuple((name, words.get(name, name)) for name in names)

    return [
        FormField(name="name", label=mark("Name of the route"), needed=True, hint="flood-duty"),
        FormField(
            name="severity",
            label=mark("At least of severity"),
            kind="choice",
            choices=choose(SEVERITIES),
        ),
        FormField(name="categories", label=mark("Only"), kind="choice", choices=choose(CATEGORIES)),
        FormField(name="domains", label=mark("Urban functions (none: all)"), suggests="domains"),
        FormField(name="areas", label=mark("Areas (none: all)"), suggests="areas"),
        FormField(name="sites", label=mark("Sites (none: all)"), suggests="sites"),
        FormField(
            name="teams", label=mark("Work orders of these teams, and no alarms"), suggests="teams"
        ),
        FormField(
            name="language", label=mark("Language"), kind="choice", choices=choose(LANGUAGES)
        ),
        FormField(name="remind", label=mark("Remind every"), hint="30 min"),
        FormField(name="escalate.after", label=mark("If unacknowledged after"), hint="15 min"),
        FormField(name="escalate.to", label=mark("… also to the route"), suggests="routes"),
        FormField(name="only escalated", label=mark("Takes only escalations"), kind="truth"),
        FormField(
            name="hours",
            label=mark("On-call hours (none: always)"),
            kind="rows",
            columns=(
                FormField(
                    name="days", label=mark("Days"), hint=translate("mon-fri"), suggests="days"
                ),
                FormField(name="from", label=mark("From"), hint="18:00"),
                FormField(name="to", label=mark("To"), hint="08:00"),
            ),
        ),
        FormField(
            name="channels",
            label=mark("Channels: one recipient each"),
            kind="rows",
            columns=(
                FormField(name="name", label=mark("Name"), hint="mail"),
                FormField(
                    name="kind",
                    label=mark("Kind"),
                    kind="choice",
                    choices=tuple((kind.name, kind.label) for kind in list_kinds().values()),
                ),
                FormField(name="target", label=mark("Address"), hint=_EXAMPLE),
            ),
        ),
    ]


_DAY_NAMES = {  # of the file, as people write them
    "mon": mark("mon"),
    "tue": mark("tue"),
    "wed": mark("wed"),
    "thu": mark("thu"),
    "fri": mark("fri"),
    "sat": mark("sat"),
    "sun": mark("sun"),
    "workday": mark("workday"),
    "restday": mark("restday"),
    "holiday": mark("holiday"),
    "weekend": mark("weekend"),
}


def day_names() -> list[tuple[str, str]]:
    """Days that a rota may name, in the reader's language."""
    return [(_write_days(name), "") for name in (*DAYS, "mon-fri", "mon-sun")]


def _write_days(days: str) -> str:
    """`mon-fri` in the reader's language; what is no day as it stands."""
    return "-".join(translate(_DAY_NAMES[day]) if day in _DAY_NAMES else day for day in _ends(days))


def _read_days(days: str) -> str:
    """What a reader wrote, in the file's words, which are understood in any language."""
    words = {translate(word).lower(): day for day, word in _DAY_NAMES.items()}
    return "-".join(words.get(day.lower(), day) for day in _ends(days, *words))


def _ends(days: str, *undivided: str) -> list[str]:
    """The ends of a span; "week-end" is none."""
    return [days] if days.lower() in undivided else [end.strip() for end in days.split("-")]


def fill_values(route: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the form of a route; the secrets of its addresses are masked."""
    when = route.get("when") or {}
    values = {name: _join(when.get(name)) for name in ("severity", "categories", *_LISTS)}
    if "," in values["categories"]:
        values["categories"] = ""  # both: all there are
    values |= {name: _join(route.get(name)) for name in ("name", "language", "remind")}
    only = str(route.get("only escalated", "")).lower()
    values["only escalated"] = "true" if only in ("yes", "true") else ""
    escalate = route.get("escalate") or {}
    values |= {f"escalate.{name}": _join(escalate.get(name)) for name in ("after", "to")}
    hours = [
        {
            "days": ", ".join(map(_write_days, _split(_join(span.get("days"))))),
            **{name: _join(span.get(name)) for name in ("from", "to")},
        }
        for span in route.get("hours") or ()
    ]
    channels = [
        {"name": name, "kind": kind, "target": mask_addresses(target)}
        for name, kind, target in _list_channels(route)
    ]
    return {
        **{name: text for name, text in values.items() if text},
        **flatten_rows("hours", hours),
        **flatten_rows("channels", channels),
    }


def _join(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _split(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _list_channels(route: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(name, kind, target) of each channel; a text alone is an address of apprise."""
    for channel in route.get("channels") or ():
        if isinstance(channel, Mapping):
            kind = next((name for name in list_kinds() if name in channel), APPRISE)
            fields = channel.get(kind, "")
            written = fields if isinstance(fields, str) else json.dumps(fields, ensure_ascii=False)
            yield str(channel.get("name", "")), kind, written
        else:
            yield "", APPRISE, str(channel)


def build_route(
    fields: Sequence[FormField], values: Values, before: Mapping[str, Any]
) -> dict[str, Any]:
    """The route that the form says; what the form does not show stays as `before` had it."""
    rows = {field.name: field.read_rows(values) for field in fields if field.kind == "rows"}
    when = dict(before.get("when") or {})
    for name in ("severity", "categories"):
        when[name] = values.get(name)
    for name in _LISTS:
        when[name] = _split(values.get(name, ""))
    secrets = {mask_addresses(target): target for _, _, target in _list_channels(before)}
    made: dict[str, Any] = {
        **before,
        "name": values.get("name", ""),
        "when": {name: part for name, part in when.items() if part},
        "hours": [
            {
                name: [_read_days(day) for day in _split(text)] if name == "days" else text
                for name, text in row.items()
            }
            for _, row in rows["hours"]
        ],
        "language": values.get("language"),
        "channels": [_build_channel(row, secrets) for _, row in rows["channels"]],
        "remind": values.get("remind"),
        "escalate": {
            name: values[f"escalate.{name}"]
            for name in ("after", "to")
            if values.get(f"escalate.{name}")
        },
        "only escalated": values.get("only escalated") == "true" or None,
    }
    return {name: part for name, part in made.items() if part or name in ("name", "channels")}


def _build_channel(row: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, Any]:
    """An address that is shown masked and was not changed keeps its secret."""
    target, kind = row.get("target", ""), row.get("kind") or APPRISE
    target = secrets.get(target, target)
    named = {"name": row["name"]} if row.get("name") else {}
    has_fields = kind in list_kinds() and len(list_kinds()[kind].fields) > 1
    return {**named, kind: _read_fields(target) if has_fields else target}


def _read_fields(written: str) -> Any:
    """`{to: "+33…", token: "${TOKEN}"}`, as in the file; what is none of it as it stands."""
    try:
        return yaml.load(written, Loader=Loader)  # noqa: S506  a safe loader of ours
    except yaml.YAMLError:
        return written


def find_input(text: str, place: Place, fields: Sequence[FormField], values: Values) -> str:
    """The input of the form that a place of the file stands for; "" where it is another route's."""
    path = _find_path(yaml.compose(text, Loader=Loader), (place.line - 1, place.column - 1))
    match path:
        case ["routes", number, name, *inner] if name in ("hours", "channels") and inner:
            route = yaml.load(text, Loader=Loader)["routes"][number]  # noqa: S506  a safe loader
            (rows,) = (field.read_rows(values) for field in fields if field.name == name)
            own = str(route.get("name")) == values.get("name", "") and inner[0] < len(rows)
            column = str(inner[1]) if len(inner) > 1 else "days" if name == "hours" else "target"
            column = "target" if column in list_kinds() else column
            return f"{name}.{rows[inner[0]][0]}.{column}" if own else ""
        case ["routes", _, "when", name, *_]:
            return str(name)
        case ["routes", _, "escalate", name, *_]:
            return f"escalate.{name}"
        case ["routes", _, name, *_]:
            return str(name)
    return ""


def _find_path(node: yaml.Node | None, at: tuple[int, int]) -> list[Any]:
    """Keys and indices down to the innermost node that holds a line and column."""
    steps: Iterable[tuple[Any, yaml.Node]] = ()
    if isinstance(node, yaml.MappingNode):
        steps = ((key.value, part) for key, part in node.value)
    elif isinstance(node, yaml.SequenceNode):
        steps = enumerate(node.value)
    for step, part in steps:
        begins, ends = part.start_mark, part.end_mark
        if (begins.line, begins.column) <= at < (ends.line, ends.column):
            return [step, *_find_path(part, at)]
    return []


# -- the file --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A route of the file: its name, its text from `begins` to `ends`, and its margin."""

    name: str
    begins: int
    ends: int
    margin: int


def find_route(text: str, name: str) -> dict[str, Any] | None:
    """A route of the file as plain values; None: there is none of that name."""
    content = yaml.load(text, Loader=Loader) or {}  # noqa: S506  a safe loader of ours
    routes = content.get("routes") or []
    return next((route for route in routes if str(route.get("name")) == name), None)


def put_route(text: str, name: str, route: Mapping[str, Any] | None) -> str:
    """The file with a route in place of that of this name, or behind all; None: without it."""
    places = list(_find_places(text))
    here = next((place for place in places if place.name == name), None)
    if not places or (route is None and len(places) == 1):
        return _rewrite(text, name, route)
    if here is None:
        here = replace(places[-1], begins=places[-1].ends)
    item = "" if route is None else _format_item(route, here.margin)
    before = text[: here.begins]
    return f"{before if before.endswith(chr(10)) else before + chr(10)}{item}{text[here.ends :]}"


def _rewrite(text: str, name: str, route: Mapping[str, Any] | None) -> str:
    """The same for a file without a list in lines; its comments are lost."""
    content = yaml.load(text, Loader=Loader) or {}  # noqa: S506  a safe loader of ours
    others = [each for each in content.get("routes") or [] if str(each.get("name")) != name]
    content["routes"] = others if route is None else [*others, dict(route)]
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, default_flow_style=None)


def _format_item(route: Mapping[str, Any], margin: int) -> str:
    """A route in lines behind the margin; JSON is YAML, too."""
    lines = [f"{name}: {json.dumps(part, ensure_ascii=False)}" for name, part in route.items()]
    return f"{' ' * margin}- " + f"\n{' ' * (margin + 2)}".join(lines) + "\n"


def _find_places(text: str) -> Iterator[_Place]:
    """The routes of a list in lines; none of one that is laid out otherwise."""
    root = yaml.compose(text, Loader=Loader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    routes = next((node for key, node in pairs if key.value == "routes"), None)
    if not isinstance(routes, yaml.SequenceNode):
        return
    begins = [text.rfind("\n", 0, node.start_mark.index) + 1 for node in routes.value]
    if any(
        text[begin : node.start_mark.index].strip() != "-"
        for begin, node in zip(begins, routes.value, strict=True)
    ):
        return
    for begin, node in zip(begins, routes.value, strict=True):
        lines = text[begin : node.end_mark.index].splitlines(keepends=True)
        while not lines[-1].strip() or lines[-1].lstrip().startswith("#"):
            lines.pop()  # they belong to what follows
        end = begin + sum(map(len, lines))
        yield _Place(
            name=str(next((part.value for key, part in node.value if key.value == "name"), "")),
            begins=begin,
            ends=(text.find("\n", end) + 1 or len(text)) if node.flow_style else end,
            margin=len(lines[0]) - len(lines[0].lstrip(" ")),
        )
