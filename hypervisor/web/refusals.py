"""What is refused or noted, in the reader's language: every part says its sentences in English.

`locale/fr/refusals*.po` have them as patterns: `%(name)s` stands for what one says of its case. A
name that begins with `code` stands for what is written as it is (names, words of the rules), one
with `time` for a time, one with `severity` for a severity, `n` for a number.
One that nobody translated stays as it is: an English sentence says more than none.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache

from hypervisor.base import reader
from hypervisor.base.translation import sentences, translate
from hypervisor.web import filters, marks

_FILES = (
    "refusals.po",
    "refusals_more.po",
    "refusals_past.po",
    "refusals_registry.po",
    "refusals_rulebook.po",
    "refusals_rules.po",
)
_NAMED = re.compile(r"%\((\w+)\)s")
_HOLE = re.compile(r"%\\\((\w+)\\\)s")  # the same, escaped
_QUOTED = re.compile(r"(['\"])(.*)\1", re.DOTALL)
_PLACE = re.compile(r"(?P<place>[^\s:]+|.*?:\d+:\d+): (?P<rest>.+)", re.DOTALL)
_HINT = "; "  # what follows it is a sentence of its own: what was probably meant
_WORD = r"\S+"
_JOINTS = ((": ", " : "), (", ", ", "), ("; ", " ; "))  # between sentences; in French
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00)")


def refusal(error: object) -> str:
    """The sentence of an error; line by line, where it says several things."""
    text, language = str(error), reader.current().language
    if language == "en":
        return text
    return "\n".join(_said(line, language) or line for line in text.split("\n"))


def _said(text: str, language: str) -> str | None:
    """Without the hint at its end, as it stands, behind the place that it names, or in parts."""
    return (
        _hinted(text, language)
        or _whole(text, language)
        or _placed(text, language)
        or _joined(text, language)
    )


def _whole(text: str, language: str) -> str | None:
    said = translate(text, language)
    if said != text:
        return said
    for pattern, french in _patterns(language):
        match = pattern.fullmatch(text)
        if match:
            return _in(french, _filled(match.groupdict(), language))
    return None


def _in(sentence: str, holes: Mapping[str, str]) -> str:
    return _NAMED.sub(lambda hole: holes[hole[1]], sentence)


def _hinted(text: str, language: str) -> str | None:
    before, apart, hint = text.rpartition(_HINT)
    ending = _whole(f"{apart}{hint}", language) if before else None
    told = _said(before, language) if ending else None
    return f"{told}{ending}" if told else None


def _placed(text: str, language: str) -> str | None:
    found = _PLACE.fullmatch(text)
    told = _said(found["rest"], language) if found else None
    return f"{found['place']} : {told}" if found and told else None


def _joined(text: str, language: str) -> str | None:
    """Several sentences; what a person wrote behind the first stays as it is."""
    for apart, joint in _JOINTS:
        first, found, rest = text.partition(apart)
        told = _said(first, language) if found else None
        if told:
            return f"{told}{joint}{_said(rest, language) or rest}"
    return None


def _filled(holes: Mapping[str, str], language: str) -> dict[str, str]:
    found = {}
    for name, text in holes.items():
        if name.startswith("severity"):
            found[name] = marks.priority_name(text).lower()
        elif name.startswith("code"):
            found[name] = _value(text)
        else:
            found[name] = _said(text, language) or _listed(text, language)
    return found


def _listed(text: str, language: str) -> str:
    """What a function takes, as (a series, a duration); any other value as it is."""
    if not (text.startswith("(") and text.endswith(")")):
        return _value(text)
    return f"({', '.join(translate(one, language) for one in text[1:-1].split(', '))})"


def _value(text: str) -> str:
    """A quoted word between the reader's own quotation marks; a time on the reader's clock."""
    if _INSTANT.fullmatch(text):
        try:
            return filters.day_time(datetime.fromisoformat(text))
        except ValueError:  # looks like a time, as what a person typed may
            return text
    found = _QUOTED.fullmatch(text)
    return f"« {found[2]} »" if found else text


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """The longest first: it says most."""
    found = {key: said for file in _FILES for key, said in sentences(language, file).items()}
    ordered = sorted((key for key in found if "%(" in key), key=_fixed, reverse=True)
    return [(re.compile(_pattern(key), re.DOTALL), found[key]) for key in ordered]


def _fixed(sentence: str) -> int:
    return len(_NAMED.sub("", sentence))


def _pattern(sentence: str) -> str:
    return _HOLE.sub(_group, re.escape(sentence))


def _group(hole: re.Match[str]) -> str:
    one_word = hole[1] == "n" or hole[1].startswith("time")
    return f"(?P<{hole[1]}>{_WORD if one_word else '.+?'})"
