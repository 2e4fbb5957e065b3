"""Titles of rules, as pages shorten them; the domain of what no rule of ours raised."""

from collections.abc import Mapping
from typing import Any

from hypervisor.base.reader import current

EXTERNAL_DOMAIN = "external"  # of an external alarm that is given no domain of ours
NBSP = "\N{NO-BREAK SPACE}"
_NAMES = ("{site}", "{device}", "{group}")


def title_of_rule(definition: Mapping[str, Any], rule: str) -> str:
    """The bare title in the reader's language, of a rule as it is written; else its id."""
    french = (definition.get("fr") or {}).get("title") if current().language == "fr" else None
    return bare(french or definition.get("title") or rule)


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
