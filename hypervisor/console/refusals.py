"""What is refused, in the reader's language: sentences that every part says in English.

`locale/fr/refusals.po` has them as patterns: `%(name)s` stands for what one says of its case.
One that nobody translated stays as it is: an English sentence says more than none.
"""

import re
from functools import cache

from hypervisor.console import reader
from hypervisor.console.words import sentences, translate

_FILE = "refusals.po"
_HOLE = re.compile(r"%\\?\((\w+)\\?\)s")


def refusal(error: object) -> str:
    """The sentence of an error."""
    text, language = str(error), reader.current().language
    said = translate(text, language)
    if said != text:
        return said
    for pattern, french in _patterns(language):
        found = pattern.fullmatch(text)
        if found:
            holes = {name: translate(value) for name, value in found.groupdict().items()}
            return french % holes
    return text


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """The longest first: it says most."""
    found = sentences(language, _FILE)
    ordered = sorted((key for key in found if "%(" in key), key=len, reverse=True)
    return [(re.compile(_pattern(key), re.DOTALL), found[key]) for key in ordered]


def _pattern(sentence: str) -> str:
    return _HOLE.sub(r"(?P<\1>.+?)", re.escape(sentence))
