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
class Said:
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
    takes: tuple[Said, ...]
    answers: tuple[Said, ...]
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
                by_tag.setdefault(tag, []).append(_operation(path, method, written))
    about = {one["name"]: one["description"] for one in described.get("tags", ())}
    return [
        Subject(name=tag, about=about.get(tag, ""), operations=tuple(found))
        for tag, found in sorted(by_tag.items())
    ]


def _operation(path: str, method: str, written: Mapping[str, Any]) -> Operation:
    paragraphs = [part.strip() for part in written.get("description", "").split("\n\n")]
    first, *more = paragraphs if any(paragraphs) else [written.get("summary", "")]
    answers = written.get("responses", {})
    return Operation(
        name=written["operationId"],
        method=method.upper(),
        path=path,
        summary=first,
        about=tuple(more),
        parameters=tuple(_parameter(one) for one in written.get("parameters", ())),
        takes=tuple(_bodies("", written.get("requestBody", {}))),
        answers=tuple(
            body for code, one in answers.items() if code < "300" for body in _bodies(code, one)
        ),
        errors=tuple(_errors(answers)),
    )


def _parameter(one: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=one["name"],
        where=one["in"],
        kind=kind_of(one.get("schema", {})),
        required=bool(one.get("required")),
        about=one.get("description", ""),
    )


def _bodies(status: str, one: Mapping[str, Any]) -> Iterator[Said]:
    for kind, part in one.get("content", {}).items():
        example = part.get("example", "")
        yield Said(
            status=status,
            about=one.get("description", ""),
            kind=kind,
            example=example
            if isinstance(example, str)
            else json.dumps(example, indent=2, ensure_ascii=False),
        )
    if status and not one.get("content"):
        yield Said(status=status, about=one.get("description", ""), kind="", example="")


def _errors(answers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for code in answers:
        if code >= "300":
            yield code, HTTPStatus(int(code)).phrase


def kind_of(schema: Mapping[str, Any]) -> str:
    """A type in a word or two: `integer, 1 … 10000`, `asc | desc`, `date-time`."""
    if "anyOf" in schema:
        kinds = (kind_of(one) for one in schema["anyOf"] if one.get("type") != "null")
        return " | ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"{kind_of(schema.get('items', {}))}, …"
    kind = str(schema.get("format") or schema.get("type") or schema.get("const", ""))
    return ", ".join([kind, *_bounds(schema)])


def _bounds(schema: Mapping[str, Any]) -> Iterable[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None and high < 2**53:
        yield f"{low} … {high}"
    elif low is not None:
        yield f"≥ {low}"
