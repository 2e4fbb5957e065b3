"""The OpenAPI document: common errors, headers, security and examples of all operations."""

import math
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from hypervisor.base import rooms
from hypervisor.web.formats import FeatureCollection
from hypervisor.web.problems import MEDIA
from hypervisor.web.schemas import Problem
from hypervisor.web.shared_render import Shared

Schema = Mapping[str, Any]
_DEEPEST = 8
_REF = "#/components/schemas/"
_FORMATS = {
    "date-time": "2024-10-10T06:00:00Z",
    "date": "2024-10-10",
    "duration": "PT15M",
    "uri": "https://example.org/",
    "uuid": "6f2c1c8e-8d7e-4b61-9a0e-0d5f6a1c2b3d",
    "binary": "",
}
_PROBLEM_DETAILS = {  # typical details
    HTTPStatus.BAD_REQUEST: "the address contains the character NUL",
    HTTPStatus.UNAUTHORIZED: "sign in, or send a token: Authorization: Bearer …",
    HTTPStatus.FORBIDDEN: "A. Martin may not acknowledge",
    HTTPStatus.NOT_FOUND: "no site is named 'tolouse'; did you mean 'toulouse'?",
    HTTPStatus.NOT_ACCEPTABLE: "available: application/json; set it in Accept",
    HTTPStatus.CONFLICT: "alarm 12 has changed: it is at version 4, you saw 3",
    HTTPStatus.PRECONDITION_FAILED: "it has changed: read it again and compare",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is larger than 4 MiB, or 10 MiB with files",
    HTTPStatus.UNPROCESSABLE_ENTITY: "limit: Input should be greater than or equal to 1",
    HTTPStatus.PRECONDITION_REQUIRED: "send If-Match with the ETag of what you change",
    HTTPStatus.TOO_MANY_REQUESTS: "too many attempts: wait 30 s",
    HTTPStatus.SERVICE_UNAVAILABLE: "the database does not answer, or the server is busy",
}


# Examples for fields without one, by title.
_USUAL_TEXTS = {
    "advice": "Close the embankment road; call the duty engineer.",
    "assignee": "a.martin",
    "author": "a.martin",
    "category": "hazard",
    "detail": "heard 1 s ago",
    "device": "yvette-gif",
    "domain": "flood",
    "group": "cab-orsay-1",
    "kind": "raised",
    "name": "yvette-gif",
    "note": "water in the cellar of the mill",
    "owner": "yvette-gif",
    "quantity": "level",
    "reason": "a branch on the float",
    "river": "Yvette",
    "rule": "flood-level",
    "severity": "major",
    "site": "yvette-gif",
    "subject": "yvette-gif",
    "text": "Villebon asks for sandbags; promised for 18:00.",
    "title": "L'Yvette \u00e0 Gif-sur-Yvette: above its attention level",
    "unit": "m",
}


def example(schema: Schema, components: Mapping[str, Schema], depth: int = 0) -> Any:
    """A value that fits the schema."""
    if "$ref" in schema:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        merged = {**components[schema["$ref"].removeprefix(_REF)], **beside}
        return example(merged, components, depth + 1)
    examples = [*schema.get("examples", ()), *schema.get("enum", ())]
    examples += [schema[key] for key in ("example", "const") if key in schema]
    if examples:
        return examples[0]
    if schema.get("default") is not None:
        return schema["default"]
    choices = schema.get("anyOf") or schema.get("oneOf")
    return (
        _example_of_choices(choices, components, depth)
        if choices
        else _example_by_type(schema, components, depth)
    )


def _example_of_choices(choices: list[Schema], components: Mapping[str, Schema], depth: int) -> Any:
    """Null where it is allowed and no choice has an example."""
    something = [schema for schema in choices if schema.get("type") != "null"]
    plain = all("$ref" not in option and "examples" not in option for option in something)
    if len(something) < len(choices) and (plain or depth > _DEEPEST):
        return None
    return example(something[0], components, depth)


def _example_by_type(schema: Schema, components: Mapping[str, Schema], depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return _example_object(schema, components, depth)
    if kind == "array":
        return _example_array(schema, components, depth)
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    return {
        "integer": int(low),
        "number": float(low),
        "boolean": False,
        "string": _FORMATS.get(schema.get("format", ""), _example_text(schema)),
        "null": None,
    }.get(str(kind), {})


def _example_array(schema: Schema, components: Mapping[str, Schema], depth: int) -> list[Any]:
    if "prefixItems" in schema:
        return [example(part, components, depth + 1) for part in schema["prefixItems"]]
    if not schema.get("items") or (depth > _DEEPEST and not schema.get("minItems")):
        return []
    return [example(schema["items"], components, depth + 1)]


def _example_object(schema: Schema, components: Mapping[str, Schema], depth: int) -> Any:
    fields = {
        name: example(field, components, depth + 1)
        for name, field in schema.get("properties", {}).items()
        if not field.get("deprecated")
    }
    more = schema.get("additionalProperties")
    if not fields and isinstance(more, Mapping) and more and depth < _DEEPEST:
        return {"name": example(more, components, depth + 1)}
    return fields


def _example_text(schema: Schema) -> str:
    name = str(schema.get("title", "a text")).lower()
    words = name if "pattern" in schema else _USUAL_TEXTS.get(name, name)
    return words[: schema.get("maxLength", len(words))]


def problem(status: int, path: str) -> dict[str, Any]:
    """The body of an error at an address."""
    httpstatus = HTTPStatus(status)
    return {
        "type": "about:blank",
        "title": httpstatus.phrase,
        "status": status,
        "detail": _PROBLEM_DETAILS.get(httpstatus, "something went wrong"),
        "instance": path,
        "mode": "LIVE",
    }


ADDRESS = "/openapi.json"
_OURS = "/api/"
_ALWAYS = (400, 401, 403, 422, 429, 503)
_WRITES = ("post", "put", "patch", "delete")
_SCHEMES = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "hypervisor",
        "description": "Session cookie of a browser; its name ends in the instance's mark"
        " (hypervisor-1a2b3c4d). Writes also need X-CSRF-Token.",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token of an account, with scopes and an expiry.",
    },
}
_ETAG = {"description": "Value for If-None-Match and If-Match.", "schema": {"type": "string"}}
_LINK = {"description": 'The next page: rel="next".', "schema": {"type": "string"}}


def install(app: FastAPI) -> None:
    """Serve the document; it is built once, on the first request.

    Others wait for it: sixty at once, without an account, blocked the web for a minute.
    """
    shared: Shared[tuple[dict[str, Any], bytes]] = Shared(seconds=math.inf)

    def build() -> tuple[dict[str, Any], bytes]:
        document = describe(app)
        return document, bytes(JSONResponse(document).body)

    def get_document() -> tuple[dict[str, Any], bytes]:
        return shared.get(None, None, build)

    app.openapi = lambda: get_document()[0]  # type: ignore[method-assign]  # FastAPI's own way to extend it

    @app.get(ADDRESS, include_in_schema=False)
    def openapi() -> Response:  # no coroutine: it takes a second
        return Response(get_document()[1], media_type="application/json")


def describe(app: FastAPI) -> dict[str, Any]:
    """The complete document."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=app.openapi_version,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (Problem, FeatureCollection):
        _add_schema(schemas, model)
    document["components"]["securitySchemes"] = _SCHEMES
    document["security"] = [{"session": []}, {"token": []}]
    for path, method, operation in _list_operations(document):
        if path.startswith(_OURS):
            _add_common(method, operation)
        _add_examples(path, operation, schemas)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["tags"] = _describe_tags(document)
    return document


def _add_schema(schemas: dict[str, Any], model: type[BaseModel]) -> None:
    written = model.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, schema in written.pop("$defs", {}).items():
        schemas.setdefault(name, schema)
    schemas.setdefault(model.__name__, written)


def _list_operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _add_common(method: str, operation: dict[str, Any]) -> None:
    """Errors that every operation can return, and headers."""
    responses = operation.setdefault("responses", {})
    codes = (*_ALWAYS, 413) if method in _WRITES else _ALWAYS
    for code in codes:
        if "HTTPValidationError" in str(responses.get(str(code), "HTTPValidationError")):
            responses[str(code)] = _problem(code)
    if any(parameter["name"] == "format" for parameter in operation.get("parameters", ())):
        responses["406"] = _problem(406)
    good = responses.get("200")
    if method == "get" and good is not None:
        good.setdefault("headers", {})["ETag"] = _ETAG
        if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ())):
            good["headers"]["Link"] = _LINK
        responses["304"] = {"description": "Not changed since the version in If-None-Match."}
    operation["responses"] = dict(sorted(responses.items()))


def _problem(code: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": HTTPStatus(code).phrase, "content": {MEDIA: {"schema": schema}}}


def _add_examples(path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        _add_parameter_example(parameter, schemas)
    for part in operation.get("requestBody", {}).get("content", {}).values():
        _add_example(part, schemas)
    for code, response in operation.get("responses", {}).items():
        for kind, part in response.get("content", {}).items():
            if kind == MEDIA:
                part.setdefault("example", problem(int(code), path))
            _add_example(part, schemas)


def _add_example(part: dict[str, Any], schemas: dict[str, Any]) -> None:
    if "example" not in part and "examples" not in part and "schema" in part:
        part["example"] = example(part["schema"], schemas)


def _add_parameter_example(parameter: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Required parameters only."""
    if not parameter.get("required"):
        return
    if "example" not in parameter and "examples" not in parameter:
        parameter["example"] = example(parameter["schema"], schemas)


def name_operation(route: APIRoute) -> str:
    """`alarms_list_alarms`: tag and function; stable when an address changes."""
    tag = str(next(iter(route.tags), "page"))
    return f"{tag}_{route.name}".replace("-", "_").replace(" ", "_")


def _describe_tags(document: dict[str, Any]) -> list[dict[str, str]]:
    """Each tag with the docstring of its module."""
    used = {
        tag for _, _, operation in _list_operations(document) for tag in operation.get("tags", ())
    }
    docstrings = _module_docstrings()
    return [{"name": tag, "description": docstrings.get(tag, tag)} for tag in sorted(used)]


def _module_docstrings() -> dict[str, str]:
    docstrings: dict[str, str] = {}
    for loaded in rooms.modules("api"):
        _, room, name = loaded.__name__.split(".")
        subject = name.removeprefix("api").lstrip("_") or room
        for router in vars(loaded).values():
            if isinstance(router, APIRouter):
                about = (loaded.__doc__ or "").partition("\n")[0]
                for tag in map(str, router.tags):
                    # Of several modules with one tag, the one named like it counts.
                    docstrings[tag] = about if subject == tag else docstrings.get(tag, about)
    return docstrings
