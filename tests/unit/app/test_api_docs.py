"""The API's description as people read it."""

from hypervisor.app.views_docs import BodyExample, kind_of, subjects

ONE = {"example": {"a": 1}}
DESCRIBED = {
    "tags": [{"name": "dead letters", "description": "What ingest refused."}],
    "paths": {
        "/api/v1/letters/{number}": {
            "get": {
                "tags": ["dead letters"],
                "operationId": "letters_one",
                "description": "One letter.\n\nWith its bytes.",
                "parameters": [
                    {"name": "number", "in": "path", "required": True,
                     "schema": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}},
                ],
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
    (subject,) = subjects(DESCRIBED)
    assert (subject.name, subject.anchor) == ("dead letters", "dead-letters")
    (one,) = subject.operations
    assert (one.method, one.summary, one.about) == ("GET", "One letter.", ("With its bytes.",))
    assert one.parameters[0].kind == "integer, ≥ 1"
    assert one.answers == (
        BodyExample(status="200", about="OK", kind="application/json", example='{\n  "a": 1\n}'),
    )
    assert [code for code, _ in one.errors] == ["304", "404"]


def test_types_in_a_word() -> None:
    assert kind_of({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}) == (
        "date-time"
    )
    assert kind_of({"enum": ["asc", "desc"]}) == "asc | desc"
    assert kind_of({"type": "array", "items": {"type": "string"}}) == "string, …"
    assert kind_of({"type": "integer", "minimum": 1, "maximum": 9}) == "integer, 1 … 9"
