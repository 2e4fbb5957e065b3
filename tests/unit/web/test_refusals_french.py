"""Errors of rooms that have no message templates yet are said in French, too."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import hypervisor
from hypervisor.base.reader import Reader, reading
from hypervisor.web.refusals import refusal

_ROOT = Path(hypervisor.__file__).parent
_ROLES = ("*/api*", "*/schemas*", "*/pages*", "*/views*")
_PARTS = (  # of what a page asks something; whole rooms where nearly all of it can be shown
    *(
        file
        for files in ("alarms/*", "logbook/*", *_ROLES)
        for file in sorted(_ROOT.glob(f"{files}.py"))
        if not re.match("queries|cli|screenshots", file.name)  # of the command line
        and file.parent.name not in {"access", "accounts", "web"}  # tests.translations checks these
    ),
    *(
        _ROOT / f"{name}.py"
        for name in (
            "backtest/draft",
            "backtest/past_events",
            "backtest/service",
            "database/audit",
            "database/pool",
            "evaluation/rule_text",
            "exercises/conductor",
            "exercises/playable",
            "exercises/queries_injects",
            "exercises/queries_runs",
            "exercises/reset",
            "exercises/run_controller",
            "exercises/service",
            "exercises/service_injects",
            "logbook/queries",
            "notifications/sending",
            "notifications/test_message",
            "notifications/webhook_channel",
            "readings/corrections",
            "registry/works",
            "registry/checks",
            "registry/checks_equipment",
            "registry/input_fields",
            "registry/input_sites",
            "rulebook/gauge_records",
            "rulebook/proposal",
            "rulebook/service",
            "rulebook/service_thresholds",
            "evaluation/pack_revisions",
            "rulebook/model",
        )
    ),
)
_MACHINES = {  # said to programs and programmers alone
    "AssertionError",
    "CursorError",
    "PreconditionError",
    "SpanError",
    "TypeError",
    "ValueError",
}
_HINTS = re.compile(r"hint|near|did_you_mean")  # what follows a sentence is translated by itself
_SAMPLE = "xyz"


def _sentence(node: ast.expr) -> str | None:
    """A literal with a sample for each of its holes; None: it is none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left = _sentence(node.left)
        return None if left is None else left + (_sentence(node.right) or "")
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else _filled(part) for part in node.values
    )


def _filled(hole: ast.expr) -> str:
    if not isinstance(hole, ast.FormattedValue) or _HINTS.search(ast.unparse(hole.value)):
        return ""
    return f"'{_SAMPLE}'" if hole.conversion == ord("r") else _SAMPLE


def _told(file: Path) -> Iterator[tuple[int, str]]:
    """The sentences of the errors that a file raises, of its problems and its notes."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        for said in map(_sentence, _telling(node)):
            if said is not None and re.search(r"[a-z]{2} ", said.replace(_SAMPLE, "")):
                yield getattr(node, "lineno", 0), said


def _telling(node: ast.AST) -> list[ast.expr]:
    """What a part of a program may say to a person."""
    match node:
        case ast.Raise(exc=ast.Call(func=func, args=args)):
            return [] if ast.unparse(func) in _MACHINES else args
        case ast.Call(func=ast.Attribute(attr="problem"), args=args):
            return args
        case ast.Call(func=func, args=args) if ast.unparse(func) == "notes.append":
            return args
        case ast.Assign(targets=[ast.Name(id="text")], value=value):
            return [value]
        case ast.keyword(arg="text", value=value):
            return [value]
    return []


def _every() -> list[tuple[str, str]]:
    return [
        (f"{file.parent.name}/{file.name}:{line}", said)
        for file in dict.fromkeys(_PARTS)
        for line, said in _told(file)
    ]


def _english(said: str, french: str) -> list[str]:
    """What was left in English: pieces between two values that are more than a word or a unit."""
    pieces = re.split(rf"'?{_SAMPLE}'?|`[^`]*`|{{.*}}", said)
    return [one for one in map(str.strip, pieces) if len(one.split()) > 2 and one in french]


def test_sentences_are_found() -> None:
    said = {one for _where, one in _every()}
    assert "no reason is given; say why in a few words" in " ".join(said)


def test_every_refusal_is_said_in_french() -> None:
    french = Reader(
        language="fr", zone=ZoneInfo("Europe/Paris"), now=datetime(2024, 10, 10, tzinfo=UTC)
    )
    with reading(french):
        lacking = [
            f"{where}: {said}"
            for where, said in _every()
            if refusal(said) == said or _english(said, refusal(said))
        ]
    assert lacking == []
