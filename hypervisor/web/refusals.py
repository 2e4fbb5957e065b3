"""Messages of errors, notes and reasons in the reader's language.

A `Message` knows its template: `locale/fr/*.po` translate it, and its parameters are filled in,
themselves translated. Text that came from the database is matched against the templates instead.
A parameter named `severity…` is a severity, `code…` is shown as it is, within its sentence; `n`,
`number`, `count` and `time…` are a single word.
What has no translation stays in English.
"""

import re
from datetime import datetime
from functools import lru_cache
from string import Formatter

from hypervisor.base import reader
from hypervisor.base.translation import templates, translate
from hypervisor.web import filters, marks
from sensors._errors import Message

_QUOTED = re.compile(r"(['\"])(.*)\1", re.DOTALL)
_PLACE = re.compile(r"(?P<place>[^\s:]+|.*?:\d+:\d+): (?P<rest>.+)", re.DOTALL)
_SINGLE_WORDS = re.compile(r"n|number|count|time\w*")
_JOINTS = ((": ", " : "), (", ", ", "), ("; ", " ; "))  # between sentences; in French
_LONGEST = 600  # characters of what is matched: people write reasons of any length
_PARTS = 5  # sentences within each other
_SEMICOLONS = 6  # of one sentence
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00)")


def refusal(error: object) -> str:
    """The message of an error, or a text that was a message when it was stored."""
    text, language = str(error), reader.current().language
    if language == "en":
        return text
    if isinstance(text, Message) and text.values:
        return _translate_message(text, language)
    return "\n".join(_translate_text(line, language) or line for line in text.split("\n"))


def _translate_message(message: Message, language: str) -> str:
    if not message.values:
        return _translate_text(message, language) or message
    template = translate(message.template, language)
    if template == message.template:
        if re.search(r"[^\W\d_]", re.sub(r"{.*?}", "", template)):
            return _translate_text(str.__str__(message), language) or message
        for english, french in _JOINTS:
            template = template.replace(english, french)
    return "".join(
        literal + (_format(message.parameters[name], name, spec or "", conversion) if name else "")
        for literal, name, spec, conversion in Formatter().parse(template)
    ).replace("\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}", "\N{NO-BREAK SPACE}")


def _format(value: object, name: str, spec: str, conversion: str | None) -> str:
    text = str(value) if isinstance(value, Exception) else value
    if isinstance(text, Message):
        return _translate_message(text, reader.current().language)
    if conversion or not isinstance(text, str):
        written = format(Formatter().convert_field(text, conversion), spec)
        return _format_value(written)
    return _translate_parameter(format(text, spec), name, reader.current().language)


def _translate_parameter(text: str, name: str, language: str, parts: int = _PARTS) -> str:
    if name.startswith("severity"):
        return marks.priority_name(text).lower()
    if name.startswith("code"):
        return _format_value(text)
    return _translate_text(text, language, parts) or _translate_list(text, language)


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


def _translate_text(text: str, language: str, parts: int = _PARTS) -> str | None:
    """Without the hint at its end, as it stands, behind the place that it names, or in parts."""
    if not parts or len(text) > _LONGEST:
        return None
    return (
        _translate_with_hint(text, language, parts - 1)
        or _translate_sentence(text, language, parts - 1)
        or _translate_after_place(text, language, parts - 1)
        or _translate_parts(text, language, parts - 1)
    )


def _translate_sentence(text: str, language: str, parts: int = _PARTS) -> str | None:
    translated = translate(text, language)
    if translated != text:
        return translated
    for literal, pattern, template in _compile_patterns(language):
        match = pattern.fullmatch(text) if literal in text else None
        if match:
            return "".join(
                before + (_translate_parameter(match[name], name, language, parts) if name else "")
                for before, name, _spec, _conversion in Formatter().parse(template)
            )
    return None


def _translate_with_hint(text: str, language: str, parts: int) -> str | None:
    before, apart, hint = text.rpartition("; ")
    ending = _translate_sentence(f"{apart}{hint}", language, parts) if before else None
    translated = _translate_text(before, language, parts) if ending else None
    return f"{translated}{ending}" if translated else None


def _translate_after_place(text: str, language: str, parts: int) -> str | None:
    match = _PLACE.fullmatch(text)
    translated = _translate_text(match["rest"], language, parts) if match else None
    return f"{match['place']} : {translated}" if match and translated else None


def _translate_parts(text: str, language: str, parts: int) -> str | None:
    """Several sentences; what a person wrote behind the first stays as it is."""
    sentences = text.split("; ")
    for stop in range(min(len(sentences) - 1, _SEMICOLONS), 0, -1):
        translated = _translate_sentence("; ".join(sentences[:stop]), language, parts)
        if translated:
            rest = "; ".join(sentences[stop:])
            return f"{translated} ; {_translate_text(rest, language, parts) or rest}"
    for apart, joint in _JOINTS:
        first, separator, rest = text.partition(apart)
        translated = _translate_text(first, language, parts) if separator else None
        if translated:
            return f"{translated}{joint}{_translate_text(rest, language, parts) or rest}"
    return None


@lru_cache
def _compile_patterns(language: str) -> list[tuple[str, re.Pattern[str], str]]:
    """(words that are in it, pattern, French) of each template, the longest first: it says most."""
    translations = templates(language)
    ordered = sorted(translations, key=lambda key: len(re.sub(r"{.*?}", "", key)), reverse=True)
    return [(_longest_literal(key), _build_pattern(key), translations[key]) for key in ordered]


def _longest_literal(template: str) -> str:
    return max((before for before, *_ in Formatter().parse(template)), key=len)


def _build_pattern(template: str) -> re.Pattern[str]:
    """Each parameter ends at the first place where it may: the time grows with the text alone."""
    parts, before = list[str](), ""
    names: set[str] = set()
    for literal, name, _spec, conversion in Formatter().parse(template):
        part = before + re.escape(literal)
        parts.append(f"(?>{part})" if name else part)
        before = ""
        if name in names:
            before = f"(?P={name})"
        elif name:
            names.add(name)
            before = f"(?P<{name}>{_pattern_of(name, conversion)})"
    return re.compile("".join([*parts, before]), re.DOTALL)


def _pattern_of(name: str, conversion: str | None) -> str:
    if conversion:
        return r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\S+"
    if _SINGLE_WORDS.fullmatch(name):
        return r"\S+"
    if name == "hint":
        return r"(?:(?:; | \()(?:(?!; ).)*)?"
    return r"(?:(?!; ).)+?" if name.startswith("code") else ".+?"
