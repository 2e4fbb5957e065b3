"""The languages of the console: English sentences are the keys, locale/fr/*.po has the French."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib import resources
from io import BytesIO

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from hypervisor.base import reader

_FIELD = re.compile(r"(?<!{){\w+(![rs])?(:[^{} ]*)?}")  # of str.format


def mark(text: str) -> str:
    """`text` as it is; says that it is translated where it is shown."""
    return text


def mark_plural(singular: str, plural: str) -> tuple[str, str]:
    """Both forms as they are, for `translate_plural` later."""
    return singular, plural


def read_messages(language: str) -> Iterator[tuple[str, Message]]:
    """Each message of locale/<language>/*.po, with the name of its file."""
    folder = resources.files("hypervisor.base").joinpath("locale", language)
    if folder.is_dir():
        for file in sorted(folder.iterdir(), key=lambda each: each.name):
            if file.name.endswith(".po"):
                for message in read_po(BytesIO(file.read_bytes()), locale=language):
                    if message.id:
                        yield file.name, message


@lru_cache
def catalogue(language: str) -> Mapping[str, tuple[str, ...]]:
    """Sentence -> its translation, and that of its plural."""
    translations: dict[str, tuple[str, ...]] = {}
    for _file, message in read_messages(language):
        key = message.id if isinstance(message.id, str) else message.id[0]
        text = message.string or ""
        forms = (text,) if isinstance(text, str) else tuple(text)
        if all(forms) and not message.fuzzy:
            translations[key] = forms
    return translations


@lru_cache
def templates(language: str) -> Mapping[str, str]:
    """Template of a message with parameters -> its translation."""
    return {
        str(message.id): str(message.string)
        for _file, message in read_messages(language)
        if _FIELD.search(str(message.id)) and not message.python_format and message.string
    }


def translate(text: str, language: str | None = None) -> str:
    """`text` in the reader's language; unchanged where it has no translation."""
    forms = catalogue(language or reader.current().language).get(text)
    return forms[0] if forms else text


def translate_plural(singular: str, plural: str, number: float, language: str | None = None) -> str:
    """One of both in the reader's language: French counts 0 as singular, English does not."""
    language = language or reader.current().language
    is_singular = abs(number) < 2 if language == "fr" else number == 1
    forms = catalogue(language).get(singular)
    if forms is None:
        return singular if is_singular else plural
    return forms[0] if is_singular or len(forms) == 1 else forms[1]


_: Callable[[str], str] = translate
