"""Titles of rules and names of their functions; the domain of what no rule of ours raised."""

from collections.abc import Mapping
from typing import Any

from hypervisor.base.reader import current
from rules._functions import FUNCTIONS, Before

EXTERNAL_DOMAIN = "external"  # of an external alarm that is given no domain of ours
NBSP = "\N{NO-BREAK SPACE}"
_NAMES = ("{site}", "{device}", "{group}")


def title_of_rule(definition: Mapping[str, Any], rule: str) -> str:
    """The bare title in the reader's language, of a rule as it is written; else its id."""
    french = (definition.get("fr") or {}).get("title") if current().language == "fr" else None
    return bare(french or definition.get("title") or rule)


def name_function(name: str, language: str) -> str:
    """A function of the rule language within a sentence; one of another version by its name."""
    function = FUNCTIONS.get(name)
    if function is None or not function.label:
        return name
    return function.french if language == "fr" else function.label


def describe_function(name: str, span: str) -> str:
    """A function over a span in the reader's language: slope over 3 h."""
    language = current().language
    english, french = (FUNCTIONS[name].before if name in FUNCTIONS else Before.OVER).value
    return f"{name_function(name, language)} {french if language == 'fr' else english} {span}"


def bare(title: str) -> str:
    """A title as a rule writes it, without the name of its subject."""
    for name in _NAMES:
        for joint in (f"{name}{NBSP}: ", f"{name} : ", f"{name}: ", f"{name}, ", name):
            if title.startswith(joint):
                title = title.removeprefix(joint)
                break
    for name in _NAMES:
        title = title.replace(name, "…")
    return title[:1].upper() + title[1:]
