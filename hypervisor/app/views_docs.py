"""The API reference for people: what its template needs beside the OpenAPI document."""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

Operation = dict[str, Any]


def group_by_tag(described: Mapping[str, Any]) -> list[tuple[dict[str, str], list[Operation]]]:
    """Every tag with its operations, by name; an operation knows its `method` and `path`."""
    by_tag: dict[str, list[Operation]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["other"])[0]
            own = {**operation, "method": method.upper(), "path": path}
            by_tag.setdefault(tag, []).append(own)
    about = {tag["name"]: tag["description"] for tag in described.get("tags", ())}
    return [
        ({"name": tag, "about": about.get(tag, ""), "anchor": tag.replace(" ", "-")}, operations)
        for tag, operations in sorted(by_tag.items())
    ]


def paragraphs(operation: Operation) -> list[str]:
    """The paragraphs of its description, at least one."""
    text = operation.get("description") or operation.get("summary", "")
    return [part.strip() for part in text.split("\n\n")]


def write_example(content: Mapping[str, Any]) -> str:
    """The example of a body as text."""
    example = content.get("example", "")
    return (
        example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
    )


def write_errors(operation: Operation) -> str:
    """The answers other than success: 404 Not Found, and so on."""
    codes = [code for code in operation.get("responses", {}) if code >= "300"]
    return ", ".join(f"{code} {HTTPStatus(int(code)).phrase}" for code in codes)


_BOUNDS = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " items"),
    ("minProperties", "maxProperties", " names"),
)
_LARGEST = (2**63 - 1, 2.0**63)  # that a column holds; of a form, as a float


def kind_of(schema: Mapping[str, Any]) -> str:
    """A type in a word or two: `integer, 1 … 10000`, `string, ≤ 64 characters`, `asc | desc`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        kinds = (kind_of(option) for option in choices if option.get("type") != "null")
        return " | ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    kind = str(schema.get("format") or schema.get("type") or schema.get("const", ""))
    if kind == "array":
        parts = schema.get("prefixItems", [schema.get("items", {})])
        kind = f"{', '.join(map(kind_of, parts))}, …"
    return ", ".join([kind, *_describe_bounds(schema)])


def _describe_bounds(schema: Mapping[str, Any]) -> Iterator[str]:
    for least, most, what in _BOUNDS:
        low, high = (_write_bound(schema.get(bound)) for bound in (least, most))
        if low and high:
            yield f"{low} … {high}{what}"
        elif low or high:
            yield f"≥ {low}{what}" if low else f"≤ {high}{what}"
    for bound, sign in (("exclusiveMinimum", ">"), ("exclusiveMaximum", "<")):
        if bound in schema:
            yield f"{sign} {_write_bound(schema[bound])}"
    if "pattern" in schema:
        yield str(schema["pattern"])


def _write_bound(bound: float | None) -> str:
    """Empty: there is none."""
    if bound is None:
        return ""
    return "2^63-1" if bound in _LARGEST else str(int(bound) if bound == int(bound) else bound)
