"""Examples out of a description's own schemas: what each field says of itself, put together."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

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
_PROBLEM_DETAILS = {  # what goes wrong most, in the words of the thing itself
    HTTPStatus.BAD_REQUEST: "the address holds the character NUL, which no name holds",
    HTTPStatus.UNAUTHORIZED: "sign in, or send a token: Authorization: Bearer …",
    HTTPStatus.FORBIDDEN: "A. Martin may read here, and not acknowledge",
    HTTPStatus.NOT_FOUND: "no site is named 'tolouse'; did you mean 'toulouse'?",
    HTTPStatus.NOT_ACCEPTABLE: "here there is application/json: say it in Accept",
    HTTPStatus.CONFLICT: "alarm 12 was changed meanwhile: it is at version 4, you saw 3",
    HTTPStatus.PRECONDITION_FAILED: "it was changed meanwhile: read it again and compare",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is larger than 4 MiB",
    HTTPStatus.UNPROCESSABLE_ENTITY: "limit: Input should be greater than or equal to 1",
    HTTPStatus.PRECONDITION_REQUIRED: "send If-Match with the ETag of what you change",
    HTTPStatus.TOO_MANY_REQUESTS: "too many tries: wait 30 s",
    HTTPStatus.SERVICE_UNAVAILABLE: "the database does not answer",
}


# Of a field that says nothing itself, by its name.
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
    "note": "water in the cellars of the mill",
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
    """A value that fits the schema. `known`: the components by name."""
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
    """Nothing where that may be and nobody gave an example: what is over is not yet over."""
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
    """An error's body at an address."""
    httpstatus = HTTPStatus(status)
    return {
        "type": "about:blank",
        "title": httpstatus.phrase,
        "status": status,
        "detail": _PROBLEM_DETAILS.get(httpstatus, "something went wrong"),
        "instance": path,
        "mode": "LIVE",
    }
