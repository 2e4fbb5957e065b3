"""What `--help` says: a list of values is the enumeration's, whole."""

import ast
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import typer

from hypervisor.cli import attach_commands

ROOT = Path(__file__).parents[2]
_WORD = r"`?[a-z][a-z0-9_-]*`?"
_LIST = re.compile(rf"{_WORD}(?:, (?:or )?{_WORD})+(?: or {_WORD})?|{_WORD} or {_WORD}")
_APART = re.compile(r"\([^)]*\)|\S*[/<>{}]\S*")  # explanations; parts of a name


def collect_enumerations() -> Mapping[frozenset[str], str]:
    """The words of each public enumeration of texts -> where it is."""
    enumerations: dict[frozenset[str], str] = {}
    for package in ("hypervisor", "ingest", "rules", "sensors", "simulators"):
        for file in sorted((ROOT / package).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            if "StrEnum" in text or "Literal[" in text:
                for name, words in read_enumerations(ast.parse(text)):
                    if len(words) > 1 and not name.startswith("_"):
                        enumerations.setdefault(words, f"{file.relative_to(ROOT)}: {name}")
    return enumerations


def read_enumerations(module: ast.Module) -> Iterator[tuple[str, frozenset[str]]]:
    """`class X(StrEnum)` and `X = Literal[…]` of a module."""
    for statement in module.body:
        match statement:
            case ast.ClassDef(name=name, bases=[ast.Name(id="StrEnum")], body=body):
                yield (
                    name,
                    frozenset(_texts([each for each in body if isinstance(each, ast.Assign)])),
                )
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Subscript(value=ast.Name(id="Literal"), slice=words),
            ):
                yield name, frozenset(_texts([words]))


def _texts(nodes: list[ast.Assign] | list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        for each in ast.walk(node):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield each.value


def list_help() -> Iterator[tuple[str, str]]:
    """Each parameter of each command, with what its help says."""
    app = typer.Typer()
    attach_commands(app)
    waiting = [("hypervisor", typer.main.get_command(app))]
    for path, command in waiting:
        for parameter in command.params:
            yield f"{path} {parameter.opts[0]}", getattr(parameter, "help", None) or ""
        below: Mapping[str, typing.Any] = getattr(command, "commands", {})
        waiting += [(f"{path} {name}", each) for name, each in below.items()]


def find_incomplete(
    text: str, enumerations: Mapping[frozenset[str], str]
) -> Iterator[tuple[str, list[str]]]:
    """The enumeration of which the lists in the text name several words, and not all."""
    lists = " ".join(match[0] for match in _LIST.finditer(_APART.sub("", text)))
    listed = frozenset(re.findall(r"[a-z][a-z0-9_-]*", lists)) - {"or"}
    fitting = [words for words in enumerations if listed <= words]
    if len(listed) > 1 and fitting and listed not in fitting:
        words = min(fitting, key=len)
        yield enumerations[words], sorted(words - listed)


@pytest.fixture(scope="module")
def enumerations() -> Mapping[frozenset[str], str]:
    return collect_enumerations()


@pytest.mark.parametrize("text", ["send, read, operate; default: read.", "read or operate"])
def test_a_list_that_lacks_a_word_is_noticed(
    text: str, enumerations: Mapping[frozenset[str], str]
) -> None:
    assert any("command" in lacking for _, lacking in find_incomplete(text, enumerations))


def test_every_list_of_values_is_whole(enumerations: Mapping[frozenset[str], str]) -> None:
    lacking = [
        f"{where}: of {name} it lacks {', '.join(words)}"
        for where, text in list_help()
        for name, words in find_incomplete(text, enumerations)
    ]
    assert not lacking, "\n".join(lacking)
