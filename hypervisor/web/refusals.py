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
    return "\n".join(_translate(line, language) or line for line in text.split("\n"))


def _translate(text: str, language: str) -> str | None:
    """Without the hint at its end, as it stands, behind the place that it names, or in parts."""
    return (
        _translate_with_hint(text, language)
        or _translate_sentence(text, language)
        or _translate_after_place(text, language)
        or _translate_parts(text, language)
    )


def _translate_sentence(text: str, language: str) -> str | None:
    translated = translate(text, language)
    if translated != text:
        return translated
    for pattern, french in _compile_patterns(language):
        match = pattern.fullmatch(text)
        if match:
            return _fill(french, _translate_values(match.groupdict(), language))
    return None


def _fill(sentence: str, holes: Mapping[str, str]) -> str:
    return _NAMED.sub(lambda hole: holes[hole[1]], sentence)


def _translate_with_hint(text: str, language: str) -> str | None:
    before, apart, hint = text.rpartition(_HINT)
    ending = _translate_sentence(f"{apart}{hint}", language) if before else None
    translated = _translate(before, language) if ending else None
    return f"{translated}{ending}" if translated else None


def _translate_after_place(text: str, language: str) -> str | None:
    match = _PLACE.fullmatch(text)
    translated = _translate(match["rest"], language) if match else None
    return f"{match['place']} : {translated}" if match and translated else None


def _translate_parts(text: str, language: str) -> str | None:
    """Several sentences; what a person wrote behind the first stays as it is."""
    for apart, joint in _JOINTS:
        first, separator, rest = text.partition(apart)
        translated = _translate(first, language) if separator else None
        if translated:
            return f"{translated}{joint}{_translate(rest, language) or rest}"
    return None


def _translate_values(holes: Mapping[str, str], language: str) -> dict[str, str]:
    values = {}
    for name, text in holes.items():
        if name.startswith("severity"):
            values[name] = marks.priority_name(text).lower()
        elif name.startswith("code"):
            values[name] = _format_value(text)
        else:
            values[name] = _translate(text, language) or _translate_list(text, language)
    return values


def _translate_list(text: str, language: str) -> str:
    """What a function takes, as (a series, a duration); any other value as it is."""
    if not (text.startswith("(") and text.endswith(")")):
        return _format_value(text)
    return f"({', '.join(translate(word, language) for word in text[1:-1].split(', '))})"


def _format_value(text: str) -> str:
    """A quoted word between the reader's own quotation marks; a time on the reader's clock."""
    if _INSTANT.fullmatch(text):
        try:
            return filters.day_time(datetime.fromisoformat(text))
        except ValueError:  # looks like a time, as what a person typed may
            return text
    quoted = _QUOTED.fullmatch(text)
    return f"« {quoted[2]} »" if quoted else text


@cache
def _compile_patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """The longest first: it says most."""
    translations = {
        key: translated for file in _FILES for key, translated in sentences(language, file).items()
    }
    ordered = sorted((key for key in translations if "%(" in key), key=_fixed_length, reverse=True)
    return [(re.compile(_build_pattern(key), re.DOTALL), translations[key]) for key in ordered]


def _fixed_length(sentence: str) -> int:
    return len(_NAMED.sub("", sentence))


def _build_pattern(sentence: str) -> str:
    return _HOLE.sub(_build_group, re.escape(sentence))


def _build_group(hole: re.Match[str]) -> str:
    one_word = hole[1] == "n" or hole[1].startswith("time")
    return f"(?P<{hole[1]}>{_WORD if one_word else '.+?'})"
