"""The API's description as people read it."""

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


def test_types_in_a_word() -> None:
    assert kind_of({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}) == (
        "date-time"
    )
    assert kind_of({"enum": ["asc", "desc"]}) == "asc | desc"
    assert kind_of({"type": "array", "items": {"type": "string"}}) == "string, …"
    assert kind_of({"type": "integer", "minimum": 1, "maximum": 9}) == "integer, 1 … 9"
    assert kind_of({"type": "integer", "minimum": 1, "maximum": 2**63 - 1}) == "integer, ≥ 1"
