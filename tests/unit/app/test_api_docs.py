"""The API's description as people read it."""

import pytest

from hypervisor.app.views_docs import (
    group_by_tag,
    kind_of,
    paragraphs,
    write_errors,
    write_example,
)

ONE = {"example": {"a": 1}}
DESCRIBED = {
    "tags": [{"name": "dead letters", "description": "What ingest refused."}],
    "paths": {
        "/api/v1/letters/{number}": {
            "get": {
                "tags": ["dead letters"],
                "operationId": "letters_one",
                "description": "One letter.\n\nWith its bytes.",
                "responses": {
                    "200": {"description": "OK", "content": {"application/json": ONE}},
                    "304": {"description": "Still so"},
                    "404": {"description": "Not Found"},
                },
            },
        },
    },
}  # fmt: skip


def test_by_subject() -> None:
    ((tag, (operation,)),) = group_by_tag(DESCRIBED)
    about = "What ingest refused."
    assert tag == {"name": "dead letters", "about": about, "anchor": "dead-letters"}
    assert (operation["method"], operation["path"]) == ("GET", "/api/v1/letters/{number}")
    assert paragraphs(operation) == ["One letter.", "With its bytes."]
    assert write_errors(operation) == "304 Not Modified, 404 Not Found"
    assert write_example(ONE) == '{\n  "a": 1\n}'
    assert write_example({"example": "a;b"}) == "a;b"


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, "date-time"),
        ({"enum": ["asc", "desc"]}, "asc | desc"),
        ({"const": "asc"}, "asc"),
        ({"$ref": "#/components/schemas/AlarmBody"}, "AlarmBody"),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 4}, "string, …, ≤ 4 items"),
        ({"type": "array", "prefixItems": [{"type": "string"}, {}]}, "string, , …"),
        ({"type": "integer", "minimum": 1, "maximum": 9}, "integer, 1 … 9"),
        ({"type": "integer", "minimum": 0}, "integer, ≥ 0"),
        ({"type": "integer", "minimum": 1, "maximum": 2**63 - 1}, "integer, 1 … 2^63-1"),
        ({"type": "number", "exclusiveMinimum": 0}, "number, > 0"),
        ({"type": "number", "exclusiveMaximum": 5}, "number, < 5"),
        ({"type": "string", "maxLength": 64}, "string, ≤ 64 characters"),
        ({"type": "string", "minLength": 1, "maxLength": 2}, "string, 1 … 2 characters"),
        ({"type": "string", "pattern": "^a"}, "string, ^a"),
        ({"type": "object", "minProperties": 1}, "object, ≥ 1 names"),
    ],
)
def test_types_in_a_word(schema: dict[str, object], kind: str) -> None:
    assert kind_of(schema) == kind
