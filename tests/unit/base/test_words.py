"""Every sentence of the console has a French one, and the two ask for the same values."""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

import hypervisor
from hypervisor.base import translation

HOUSE = Path(hypervisor.__file__).parent
_FIELD = re.compile(r"%\((\w+)\)s")
Message = tuple[str | None, ...]


def _of_templates() -> Iterator[tuple[str, Message]]:
    for path in sorted(HOUSE.glob("*/templates/**/*.html")):
        with path.open("rb") as file:
            for _, _, message, _ in babel_extract(
                file,
                ("_", "gettext", "ngettext", "translate"),
                (),
                {
                    "encoding": "utf-8",
                    "newstyle_gettext": "true",
                    "extensions": "jinja2.ext.do,jinja2.ext.loopcontrols",
                    "trim_blocks": "true",
                },
            ):
                yield path.name, message if isinstance(message, tuple) else (message,)


def _of_code() -> Iterator[tuple[str, Message]]:
    keywords = {
        "_": None,
        "mark": None,
        "translate": None,
        "translate_plural": (1, 2),
        "mark_plural": (1, 2),
    }
    for path in sorted(HOUSE.rglob("*.py")):
        with path.open("rb") as file:
            for _, message, _, _ in extract("python", file, keywords=keywords):
                yield path.name, message if isinstance(message, tuple) else (message,)


@lru_cache(maxsize=1)
def _sentences() -> list[tuple[str, tuple[str, ...]]]:
    every = [*_of_templates(), *_of_code()]
    found = [(where, tuple(part for part in said if part)) for where, said in every]
    return [(where, said) for where, said in found if said]  # not those of a variable


def test_sentences_are_found() -> None:
    said = {parts[0] for _, parts in _sentences()}
    assert {"Getting worse", "Now", "%(num)s gauge"} <= said


def test_every_sentence_is_translated() -> None:
    french = translation.catalogue("fr")
    lacking = sorted(
        {f"{where}: {parts[0]!r}" for where, parts in _sentences() if parts[0] not in french}
    )
    assert lacking == []


def test_plurals_have_both_forms() -> None:
    french = translation.catalogue("fr")
    single = [
        parts[0]
        for _, parts in _sentences()
        if len(parts) > 1 and len(french.get(parts[0], ("", ""))) < 2
    ]
    assert single == []


@pytest.mark.parametrize("language", ["fr"])
def test_translations_ask_for_what_the_sentence_has(language: str) -> None:
    wrong = [
        key
        for key, said in translation.catalogue(language).items()
        for one in said
        if not set(_FIELD.findall(one)) <= set(_FIELD.findall(key)) | {"num"}
    ]
    assert wrong == []


def test_no_sentence_is_translated_in_two_ways() -> None:
    said: dict[str, set[str]] = {}
    for file in sorted((HOUSE / "base" / "locale" / "fr").glob("*.po")):
        with file.open("rb") as opened:
            for message in read_po(opened, locale="fr"):
                if message.id:
                    said.setdefault(str(message.id), set()).add(str(message.string))
    assert {key: ways for key, ways in said.items() if len(ways) > 1} == {}
