"""Links that show the same trial to a colleague: its fixed period, its value or its draft."""

import base64
import binascii
import zlib
from urllib.parse import urlencode

from hypervisor.base.errors import RulebookError
from hypervisor.rulebook.views_trial import SpanChoice

_LONGEST_LINK = 6_000  # characters; servers before the console take 8,000
_LONGEST_TEXT = 100_000  # characters of a rule


def make_link(path: str, span: SpanChoice, **query: str) -> str:
    """The address of a trial; empty if it would be too long."""
    fields = {name: text for name, text in query.items() if text}
    if "draft" in fields:
        fields["draft"] = pack_text(fields["draft"])
    link = f"{path}?{urlencode({**fields, 'span': span.fixed})}"
    return link if len(link) <= _LONGEST_LINK else ""


def pack_text(text: str) -> str:
    """A text for an address."""
    packed = zlib.compress(text.encode(), 9)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def unpack_text(packed: str) -> str:
    """The text of `pack_text`. RulebookError: it is none, or too long."""
    try:
        reader = zlib.decompressobj()
        data = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        text = reader.decompress(data, _LONGEST_TEXT)
        if not reader.eof:
            raise RulebookError("the link is incomplete: ask for it again")
        return text.decode()
    except (binascii.Error, UnicodeDecodeError, ValueError, zlib.error) as error:
        raise RulebookError("the link is incomplete: ask for it again") from error
