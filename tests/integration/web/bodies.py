"""Every body of a route: each word that selects an act, with and without what may be beside it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import httpx

from hypervisor.backtest import queries_past_events
from hypervisor.base.duties import Role
from hypervisor.exercises.model import InjectKind
from hypervisor.logbook.model import EntryKind
from tests.integration.web.trying import (
    Route,
    Values,
    address,
    built,
    files_of,
    queries,
    text,
    value_of,
)

# The words of fields that a form declares as plain text.
WORDS: Mapping[tuple[str, str], Sequence[str]] = {
    ("/account", "language"): ("fr", "en", ""),
    ("/account/tokens", "scope"): ("read",),
    ("/admin/accounts", "kind"): ("person", "program"),
    ("/admin/accounts", "role"): tuple(Role),
    ("/admin/accounts/{name}", "role"): tuple(Role),
    ("/admin/accounts/{name}/use", "out"): ("1", ""),
    ("/admin/devices/{name}/account", "does"): ("add", "rotate", "remove"),
    ("/admin/devices/{name}/service", "back"): ("", "1"),
    ("/admin/tokens", "scope"): ("read",),
    ("/exercises/injects", "kind"): get_args(InjectKind),
    ("/exercises/injects/{number}", "act"): ("fire", "hold", "release", "move", "cancel", "done"),
    ("/exercises/order", "kind"): ("pause", "resume", "speed", "jump", "stop"),
    ("/exercises/checklist/{number}", "outcome"): ("open", "done", "partly", "not"),
    ("/log", "kind"): tuple(EntryKind),
    ("/thresholds/{key:path}/events", "kind"): queries_past_events.KINDS,
}
# What fields hold that take some texts only.
TEXTS: Mapping[str, str] = {
    **dict.fromkeys(("due", "planned", "at", "begins", "ends", "until"), "2024-01-02T12:00"),
    **dict.fromkeys(("hours", "by", "value", "version", "run", "number"), "1"),
    "speed": "60",
    "shift": "0s",
    "language": "fr",
    "out": "1",
    "force": "true",
    "seen": "0",
}
# Forms that are read as they come, without a declaration.
_RULE = {"text": "- id: flood-typed", "reason": "why", "site": "orge"}
TYPED: Mapping[str, Sequence[Mapping[str, str]]] = {
    **{
        path: [{**_RULE, "source": source} for source in ("text", "form")]
        for path in (
            *("/rules/new", "/rules/new/draft", "/rules/new/trial"),
            *("/rules/{rule}", "/rules/{rule}/draft", "/rules/{rule}/trial"),
        )
    },
    "/admin/inventory/form/{kind}": [
        {"name": "zorn", "title": "Mine", "domain": "flood", "reason": "why"},
        {"name": "zorn", "more": "rows"},
    ],
    "/admin/inventory/preview": [{"example": "poyo"}],
    "/admin/notifications/route": [
        {
            "name": "typed",
            "channels.0.kind": "webhook",
            "channels.0.target": "https://town.example/hook",
            "seen": "0",
        },
        {"name": "typed", "more": "rows"},
    ],
}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One body."""

    route: Route
    body: Any = None
    form: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.route} {self.body if self.form is None else self.form}"


def variants(route: Route, values: Values, *, each: bool = False) -> Iterator[Variant]:
    """Bodies that the route's declaration accepts; `each`: also with each other field by itself."""
    if route.path in TYPED:
        yield from (Variant(route=route, form=form) for form in TYPED[route.path])
    elif route.form:
        yield from _forms(route, values, each=each)
    elif route.body is not None:
        seen = set()
        for body in _bodies(route, route.body, values, each=each):
            mark = json.dumps(body, sort_keys=True)
            if mark not in seen:
                seen.add(mark)
                yield Variant(route=route, body=body)
    else:
        yield Variant(route=route)


def send_variant(client: httpx.Client, variant: Variant, values: Values) -> httpx.Response:
    """The request, as somebody who has seen whatever it changes."""
    route, form = variant.route, variant.form
    files = {} if form is None else files_of(route)
    return client.request(
        route.method,
        address(route, values),
        params=queries(route, values),
        data=None if form is None else {k: v for k, v in form.items() if k not in files},
        files=files or None,
        json=variant.body,
        headers={"If-Match": "*"},
    )


def _forms(route: Route, values: Values, *, each: bool) -> Iterator[Variant]:
    whole = {
        name: str(TEXTS[name])
        if name in TEXTS and value_of(route, name, values) is None
        else text(route, name, kind, values)
        for name, kind in route.form.items()
    }
    acts = {name: _choices(route, name, kind) for name, kind in route.form.items()}
    if not any(acts.values()):
        yield Variant(route=route, form=whole)
    for name, words in acts.items():
        for word in words:
            yield Variant(route=route, form={**whole, name: word})
            for other in route.form.keys() - route.needs - {name}:
                if each:
                    less = {key: value for key, value in whole.items() if key != other}
                    yield Variant(route=route, form={**less, name: word})


def _choices(route: Route, name: str, kind: Any) -> Sequence[str]:
    """The words that a field of a form may be; none: any text."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [one.value for one in kind]
    if get_origin(kind) is Literal:
        return get_args(kind)
    return WORDS.get((route.path, name), ())


def _bodies(
    route: Route, schema: Mapping[str, Any], values: Values, *, each: bool
) -> Iterator[Any]:
    """The required fields, all fields, each optional one; with each word that a field may be."""
    least = built(route, schema, values)
    yield least
    if not isinstance(least, dict):
        return
    fields = schema.get("properties", {})
    needed = {name: least[name] for name in schema.get("required", ()) if name in least}
    whole = {name: _filled(route, name, below, schema, values) for name, below in fields.items()}
    yield needed
    yield whole
    for name in sorted(fields.keys() - needed.keys()):
        yield {**needed, name: whole[name]}
    for name, below in fields.items():
        for word in _words(below, schema):
            yield {**needed, name: word}
            yield {**whole, name: word}
            for other in sorted(fields.keys() - needed.keys() - {name}) if each else ():
                yield {**needed, name: word, other: whole[other]}


def _filled(
    route: Route, name: str, schema: Mapping[str, Any], root: Mapping[str, Any], values: Values
) -> Any:
    """A value of a field, never null where it may be something."""
    chosen = value_of(route, name, values)
    if chosen is not None:
        array = _resolved(schema, root).get("type") == "array"
        return [chosen] if array and not isinstance(chosen, list) else chosen
    for below in schema.get("anyOf", ()):
        if below.get("type") != "null":
            return built(route, below, values, root)
    return built(route, schema, values, root)


def _words(schema: Mapping[str, Any], root: Mapping[str, Any]) -> list[Any]:
    """The words of a field that takes some words only; of one that takes a list, lists of one."""
    schema = _resolved(schema, root)
    found = [word for below in schema.get("anyOf", ()) for word in _words(below, root)]
    if schema.get("type") == "array":
        return found + [[word] for word in _words(schema.get("items", {}), root)]
    if schema.get("type") == "boolean":
        return [*found, True, False]
    if "const" in schema:
        return [*found, schema["const"]]
    return found + list(schema.get("enum", ()))


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        below: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            below = below[part]
        schema = below
    return schema
