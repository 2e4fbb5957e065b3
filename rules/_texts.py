"""What a rule says to people, in English and in French, and what it may name of its subject."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from rules._errors import RuleError
from rules._yaml import Source
from sensors._errors import Message, Place
from sensors._nearest import did_you_mean

FRENCH = "fr"
TEXT_KEYS = ("title", "advice", "wrong when")
# What a text may name of the subject that the rule is judged per.
NAMED = {"site": ("site",), "device": ("site", "device", "group"), "group": ("site", "group")}
# Where French keeps a space that no line ends in: before high punctuation, inside of guillemets,
# between a number and its unit. Authors write a plain one.
_KEPT = re.compile(r" (?=[:;!?%»])|(?<=«) |(?<=\d) (?=(?:[km]?m|[km]?W|h|min|s|°C)\b)")
_NAMED = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The texts of a rule in one language; empty where its author wrote none."""

    title: str = ""
    advice: str = ""
    wrong_when: str = ""


def read_texts(source: Source, parts: Mapping[str, yaml.Node]) -> Texts:
    """Title, advice and `wrong when` out of a mapping that may have other keys too."""
    title, advice, wrong_when = (
        source.text(parts[key], key).strip() if key in parts else "" for key in TEXT_KEYS
    )
    return Texts(title=title, advice=advice, wrong_when=wrong_when)


def read_french(source: Source, parts: Mapping[str, yaml.Node]) -> Texts:
    """The texts of a rule's `fr`, with French spaces."""
    plain = read_texts(source, french_parts(source, parts))
    return Texts(
        **{name: _KEPT.sub("\N{NO-BREAK SPACE}", text) for name, text in vars(plain).items()}
    )


def french_parts(source: Source, parts: Mapping[str, yaml.Node]) -> dict[str, yaml.Node]:
    """The parts of a rule's `fr`.

    Raises:
        RuleError: it is no mapping, or has a key that no text has.
    """
    return source.mapping(parts[FRENCH], "`fr`", TEXT_KEYS) if FRENCH in parts else {}


def check_names(source: Source, parts: Mapping[str, yaml.Node], per: str) -> None:
    """Whether the texts of a rule name only what its subject has.

    Raises:
        RuleError: they name something else.
    """
    for texts in (parts, french_parts(source, parts)):
        for key in TEXT_KEYS:
            if key in texts:
                _check(source, texts[key], per)


def _check(source: Source, node: yaml.Node, per: str) -> None:
    text = source.text(node, "a text")
    for match in _NAMED.finditer(text):
        name, names = match[1], NAMED[per]
        if name in names:
            continue
        hint = did_you_mean(name, names)
        if name in NAMED["device"]:
            hint = Message("; a rule per {subject} names {names}", per, " or ".join(names))
        raise RuleError(
            _within(source.place(node), node, match.start()), "no {name}{hint}", match[0], hint
        )


def _within(place: Place, node: yaml.Node, offset: int) -> Place:
    """Where a character of a text stands; of one that is folded, where the text begins."""
    if node.start_mark.line != node.end_mark.line:
        return place
    return Place(file=place.file, line=place.line, column=place.column + offset)
