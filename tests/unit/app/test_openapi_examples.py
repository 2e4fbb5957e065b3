"""Examples made of what a description's schemas say."""

from typing import Any

import pytest

from hypervisor.app.openapi import example

KNOWN: dict[str, Any] = {
    "Site": {"type": "object", "properties": {"name": {"type": "string", "examples": ["mill"]}}},
    "Tree": {
        "type": "object",
        "properties": {"below": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}},
    },
}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "examples": ["a"], "default": "b"}, "a"),
        ({"type": "string", "default": "b"}, "b"),
        ({"enum": ["x", "y"]}, "x"),
        ({"const": "z"}, "z"),
        ({"type": "string", "format": "date-time"}, "2024-10-10T06:00:00Z"),
        ({"type": "string", "title": "Rule"}, "flood-level"),
        ({"type": "string", "title": "Rule", "maxLength": 5}, "flood"),
        ({"type": "integer", "minimum": 0}, 0),
        ({"type": "number", "exclusiveMinimum": 0}, 1.0),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None),
        ({"anyOf": [{"$ref": "#/components/schemas/Site"}, {"type": "null"}]}, {"name": "mill"}),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": "a"}]}, [1, "a"]),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, {"name": False}),
        ({}, {}),
    ],
)
def test_made(schema: dict[str, Any], expected: object) -> None:
    assert example(schema, KNOWN) == expected


def test_what_holds_itself_ends() -> None:
    found, depth = example({"$ref": "#/components/schemas/Tree"}, KNOWN), 0
    while found["below"]:
        found, depth = found["below"][0], depth + 1
    assert 0 < depth < 10
