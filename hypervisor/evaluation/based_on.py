"""The key `based on` in an author's file: read, and written back without touching the rest."""

from collections.abc import Mapping

import yaml

from rules._read import BASED_ON
from rules._yaml import Source
from sensors._errors import Place


def read_bases(text: str, *, file: str) -> dict[str, tuple[Place, str | None]]:
    """By rule: where it stands, and the mark of the revision it is based on, if it says one.

    Raises:
        RuleError: the file is no list of rules.
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
    """The same file, based on these revisions; comments and layout stay."""
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
