"""Elements of an XML document, one at a time: no document type, no entities, bounded depth.

Names come without their namespaces: the documents read here mix them, and none has a name twice.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from sensors._errors import TerritoryError

_DEEPEST = 64
_MOST_NAMES = 200
_PIECE = 65_536  # bytes


class XmlError(TerritoryError):
    """What should be an XML document is none, or asks for what is refused here."""


class _LocatedElement(Element):
    line: int = 0


@dataclass(kw_only=True)
class _Collector:
    """Builds the elements that are asked for, and lets everything else go."""

    tags: Collection[str]
    attributes: dict[str, dict[str, str]]
    parser: expat.XMLParserType
    root: str = ""
    complete: list[Element] = field(default_factory=list)
    _builder: TreeBuilder | None = None
    _depth: int = 0
    _inside: int = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise XmlError("the XML is nested too deeply")
        tag = _local(name)
        self.root = self.root or tag
        if self._builder is None and tag in self.tags:
            self._builder = TreeBuilder(_LocatedElement)
        own = {_local(key): value for key, value in attributes.items()}
        if self._builder is not None:
            self._inside += 1
            element = self._builder.start(tag, own)
            if isinstance(element, _LocatedElement):
                element.line = self.parser.CurrentLineNumber
        elif len(self.attributes) < _MOST_NAMES:
            self.attributes.setdefault(tag, own)

    def end(self, name: str) -> None:
        self._depth -= 1
        if self._builder is not None:
            self._builder.end(_local(name))
            self._inside -= 1
            if not self._inside:
                self.complete.append(self._builder.close())
                self._builder = None

    def text(self, data: str) -> None:
        if self._builder is not None:
            self._builder.data(data)

    def refuse(self, *_declaration: object) -> None:
        raise XmlError("the XML declares a document type, which is refused")


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def read_elements(
    data: bytes,
    tags: Collection[str],
    *,
    roots: Collection[str],
    attributes: dict[str, dict[str, str]] | None = None,
) -> Iterator[Element]:
    """The elements of these names, in their order; of one inside another the outer only.

    `attributes`: takes those of what stands around them, by name.
    Raises XmlError: no XML, cut off, or a root of another name than `roots`.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    collector = _Collector(
        tags=tags, attributes={} if attributes is None else attributes, parser=parser
    )
    parser.buffer_text = True
    parser.StartElementHandler = collector.start
    parser.EndElementHandler = collector.end
    parser.CharacterDataHandler = collector.text
    parser.StartDoctypeDeclHandler = collector.refuse
    for piece in _cut(data):
        try:
            parser.Parse(piece, not piece)
        except (expat.ExpatError, ValueError, LookupError) as error:  # of an odd encoding
            raise XmlError(
                "the XML cannot be read, or is cut off: {error}", str(error)[:200]
            ) from error
        if collector.root and collector.root not in roots:
            raise XmlError(
                "the document is a {root}, not a {expected}", collector.root[:60], min(roots)
            )
        yield from collector.complete
        collector.complete.clear()


def _cut(data: bytes) -> Iterable[bytes]:
    """Pieces of the document, then its end."""
    yield from (data[first : first + _PIECE] for first in range(0, len(data), _PIECE))
    yield b""


def line_of(element: Element) -> int:
    """Its line in the document, from 1; of an element that was read here."""
    return element.line if isinstance(element, _LocatedElement) else 0


def child_text(element: Element, *path: str) -> str:
    """The text of a descendant, stripped; "" where there is none."""
    return (element.findtext("/".join(path)) or "").strip()
