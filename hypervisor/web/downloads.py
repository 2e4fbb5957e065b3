"""Files that people brought: saved by the browser, never run in our name."""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request, Response

from hypervisor.web.conditional_get import fresh


def answer_file(
    request: Request, *, name: str, media: str, content: bytes, digest: str
) -> Response:
    """A file as an answer, by its own name; 304 where the browser has it.

    A page may show it as a picture; opened by itself it is saved, and its type is not guessed.
    """
    tag = f'"{digest}"'
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "private, no-cache",
        "ETag": tag,
        "Vary": "Cookie, Authorization",
        "X-Content-Type-Options": "nosniff",
    }
    if fresh(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(content, media_type=media, headers=headers)
