"""No template and no view says calm by itself: its words stand behind the guard's `is_calm`."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from jinja2 import nodes

from hypervisor.web.rendering import environment

ROOT = Path(__file__).parents[3] / "hypervisor"
CALM = re.compile(
    r"\b(?:no|nothing|none|all|every|each)\b[^.]*\b(?:alarms?|warnings?|assets?|thresholds?"
    r"|sensors?|devices?|gauges?|floods?|acknowledged?|threatened|reached|refused|lost|expected"
    r"|issues?|report(?:s|ed)?|blind|hours|raised|well|fine|good|normal|rivers?|rise[sd]?|closed)\b"
    r"|\b(?:green|healthy|calm|all clear|safe|on time|targets|up to date)\b",
    re.IGNORECASE,
)
# Sentences that only sound so, by the reason why they say nothing of the situation.
HARMLESS = {
    "a filter, a heading, a legend, a label": {
        "All alarms", "All warnings in force", "All devices that obey", "All thresholds",
        "No alarm matches these filters.", "No matching devices.", "No matching thresholds.",
        "No device is in this state.", "at each device", "no alarm", "On no river",
        "%(every)s sites, those on rivers first", "margin to each gauge's own threshold",
        "all gauges together, %(span)s ahead or less",
        "every device of the alarm's site that obeys",
        "Work orders of these teams, and no alarms", "green",
    },
    "a warning": {
        "Readings are evaluated up to %(time)s only: what has happened since raises no alarm yet.",
        "Readings wait to be evaluated, and raise no alarm yet.",
    },
    "what is set up, or was entered": {
        "No system sends alarms here.", "No device here obeys commands.", "No sensors yet.",
        "There is no gauge of a level or a discharge yet.", "No river is monitored here.",
        "Nothing promised, closed or expected.", "No device is registered yet.",
        "No site has the series and the thresholds that it needs.",
        "No river gauge has reported yet.", "No river gauge in your territory.",
        "No expected actions yet.", "This gauge's record gives no value for this threshold.",
    },
    "what somebody has still to do": {"none to acknowledge", "Up to date."},
    "says whose word it is, beside what is missing": {
        "%(who)s has published no warning that is in force in %(commune)s.",
        "%(who)s has published no warning that is in force.", "No alarm was raised that is open.",
        "It rises above no further threshold.", "All clear",
    },
    "behind a guard of its own: the macro `quiet`, `bar.healthy`": {
        "No alarm was raised.", "System healthy",
    },
    "how something works, or what somebody did": {
        "%(num)d rule or site is set aside: no alarm comes from it.",
        "%(num)d rules or sites are set aside: no alarm comes from them.",
        "Critical success index: crossings warned of among all crossings and false warnings",
        "Levels are on each gauge's own scale; margin = level − threshold.",  # noqa: RUF001
        "No alarm has the number %(n)s.", "No readable time: fix the device.",
        "No command with this key was sent to this device: does it answer an older one?",
        "No more warnings on this device. What was stored of it is deleted.",
        ("On average %(average)s, at most %(peak)s in ten minutes; the targets are %(one)s and"
        " %(ten)s."),
        ("Readings come every %(interval)s here: as `for` needs two, an alarm waits for the second,"
        " %(interval)s after the first."),
        "Values by hours of exceedance per year, with the alarms that each would have raised.",
        "What the forecast of each gauge was worth, with the straight line below it",
        "Your session is over; nothing is lost.",
        "no reading can confirm it: it ends when the device acknowledges it",
        "none: another device measures the same",
    },
    "the past, or a trial on it": {
        "No alarm yet.", "No alarm with either threshold.",
        "Nothing arrived in the last three hours.",
        "No event was reported here in this period, so hits and false alarms are unknown.",
        ("The rule is no longer in force: its alarms end with this reason. Its revisions are kept;"
        " it can be restored."),
    },
}  # fmt: skip
_SENTENCE = 120  # characters; what is longer explains how something works
_CALLS = {"_", "gettext", "ngettext", "mark", "mark_plural", "translate", "translate_plural"}


def template_words(name: str) -> Iterator[tuple[str, bool]]:
    """(sentence, whether it stands behind the guard) of a template."""
    env = environment()
    source = env.loader.get_source(env, name)[0]  # type: ignore[union-attr]
    yield from _walk(env.parse(source), guarded=False)


def _walk(node: nodes.Node, *, guarded: bool) -> Iterator[tuple[str, bool]]:
    called = node.node if isinstance(node, nodes.Call) else None
    if isinstance(node, nodes.Call) and isinstance(called, nodes.Name) and called.name in _CALLS:
        for given in node.args:
            if isinstance(given, nodes.Const) and isinstance(given.value, str):
                yield given.value, guarded
    if isinstance(node, nodes.If | nodes.CondExpr):
        tests = [node.test, *(each.test for each in getattr(node, "elif_", ()))]
        guarded = guarded or any(map(_asks_the_guard, tests))
    for child in node.iter_child_nodes():
        yield from _walk(child, guarded=guarded)


def _asks_the_guard(test: nodes.Node) -> bool:
    every = [test, *test.find_all(nodes.Getattr)]
    return any(isinstance(each, nodes.Getattr) and each.attr == "is_calm" for each in every)


def code_words(path: Path) -> Iterator[tuple[str, bool]]:
    """(sentence, whether its function looks at the guard) of a module."""
    tree = ast.parse(path.read_text("utf-8"))
    spans = [
        (each.lineno, each.end_lineno or each.lineno)
        for each in ast.walk(tree)
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(isinstance(n, ast.Attribute) and n.attr == "is_calm" for n in ast.walk(each))
    ]
    for call in ast.walk(tree):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id in _CALLS
        ):
            guarded = any(first <= call.lineno <= last for first, last in spans)
            for given in call.args:
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    yield given.value, guarded


@cache
def list_words() -> tuple[tuple[str, str, bool], ...]:
    """(where, sentence, guarded) of everything that people read."""
    return tuple(_read_words())


def _read_words() -> Iterator[tuple[str, str, bool]]:
    for name in environment().list_templates():
        for words, guarded in template_words(name):
            yield name, words, guarded
    for path in sorted(ROOT.rglob("*.py")):
        for words, guarded in code_words(path):
            yield str(path.relative_to(ROOT)), words, guarded


def test_calm_words_stand_behind_the_guard() -> None:
    harmless = {words for some in HARMLESS.values() for words in some}
    bare = {
        f"{where}: {words}"
        for where, words, guarded in list_words()
        if CALM.search(words) and not guarded and words not in harmless and len(words) < _SENTENCE
    }
    assert not bare, "ask the guard (Assessment.is_calm), or say in HARMLESS why it is not calm"


def test_the_guard_is_asked_somewhere() -> None:
    guarded = {words for _where, words, guarded in list_words() if guarded}
    assert {
        "No warning is in force.",
        "No asset or threshold is threatened.",
        "No alarm is open.",
        "No sensor is blind.",
        "Nothing within twelve hours.",
        "no asset reached within a day",
    } <= guarded


@pytest.mark.parametrize("name", environment().list_templates())
def test_green_is_drawn_in_one_place_only(name: str) -> None:
    env = environment()
    source = env.loader.get_source(env, name)[0]  # type: ignore[union-attr]
    if not name.endswith("parts/official.html"):
        assert "swatch(" not in source
        assert not re.search(r"vigi (?:green|v1)", source)
    for block in re.findall(r'class="calm"', source):
        assert block
        assert "is_calm" in source
