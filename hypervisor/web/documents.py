"""The documents as pages: Markdown rendered, links between them, headings for a search.

A heading's anchor is that of the English page in both languages: a link holds for either.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

import hypervisor
from hypervisor.base.reader import current

FOLDER = Path(hypervisor.__file__).parents[1] / "docs"
_LINK = re.compile(r"(?:\.\./)*(?:docs/)?([a-z-]+)\.md(#.*)?")
_PART = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Heading:
    """`level`: 1 is the page's title; `text` without marks."""

    level: int
    text: str
    anchor: str


@dataclass(frozen=True, kw_only=True)
class Document:
    """A page. `language`: of its text, English where there is no translation."""

    name: str
    language: str
    headings: Sequence[Heading]
    html: str

    @property
    def title(self) -> str:
        return self.headings[0].text


@cache
def names() -> tuple[str, ...]:
    """The documents there are, by name."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.md")))


def read_document(name: str, language: str) -> Document | None:
    """It in this language, else in English; None: there is none of this name."""
    return _render(name, language) if name in names() else None


@lru_cache
def _render(name: str, language: str) -> Document:
    translated = FOLDER / language / f"{name}.md"
    own = language != "en" and translated.exists()
    original = _parse(FOLDER / f"{name}.md")
    tokens = _parse(translated) if own else original
    anchors = [_anchor(heading) for _, heading in _list_headings(original)]
    headings = []
    for anchor, (opening, text) in zip(anchors, _list_headings(tokens), strict=True):
        opening.attrSet("id", anchor)
        headings.append(Heading(level=int(opening.tag[1]), text=text, anchor=anchor))
    for token in tokens:
        _adapt(token)
    html = _markdown().renderer.render(tokens, _markdown().options, {})
    html = html.replace("<pre>", '<pre tabindex="0">')  # what scrolls takes the keyboard
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>')
    html = html.replace("</table>", "</table></div>")
    return Document(
        name=name, language=language if own else "en", headings=tuple(headings), html=html
    )


def title_of(name: str, anchor: str = "") -> str:
    """The title of a document, or of one of its headings, in the reader's language.

    Raises:
        KeyError: there is none; a test reads every link of the pages.
    """
    document = read_document(name, current().language)
    titles = {each.anchor: each.text for each in document.headings} if document else {}
    return titles[anchor] if anchor or document is None else document.title


@cache
def _markdown() -> MarkdownIt:
    """HTML in a document is shown as text, so no document can bring a script."""
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _parse(file: Path) -> list[Token]:
    return _markdown().parse(_PART.sub("", file.read_text(encoding="utf-8")))


def _list_headings(tokens: Sequence[Token]) -> Iterator[tuple[Token, str]]:
    """(opening token, text) of each."""
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open":
            yield opening, "".join(part.content for part in content.children or ())


def _anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _adapt(token: Token) -> None:
    """A link leads to a page here, or is plain text; of a picture its text stays."""
    if token.type == "fence":
        token.info = token.info.partition(" ")[0]  # how an example is tested concerns no reader
    for child in token.children or ():
        if child.type == "link_open":
            _lead(child)
        elif child.type == "image":  # it is in the source only
            child.type = "text"


def _lead(link: Token) -> None:
    target = str(link.attrGet("href") or "")
    if target.startswith(("#", "https://", "http://")):
        return
    within = _LINK.fullmatch(target)
    if within and within[1] in names():
        link.attrSet("href", f"/help/{within[1]}{within[2] or ''}")
    else:  # in the source only
        del link.attrs["href"]
