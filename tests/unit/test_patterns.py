"""A pattern reads each text in a time that grows with its length alone, whoever wrote the text."""

import ast
import importlib
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from sensors._nearest import nearest_hint
from sensors._scalars import parse_whole

TOP = Path(__file__).parents[2]
PACKAGES = ("hypervisor", "ingest", "rules", "sensors", "simulators")
OWN_TEXT = ("hypervisor/grafana/", "hypervisor/bench/", "simulators/")  # nobody else writes it
PUMPED = 20_000  # repetitions: a square of them takes seconds
MOST = 1.0  # s of the processor; a text of a million characters takes milliseconds
# What a test of its own reaches only after another pattern has taken the whole text.
CHECKED_BEFORE = {"sensors/_scalars.py:_DURATION_PART"}
SEARCHES = {"search", "sub", "subn", "findall", "finditer", "split"}


def list_patterns() -> Iterator[tuple[str, str, re.Pattern[Any]]]:
    """(place, method, pattern) of each pattern of a module and each way in which it is used."""
    for package in PACKAGES:
        for file in sorted((TOP / package).rglob("*.py")):
            place = file.relative_to(TOP).as_posix()
            text = file.read_text(encoding="utf-8")
            if place.startswith(OWN_TEXT) or "re.compile" not in text:
                continue
            module = importlib.import_module(place.removesuffix(".py").replace("/", "."))
            used = {
                (node.value.id, "search" if node.attr in SEARCHES else node.attr)
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            }
            for name, method in sorted(used):
                pattern = vars(module).get(name)
                if f"{place}:{name}" in CHECKED_BEFORE:
                    continue
                if isinstance(pattern, re.Pattern) and method in {"search", "match", "fullmatch"}:
                    yield f"{place}:{name}.{method}", method, pattern


PATTERNS = list(list_patterns())


@pytest.mark.parametrize(("place", "method", "pattern"), PATTERNS, ids=[p[0] for p in PATTERNS])
def test_a_pattern_takes_no_square_of_the_text(
    place: str, method: str, pattern: re.Pattern[Any]
) -> None:
    dice = random.Random(place)
    read = getattr(pattern, method)
    for text in {pump(dice, pattern.pattern, pattern.flags) for _ in range(12)}:
        begun = time.thread_time()
        read(text)
        assert time.thread_time() - begun < MOST, text[:100]


def pump(dice: random.Random, pattern: Any, flags: int) -> Any:
    """A text that nearly matches, with a part of it repeated."""
    written = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    sample = write(dice, parser.parse(written, flags & ~re.UNICODE), {})
    cut = dice.randrange(len(sample) + 1)
    end = min(len(sample), cut + dice.choice((0, 1, 1, 2, 3)))
    part = sample[cut:end] or dice.choice((" ", "a", "1"))
    text = sample[:cut] + part * PUMPED + dice.choice(("\0", "\n\0", sample[end:] + "\0"))
    return text if isinstance(pattern, str) else text.encode("latin-1", "replace")


def write(dice: random.Random, parsed: Any, groups: dict[int, str]) -> str:
    """A text that a pattern matches, but for what it looks at ahead and behind."""
    return "".join(write_part(dice, str(kind), value, groups) for kind, value in parsed)


def write_part(dice: random.Random, kind: str, value: Any, groups: dict[int, str]) -> str:
    text = ""  # of positions, and of what looks around
    if kind == "LITERAL":
        text = chr(value)
    elif kind in {"NOT_LITERAL", "ANY"}:
        text = dice.choice("a1 ")
    elif kind == "IN":
        text = write_class(dice, value)
    elif kind.endswith("_REPEAT"):
        least, most, inner = value
        count = dice.randint(least, min(int(most), least + 2))
        text = "".join(write(dice, inner, groups) for _ in range(count))
    elif kind == "SUBPATTERN":
        text = groups[value[0] or 0] = write(dice, value[-1], groups)
    elif kind == "ATOMIC_GROUP":
        text = write(dice, value, groups)
    elif kind == "BRANCH":
        text = write(dice, dice.choice(value[1]), groups)
    elif kind == "GROUPREF":
        text = groups.get(value, "")
    return text


def write_class(dice: random.Random, members: Any) -> str:
    kind, value = dice.choice(members)
    match str(kind):
        case "LITERAL":
            return chr(value)
        case "RANGE":
            return chr(dice.choice(value))
        case "CATEGORY":
            return {"DIGIT": "1", "SPACE": " ", "WORD": "a"}.get(str(value).split("_")[-1], ".")
    return dice.choice("a1 .")  # of a negated class


def test_a_long_word_is_compared_with_no_name() -> None:
    word = "".join(random.Random(7).choices("abcdefghij", k=200_000))
    begun = time.thread_time()
    assert nearest_hint(word, (f"gauge-{number}" for number in range(200))) == ""
    assert time.thread_time() - begun < MOST


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1_0", " 1", "²", "٣", "1e3", str(2**63), "9" * 5_000]
)
def test_what_is_no_whole_number(text: str) -> None:
    assert parse_whole(text) is None
    assert parse_whole("9223372036854775807") == 2**63 - 1
