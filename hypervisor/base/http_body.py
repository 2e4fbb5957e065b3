"""The body of a foreign server's answer, unpacked by ourselves: httpx unpacks without a bound."""

from collections.abc import AsyncIterator

import httpx

from sensors._foreign import ForeignError, TooLargeError, Unpacker

ACCEPTED = "gzip"  # for Accept-Encoding


async def read_pieces(response: httpx.Response, largest: int) -> AsyncIterator[bytes]:
    """The body piece by piece, unpacked.

    Raises:
        TooLargeError: more than `largest` bytes, packed or unpacked.
        ForeignError: packed otherwise than we accept, or cut off.
    """
    coding = response.headers.get("content-encoding", "").strip().lower() or "identity"
    if coding not in {"identity", ACCEPTED, f"x-{ACCEPTED}"}:
        raise ForeignError("it is packed with {coding!r:.40}; expected gzip or none", coding)
    unpacker, left, begun = Unpacker(largest), largest, False
    async for part in response.aiter_raw():
        left, begun = left - len(part), True
        if left < 0:
            raise TooLargeError("it has more than {count} bytes", largest)
        if coding == "identity":
            yield part
            continue
        for piece in unpacker.unpack(part):
            yield piece
    if coding != "identity" and begun:
        unpacker.finish()
