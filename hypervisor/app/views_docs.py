"""The API as people read it: by subject, each operation with what it takes and answers."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What stands in the address or a header."""

    name: str
    where: str
    kind: str
    required: bool
    about: str


@dataclass(frozen=True, kw_only=True)
class BodyExample:
    """A body with an example: of a request (`status` empty) or an answer. `kind`: media type."""

    status: str
    about: str
    kind: str
    example: str


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method at one address."""

    name: str
    method: str
    path: str
    summary: str
    about: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    takes: tuple[BodyExample, ...]
    answers: tuple[BodyExample, ...]
    errors: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A tag with its operations."""

    name: str
    about: str
    operations: tuple[Operation, ...]

    @property
    def anchor(self) -> str:
        return self.name.replace(" ", "-")


def subjects(described: Mapping[str, Any]) -> list[Subject]:
    """Every tag, by name."""
    by_tag: dict[str, list[Operation]] = {}
    for path, methods in described["paths"].items():
        for method in _METHODS:
            if method in methods:
                written = methods[method]
                tag = (written.get("tags") or ["other"])[0]
                by_tag.setdefault(tag, []).append(_build_operation(path, method, written))
    about = {tag["name"]: tag["description"] for tag in described.get("tags", ())}
    return [
        Subject(name=tag, about=about.get(tag, ""), operations=tuple(operations))
        for tag, operations in sorted(by_tag.items())
    ]


def _build_operation(path: str, method: str, written: Mapping[str, Any]) -> Operation:
    paragraphs = [part.strip() for part in written.get("description", "").split("\n\n")]
    first, *more = paragraphs if any(paragraphs) else [written.get("summary", "")]
    answers = written.get("responses", {})
    return Operation(
        name=written["operationId"],
        method=method.upper(),
        path=path,
        summary=first,
        about=tuple(more),
        parameters=tuple(
            _build_parameter(parameter) for parameter in written.get("parameters", ())
        ),
        takes=tuple(_list_bodies("", written.get("requestBody", {}))),
        answers=tuple(
            body
            for code, answer in answers.items()
            if code < "300"
            for body in _list_bodies(code, answer)
        ),
        errors=tuple(_list_errors(answers)),
    )


def _build_parameter(parameter: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=parameter["name"],
        where=parameter["in"],
        kind=kind_of(parameter.get("schema", {})),
        required=bool(parameter.get("required")),
        about=parameter.get("description", ""),
    )


def _list_bodies(status: str, body: Mapping[str, Any]) -> Iterator[BodyExample]:
    for kind, part in body.get("content", {}).items():
        example = part.get("example", "")
        yield BodyExample(
            status=status,
            about=body.get("description", ""),
            kind=kind,
            example=example
            if isinstance(example, str)
            else json.dumps(example, indent=2, ensure_ascii=False),
        )
    if status and not body.get("content"):
        yield BodyExample(status=status, about=body.get("description", ""), kind="", example="")


def _list_errors(answers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for code in answers:
        if code >= "300":
            yield code, HTTPStatus(int(code)).phrase


def kind_of(schema: Mapping[str, Any]) -> str:
    """A type in a word or two: `integer, 1 … 10000`, `asc | desc`, `date-time`."""
    if "anyOf" in schema:
        kinds = (kind_of(option) for option in schema["anyOf"] if option.get("type") != "null")
        return " | ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"{kind_of(schema.get('items', {}))}, …"
    kind = str(schema.get("format") or schema.get("type") or schema.get("const", ""))
    return ", ".join([kind, *_describe_bounds(schema)])


def _describe_bounds(schema: Mapping[str, Any]) -> Iterable[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None and high < 2**53:
        yield f"{low} … {high}"
    elif low is not None:
        yield f"≥ {low}"
