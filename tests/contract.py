"""What programs outside rely on: routes with parameters, bodies and bounds; commands with options.

`python -m tests.generated` writes docs/routes.txt and docs/commands.txt, and a test compares them.
An entry is parts, joined by `; `. `python -m tests.contract routes` prints what the code has.
"""

import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from fastapi import FastAPI

from hypervisor import cli
from hypervisor.app import navigation, openapi
from hypervisor.app.application import create_app
from hypervisor.app.views_docs import kind_of
from hypervisor.base.settings import Settings
from sensors._domain import catalogue

ROOT = Path(__file__).parents[1]
_WIDTH = 150
_JOIN = "; "
_REF = "#/components/schemas/"
_ALWAYS = ("400", "401", "403", "422", "429", "503")
_USUAL = ("application/json", "application/problem+json", "Problem")
_USUAL_OF_OPTIONS = (
    *(("exists", False), ("file_okay", True), ("dir_okay", True), ("hidden", False)),
    *(("prompt", False), ("hide_input", False), ("show_default", True)),
)
HEADS = {
    "routes": """\
# Every route with its parameters (`?` in the query, `:` in the path, `^` a header, `=` a field of
# a form; `*` is required), what it takes and answers; routes of the API answer 400, 401, 403, 422,
# 429 and 503, too. Then the bodies.
""",
    "commands": """\
# Every command with its arguments in capitals and its options (`*` is required, `…` may be
# repeated), their defaults and the variables of the environment ($) that give them.
""",
}

Schema = Mapping[str, Any]


def routes() -> Iterator[list[str]]:
    """A route an entry, the API's before the console's; then each body's fields."""
    api = openapi.describe(create_app(Settings(), catalogue(), lambda: datetime.now(UTC)))
    pages = FastAPI()
    for module in navigation.modules():
        pages.include_router(module.router)
    console = pages.openapi()
    bodies = console["components"]["schemas"]
    for document, shown in ((api, {}), (console, bodies)):
        for path, methods in sorted(document["paths"].items()):
            for method, operation in methods.items():
                yield [f"{method.upper()} {path}", *_list_route(operation, shown)]
    for name, schema in sorted(api["components"]["schemas"].items()):
        yield [name, *_list_fields(schema)]


def _list_route(operation: Schema, bodies: Mapping[str, Schema]) -> Iterator[str]:
    """Parameters, what it takes, and the answers of a route of the API."""
    for parameter in operation.get("parameters", ()):
        mark = {"query": "?", "path": ":", "header": "^", "cookie": "&"}[parameter["in"]]
        yield _write_field(f"{mark}{parameter['name']}", parameter["schema"], parameter)
    content = operation.get("requestBody", {}).get("content", {})
    for kind, body in content.items():
        name = body["schema"].get("$ref", "").removeprefix(_REF)
        if name in bodies:
            yield from (f"={field}" for field in _list_fields(bodies[name]))
        else:
            yield " ".join(["takes", _write_type(body["schema"]), *{kind} - {*_USUAL}])
    if not operation.get("tags"):
        return  # a page
    answers = operation["responses"]
    for code, answer in answers.items():
        if code not in _ALWAYS:
            schemas = [part.get("schema", {}) for part in answer.get("content", {}).values()]
            kinds = [*answer.get("content", ()), *answer.get("headers", ())]
            words = dict.fromkeys([*map(_write_type, schemas), *kinds])
            yield " ".join([code, *(word for word in words if word and word not in _USUAL)])
    yield from (f"never {code}" for code in _ALWAYS if code not in answers)


def _list_fields(schema: Schema) -> Iterator[str]:
    if "properties" not in schema:
        yield _write_type(schema)
    for name, field in schema.get("properties", {}).items():
        yield _write_field(name, field, {"required": name in schema.get("required", ())})
    more = schema.get("additionalProperties")
    if more is not None:
        yield f"others: {_write_type(more) if isinstance(more, Mapping) else str(more).lower()}"


def _write_field(name: str, schema: Schema, about: Schema) -> str:
    needed = "*" if about.get("required") else ""
    default = f" = {schema['default']!r}" if "default" in schema else ""
    numbers = [value for value in schema.get("examples", ()) if not isinstance(value, str | None)]
    example = f" e.g. {numbers[0]!r}" if numbers else ""
    marks = [mark for mark in ("deprecated", "readOnly") if {**schema, **about}.get(mark)]
    return " ".join([f"{name}{needed}: {_write_type(schema)}{default}{example}", *marks])


def _write_type(schema: Schema) -> str:
    null = any(option.get("type") == "null" for option in schema.get("anyOf", ()))
    return f"{kind_of(schema)}{' or null' * null}"


def commands() -> Iterator[list[str]]:
    """A command an entry, by name."""
    yield from _list_commands(cli.build(), "hypervisor")


def _list_commands(command: Any, name: str) -> Iterator[list[str]]:
    marks = ("no_args_is_help", "invoke_without_command", "hidden", "deprecated")
    options = [_write_option(each) for each in command.params]
    yield [name, *(mark for mark in marks if getattr(command, mark, False)), *options]
    for word, below in sorted(getattr(command, "commands", {}).items()):
        yield from _list_commands(below, f"{name} {word}")


def _write_option(option: Any) -> str:
    """Names, type, default; an argument's name is in capitals."""
    argument = option.param_type_name == "argument"
    names = option.name.upper() if argument else "/".join((*option.opts, *option.secondary_opts))
    info = option.type_descriptor.parameter_info
    kind = option.type_descriptor.annotation
    words_of_kind = get_args(kind) if get_origin(kind) is Literal else ()
    kind = next(iter(get_args(kind)), kind)  # of a list's items
    words = [
        f"{names}{'*' if option.required else ''}:",
        "flag" if getattr(option, "is_flag", False) else "|".join(words_of_kind) or kind.__name__,
        "…" if option.multiple or option.nargs != 1 else "",
        "" if info.min is None else f"≥ {info.min}",
        "" if info.max is None else f"≤ {info.max}",
        "" if option.default in (None, False) else f"= {_quote(option.default)}",
        f"${option.envvar}" if option.envvar else "",
    ]
    marks = [name for name, usual in _USUAL_OF_OPTIONS if getattr(info, name, usual) != usual]
    return " ".join([*filter(None, words), *marks])


def _quote(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


LISTINGS: Mapping[str, Callable[[], Iterator[list[str]]]] = {
    "routes": routes,
    "commands": commands,
}


def write(name: str) -> str:
    """The listing as it lies in `docs`: long entries are wrapped, and go on indented."""
    return HEADS[name] + "".join(f"{_wrap(entry)}\n" for entry in LISTINGS[name]())


def _wrap(entry: list[str]) -> str:
    # A part stays whole, so that it can be looked for.
    parts = [part.replace(" ", "\N{NO-BREAK SPACE}") for part in entry]
    wrapped = textwrap.fill(
        _JOIN.join(parts),
        _WIDTH,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped.replace("\N{NO-BREAK SPACE}", " ")


def read_parts(text: str) -> list[str]:
    """`entry: part` of a listing, a line each: what a reader compares."""
    entries = text.replace("\n    ", " ").splitlines()
    return [
        f"{name}; {part}" if part else name
        for entry in entries
        for name, *parts in [entry.split(_JOIN)]
        for part in ("", *parts)
    ]


def file(name: str) -> Path:
    return ROOT / "docs" / f"{name}.txt"


if __name__ == "__main__":
    sys.stdout.write(write(sys.argv[1]))
