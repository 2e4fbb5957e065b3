"""The documents as pages, and what every page says of itself."""

import re
from pathlib import Path

import pytest

import hypervisor
from hypervisor.web import documents

TEMPLATES = sorted(Path(hypervisor.__file__).parent.glob("*/templates/*.html"))
WALL = "wall.html"  # looked at from afar: nothing to open, nothing to do
LAYOUT = re.compile(r'{% extends "(?:base|admin)\.html" %}')
ABOUT = re.compile(r'{{ about\(_\("(?P<words>[^"]+)"\), \[(?P<links>.*)\]\) }}')
LINK = re.compile(r'\("(\w+)", "([\w-]*)"\)')
LAYOUTS = ("admin.html", "plain.html")


def _pages() -> list[Path]:
    return [
        file
        for file in TEMPLATES
        if LAYOUT.match(file.read_text(encoding="utf-8").lstrip())
        and file.name not in (WALL, *LAYOUTS)
    ]


@pytest.mark.parametrize("page", _pages(), ids=lambda page: page.name)
def test_a_page_says_what_it_is_and_what_one_can_do(page: Path) -> None:
    about = ABOUT.search(page.read_text(encoding="utf-8"))
    assert about, f"{page.name} has no block about"
    assert 2 <= len(re.findall(r"[.?!](?: |$)", about["words"])) <= 4
    links = LINK.findall(about["links"])
    assert links
    for name, anchor in links:
        for language in ("en", "fr"):
            document = documents.read_document(name, language)
            assert document, name
            assert not anchor or anchor in {each.anchor for each in document.headings}


def test_there_are_pages() -> None:
    assert {"now.html", "alarms.html", "admin_works.html"} <= {page.name for page in _pages()}


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", documents.names())
def test_a_document_is_a_page(name: str, language: str) -> None:
    document = documents.read_document(name, language)
    assert document
    first, *others = document.headings
    assert first.level == 1
    assert all(each.level > 1 for each in others)
    anchors = [each.anchor for each in document.headings]
    assert len(set(anchors)) == len(anchors)
    assert "<script" not in document.html
    for target in re.findall(r'href="/help/([\w-]+)', document.html):
        assert documents.read_document(target, language), target


def test_a_document_in_french_keeps_the_anchors() -> None:
    english = documents.read_document("alarms", "en")
    french = documents.read_document("alarms", "fr")
    assert english
    assert french
    assert (english.language, french.language) == ("en", "fr")
    assert english.title != french.title
    assert [each.anchor for each in english.headings] == [each.anchor for each in french.headings]


def test_a_document_without_translation_is_english() -> None:
    document = documents.read_document("mqtt", "fr")
    assert document
    assert document.language == "en"


@pytest.mark.parametrize("name", ["none", "../README", "fr/alarms", "", "Alarms"])
def test_no_other_file_is_served(name: str) -> None:
    assert documents.read_document(name, "en") is None


def test_links_lead_to_pages_here_or_are_text() -> None:
    console = documents.read_document("console", "fr")
    assert console
    assert 'href="/help/api#events"' in console.html
    assert "ARCHITECTURE" not in console.html
