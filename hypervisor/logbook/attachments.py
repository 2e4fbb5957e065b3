"""Files of log entries: bounded, and of the type that their name says."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from hypervisor.logbook.model import LogError

LARGEST = 8 * 1024 * 1024  # bytes
MOST = 10  # of one entry
LARGEST_DAY = 256 * 1024 * 1024  # bytes of one account: files stay for good, the disk is finite
_LONGEST_NAME = 120


def _begins(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(signatures)


def _is_webp(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return _CONTROLS.isdisjoint(content)


_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\f\r")
_PDF, _PNG, _JPEG = b"%PDF-", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

# What a file's name may end in: its type, and whether a content is of it.
TYPES: Mapping[str, tuple[str, Callable[[bytes], bool]]] = {
    ".pdf": ("application/pdf", _begins(_PDF)),
    ".png": ("image/png", _begins(_PNG)),
    ".jpg": ("image/jpeg", _begins(_JPEG)),
    ".jpeg": ("image/jpeg", _begins(_JPEG)),
    ".webp": ("image/webp", _is_webp),
    ".txt": ("text/plain", _is_text),
    ".csv": ("text/csv", _is_text),
}


@dataclass(frozen=True, kw_only=True)
class NewAttachment:
    """A file that was checked. `digest`: SHA-256 of its content."""

    name: str
    media: str
    content: bytes
    digest: str


def check_attachment(name: str, content: bytes) -> NewAttachment:
    """The file under its bare name.

    Raises LogError: empty, too large, or not of a type that its name says and that is taken.
    """
    bare = PurePosixPath(name.replace("\\", "/")).name
    bare = "".join(letter for letter in bare if letter.isprintable()).strip()
    ending = PurePosixPath(bare).suffix.lower()
    if ending not in TYPES:
        raise LogError("{name!r}: expected a file {endings}", bare, ", ".join(TYPES))
    if not content:
        raise LogError("{name!r}: the file is empty", bare)
    if len(content) > LARGEST:
        raise LogError("{name!r}: {n} bytes; at most {number} fit", bare, len(content), LARGEST)
    media, fits = TYPES[ending]
    if not fits(content):
        raise LogError("{name!r}: the content is not of the type {media}", bare, media)
    stem = bare[: -len(ending)][: _LONGEST_NAME - len(ending)]
    return NewAttachment(
        name=f"{stem}{ending}",
        media=media,
        content=content,
        digest=hashlib.sha256(content).hexdigest(),
    )
