"""Rules from an author's file or an editor's text, each with the revision it is based on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hypervisor.base.errors import RulebookError
from rules._errors import RuleError
from rules._pack import Pack, load_pack
from rules._read import BASED_ON
from rules._rule import Rule
from rules._yaml import Source, as_yaml
from sensors._domain import catalogue
from sensors._errors import Place
from sensors._foreign import ForeignError, read_text_file

_EDITOR = "rule"  # the name of a text without a file
_INDENT = 2


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """A proposed rule. `based_on`: the mark of the revision that it was edited from.

    `pack`: its complete file, whose rules may mention each other.
    """

    rule: Rule
    pack: Pack
    place: Place
    based_on: str | None


def read_file(file: Path, *, domain: str | None = None) -> tuple[Pack, list[Proposed]]:
    """The rules of a file, in its order.

    Raises RuleError: with file, line and column; RulebookError: the file cannot be read, or its
    domain is unknown.
    """
    text = file_text(file)
    return read_text(text, file=str(file), domain=domain or domain_of(text, file))


def file_text(file: Path) -> str:
    """A file's text. Raises RulebookError: it cannot be read."""
    try:
        with file.open("rb") as opened:
            return read_text_file(opened)
    except (OSError, UnicodeDecodeError, ForeignError) as error:
        raise RulebookError("{file} cannot be read: {error}", file, error) from error


def read_text(text: str, *, file: str, domain: str) -> tuple[Pack, list[Proposed]]:
    """The rules of a text, in its order."""
    pack = load_pack(text, file=file, domain=domain)
    marks = read_bases(text, file=file)
    return pack, [
        Proposed(rule=rule, pack=pack, place=marks[rule.id][0], based_on=marks[rule.id][1])
        for rule in pack.rules
    ]


def domain_of(text: str, file: Path) -> str:
    """The domain of a file: its name, else the first one that a rule's id begins with.

    Raises RulebookError: neither is a domain.
    """
    domains = catalogue().domains
    if file.stem in domains:
        return file.stem
    for name in read_bases(text, file=str(file)):
        for domain in sorted(domains, key=len, reverse=True):
            if name.startswith(f"{domain}-"):
                return domain
    raise RulebookError(
        "{file}: unknown domain: name the file after one ({domains}), begin the ids of "
        "its rules with one, or pass --domain",
        file,
        ", ".join(sorted(domains)),
    )


def read_any(text: str, *, domain: str) -> Pack:
    """The pack of an editor's text: one rule (a mapping) or a list of rules.

    Raises RuleError: with line and column of that text.
    """
    node = Source(_EDITOR).compose(text)
    if isinstance(node, yaml.MappingNode):
        return _single(text, domain=domain)[0]
    return read_text(text, file=_EDITOR, domain=domain)[0]


def read_one(text: str, *, domain: str) -> Proposed:
    """The one rule (a mapping) of an editor's text.

    Raises RuleError: with line and column of that text.
    """
    node = Source(_EDITOR).compose(text)
    if not isinstance(node, yaml.MappingNode):
        raise RuleError(
            Place(file=_EDITOR, line=1, column=1), "expected one rule, a mapping (id: …)"
        )
    return _single(text, domain=domain)[1][0]


def _single(text: str, *, domain: str) -> tuple[Pack, list[Proposed]]:
    """Read a mapping as a list of one rule; places are those of the text."""
    lines = f"{' ' * _INDENT}{text}".replace("\n", f"\n{' ' * _INDENT}")
    try:
        return read_text(f"-{lines[1:]}", file=_EDITOR, domain=domain)
    except RuleError as error:
        place = Place(
            file=_EDITOR, line=error.place.line, column=max(error.place.column - _INDENT, 1)
        )
        raise RuleError(place, error.problem) from error


def read_written(written: Mapping[str, Any], *, domain: str) -> Proposed:
    """A rule given as a JSON object, as the API shows it.

    Raises RuleError: as `read_one`, in the text of that object.
    """
    return read_one(as_yaml(written), domain=domain)


def merge_files(files: Iterable[list[Proposed]]) -> list[Proposed]:
    """The rules of several files. Raises RuleError: one is in two of them."""
    proposals: dict[str, Proposed] = {}
    for proposed in (proposed for file in files for proposed in file):
        name = proposed.rule.id
        if name in proposals:
            raise RuleError(
                proposed.place, "rule {name!r} is already in {place}", name, proposals[name].place
            )
        proposals[name] = proposed
    return list(proposals.values())


def read_bases(text: str, *, file: str) -> dict[str, tuple[Place, str | None]]:
    """By rule: its place, and the mark of the revision that it is based on, if given.

    Raises RuleError: the file is no list of rules.
    """
    source = Source(file)
    places: dict[str, tuple[Place, str | None]] = {}
    for node in source.sequence(source.compose(text), "a pack of rules"):
        parts = source.mapping(node, "a rule")
        if "id" in parts:
            mark = source.text(parts[BASED_ON], BASED_ON) if BASED_ON in parts else None
            places[source.text(parts["id"], "id")] = source.place(node), mark
    return places


def rebase(text: str, marks: Mapping[str, str]) -> str:
    """The file's text with new marks by rule; comments and layout stay."""
    source = Source("")
    edits: list[tuple[int, int, str]] = []
    for node in source.sequence(source.compose(text), "a pack of rules"):
        parts = source.mapping(node, "a rule")
        name = source.text(parts["id"], "id")
        if name in marks:
            edits.append(_edit(text, node, parts, marks[name]))
    for start, end, replacement in sorted(edits, reverse=True):
        text = f"{text[:start]}{replacement}{text[end:]}"
    return text


def _edit(
    text: str, node: yaml.Node, parts: Mapping[str, yaml.Node], mark: str
) -> tuple[int, int, str]:
    if BASED_ON in parts:
        old = parts[BASED_ON]
        return old.start_mark.index, old.end_mark.index, mark
    end = parts["id"].end_mark.index
    if isinstance(node, yaml.MappingNode) and node.flow_style:
        return end, end, f", {BASED_ON}: {mark}"
    line_end = text.find("\n", end)
    at = len(text) if line_end < 0 else line_end
    indent = " " * (node.start_mark.column)
    return at, at, f"\n{indent}{BASED_ON}: {mark}"
