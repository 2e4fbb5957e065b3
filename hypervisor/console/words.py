"""The languages of the console: English sentences are the keys, locale/fr/*.po has the French."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from io import BytesIO

from babel.messages.pofile import read_po

from hypervisor.console import reader


def mark(text: str) -> str:
    """`text` as it is; says that it is translated where it is shown."""
    return text


def mark_plural(one: str, many: str) -> tuple[str, str]:
    """Both forms as they are, for `translate_plural` later."""
    return one, many


@cache
def catalogue(language: str) -> Mapping[str, tuple[str, ...]]:
    """Sentence -> its translation, and that of its plural."""
    folder = resources.files("hypervisor.console").joinpath("locale", language)
    found: dict[str, tuple[str, ...]] = {}
    if not folder.is_dir():
        return found
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if not file.name.endswith(".po"):
            continue
        for message in read_po(BytesIO(file.read_bytes()), locale=language):
            if not message.id:
                continue
            key = message.id if isinstance(message.id, str) else message.id[0]
            text = message.string or ""
            said = (text,) if isinstance(text, str) else tuple(text)
            if all(said) and not message.fuzzy:
                found[key] = said
    return found


@cache
def sentences(language: str, name: str) -> Mapping[str, str]:
    """Sentence -> its translation, of one file."""
    file = resources.files("hypervisor.console").joinpath("locale", language, name)
    if not file.is_file():
        return {}
    return {
        str(message.id): str(message.string)
        for message in read_po(BytesIO(file.read_bytes()), locale=language)
        if message.id and message.string
    }


def translate(text: str, language: str | None = None) -> str:
    """`text` in the reader's language; as it is where nobody translated it."""
    said = catalogue(language or reader.current().language).get(text)
    return said[0] if said else text


def translate_plural(one: str, many: str, number: float, language: str | None = None) -> str:
    """`one` or `many` in the reader's language: French counts 0 and 1 as one, English only 1."""
    wanted = language or reader.current().language
    single = abs(number) < 2 if wanted == "fr" else number == 1
    said = catalogue(wanted).get(one)
    if said is None:
        return one if single else many
    return said[0] if single or len(said) == 1 else said[1]


_: Callable[[str], str] = translate
