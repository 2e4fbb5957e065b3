"""What web and worker say to each other: a kind, a length, bytes."""

import asyncio
import struct

HELLO, ORDER, START, MORE, END = range(5)
_HEAD = struct.Struct("!BI")


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next frame. Raises asyncio.IncompleteReadError: the other ended."""
    kind, length = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    return kind, await reader.readexactly(length)


async def write_frame(writer: asyncio.StreamWriter, kind: int, content: bytes = b"") -> None:
    """Send a frame, as soon as the other takes it."""
    writer.write(_HEAD.pack(kind, len(content)) + content)
    await writer.drain()
