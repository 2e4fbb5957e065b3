"""Every route of the application, and a request for each that names a chosen thing."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, get_args

import httpx
from fastapi import UploadFile
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, TypeAdapter

from hypervisor.access.context import confirmed_context
from hypervisor.access.waiting import enrolling_context
from hypervisor.app.application import create_app
from hypervisor.base.settings import Settings
from tests.integration.evaluation.world import CATALOGUE

# Nobody need have signed in there: they tell nothing of the territory.
OPEN = frozenset(
    {
        *(
            "/login",
            "/login/factor",
            "/api/v1/auth/login",
            "/openapi.json",
            "/docs",
            "/favicon.ico",
        ),
        *("/static/{asked_stamp}/{name:path}", "/", "/metrics", "/field/worker.js"),
        *("/login/provider", "/login/provider/callback", "/login/provider/logout"),
        # for citizens: what is published, and by what their mails hold; tests/integration/citizens
        *("/public", "/public/strip", "/public/fragment", "/public/{name}"),
        *("/public/subscriptions", "/public/subscriptions/{token}", "/public/unsubscribe/{token}"),
        *("/public/push", "/public/push/end"),
    }
)
_PROOFS = (confirmed_context, enrolling_context)
SAFE = frozenset({"GET", "HEAD"})

Values = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method at one address. `query`, `form`: the names of its fields; `body`: its schema.

    `needs`: the fields of the form without which it is malformed. `widens`: it declares that it
    widens what somebody may do.
    """

    method: str
    path: str
    query: tuple[str, ...] = ()
    form: Mapping[str, Any] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    body: Mapping[str, Any] | None = None
    widens: bool = False

    @property
    def names(self) -> list[str]:
        return re.findall(r"{(\w+)(?::\w+)?}", self.path)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class UnfilledError(Exception):
    """A parameter that no thing stands for: says where to add one."""


def every_route() -> list[Route]:
    """As the application has them."""
    settings = Settings(database_url="postgresql://nobody@127.0.0.1/none")
    app = create_app(settings, CATALOGUE, lambda: datetime.now(UTC))
    found = []
    for context in iter_route_contexts(app.routes):
        original = context.original_route
        path = context.path or ""
        for method in sorted((context.methods or set()) - {"HEAD"}):
            if isinstance(original, APIRoute):
                found.append(_of(original, method, path))
            else:
                found.append(Route(method=method, path=path))
    return found


def _of(route: APIRoute, method: str, path: str) -> Route:
    dependant = route.dependant
    form: dict[str, Any] = {}
    needs: set[str] = set()
    body = None
    for body_param in dependant.body_params:
        kind = type(body_param.field_info).__name__
        annotation = body_param.field_info.annotation
        if kind == "Form" and isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = annotation.model_fields
            form |= {name: field.annotation for name, field in fields.items()}
            needs |= {name for name, field in fields.items() if field.is_required()}
            continue
        if body_param.field_info.is_required():
            needs.add(body_param.alias)
        if kind in {"Form", "File"}:
            form[body_param.alias] = annotation
        else:
            body = TypeAdapter[Any](body_param.field_info.annotation or Any).json_schema()
    return Route(
        method=method,
        path=path,
        query=tuple(_queries(dependant)),
        form=form,
        needs=frozenset(needs),
        body=body,
        widens=any(below.call in _PROOFS for below in dependant.dependencies),
    )


def _queries(dependant: Any) -> Iterator[str]:
    for query_param in dependant.query_params:
        yield query_param.alias
    for below in dependant.dependencies:
        yield from _queries(below)


def address(route: Route, values: Values) -> str:
    """The route's path with its parameters filled.

    Raises:
        UnfilledError: one of them is not known.
    """
    found = route.path
    for name in route.names:
        said = value_of(route, name, values)
        if said is None:
            raise UnfilledError(
                f"{route}: nothing stands for {{{name}}}; add a thing of the other tenant for it to"
                " settle() in tests/integration/web/others.py"
            )
        found = re.sub(rf"{{{name}(?::\w+)?}}", str(said), found)
    return found


def value_of(route: Route, name: str, values: Values) -> Any:
    """What stands for a parameter: by the address's beginning and its name, or by its name."""
    keys = [key for key in values if " " in key]
    for key in sorted(keys, key=len, reverse=True):
        prefix, _, wanted = key.partition(" ")
        if wanted == name and route.path.startswith(prefix):
            return values[key]
    return values.get(name)


def queries(route: Route, values: Values) -> dict[str, Any]:
    """Filters that name the thing."""
    said = {name: value_of(route, name, values) for name in route.query}
    return {name: value for name, value in said.items() if value is not None}


def send(
    client: httpx.Client, route: Route, values: Values, *, named: bool = True
) -> httpx.Response:
    """The request; `named`: with filters that name the thing."""
    asked = queries(route, values) if named else {}
    if route.path.endswith("/events"):
        asked = {"seconds": 0.05}
    if route.form:
        files = files_of(route)
        data = {
            name: text(route, name, kind, values)
            for name, kind in route.form.items()
            if name not in files
        }
        return client.request(
            route.method, address(route, values), params=asked, data=data, files=files or None
        )
    body = None if route.body is None else built(route, route.body, values)
    content = None if body is None else json.dumps(body).encode()
    headers = {} if content is None else {"Content-Type": "application/json"}
    return client.request(
        route.method, address(route, values), params=asked, content=content, headers=headers
    )


def files_of(route: Route) -> dict[str, tuple[str, bytes]]:
    """A file for each field of the form that takes some."""
    return {
        name: ("plan.txt", b"some words")
        for name, kind in route.form.items()
        if UploadFile in {kind, *get_args(kind)}
    }


def text(route: Route, name: str, kind: Any, values: Values) -> str:
    """A field of a form."""
    said = value_of(route, name, values)
    if said is not None:
        return str(said)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return str(next(iter(kind)).value)
    return {int: "1", float: "1", bool: "true"}.get(kind, "something")


def built(
    route: Route, schema: Mapping[str, Any], values: Values, root: Mapping[str, Any] | None = None
) -> Any:
    """Something that fits a JSON schema; fields that name a thing name the chosen one."""
    root = root or schema
    if "$ref" in schema:
        below = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            below = below[part]
        return built(route, below, values, root)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return built(route, schema[key][0], values, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        wanted = schema.get("required", [])
        return {
            name: _field(route, name, below, values, root)
            for name, below in schema.get("properties", {}).items()
            if name in wanted or value_of(route, name, values) is not None
        }
    return _plain(route, schema, values, root)


def _field(
    route: Route, name: str, schema: Mapping[str, Any], values: Values, root: Mapping[str, Any]
) -> Any:
    said = value_of(route, name, values)
    if said is None and schema.get("examples"):
        return schema["examples"][0]
    if said is None:
        return built(route, schema, values, root)
    array = schema.get("type") == "array" or any(
        one.get("type") == "array" for one in schema.get("anyOf", ())
    )
    return [said] if array and not isinstance(said, list) else said


def _plain(  # noqa: PLR0911  a kind each
    route: Route, schema: Mapping[str, Any], values: Values, root: Mapping[str, Any]
) -> Any:
    if schema.get("examples"):
        return schema["examples"][0]
    match schema.get("type"):
        case "array":
            count = schema.get("minItems", 0)
            return [built(route, schema["items"], values, root) for _ in range(count)]
        case "integer" | "number":
            return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            if schema.get("format") == "date-time":
                return "2024-01-02T12:00:00Z"
            return "something like this"[: schema.get("maxLength", 40)].ljust(
                schema.get("minLength", 0), "x"
            )
