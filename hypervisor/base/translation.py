"""The languages of the console: English sentences are the keys, locale/fr/*.po has the French."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from io import BytesIO

from babel.messages.pofile import read_po

from hypervisor.base import reader


def mark(text: str) -> str:
    """`text` as it is; says that it is translated where it is shown."""
    return text


def mark_plural(singular: str, plural: str) -> tuple[str, str]:
    """Both forms as they are, for `translate_plural` later."""
    return singular, plural


@cache
def catalogue(language: str) -> Mapping[str, tuple[str, ...]]:
    """Sentence -> its translation, and that of its plural."""
    folder = resources.files("hypervisor.base").joinpath("locale", language)
    translations: dict[str, tuple[str, ...]] = {}
    if not folder.is_dir():
        return translations
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if not file.name.endswith(".po"):
            continue
        for message in read_po(BytesIO(file.read_bytes()), locale=language):
            if not message.id:
                continue
            key = message.id if isinstance(message.id, str) else message.id[0]
            text = message.string or ""
            forms = (text,) if isinstance(text, str) else tuple(text)
            if all(forms) and not message.fuzzy:
                translations[key] = forms
    return translations


@cache
def sentences(language: str, name: str) -> Mapping[str, str]:
    """Sentence -> its translation, of one file."""
    file = resources.files("hypervisor.base").joinpath("locale", language, name)
    if not file.is_file():
        return {}
    return {
        str(message.id): str(message.string)
        for message in read_po(BytesIO(file.read_bytes()), locale=language)
        if message.id and message.string
    }


def translate(text: str, language: str | None = None) -> str:
    """`text` in the reader's language; as it is where nobody translated it."""
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
