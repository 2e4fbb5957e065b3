"""Files of the pages: at an address that changes with them, so that browsers keep them."""

import gzip
import hashlib
import mimetypes
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from sensors._errors import Message

ROOT = Path(__file__).parent / "static"
_TEXTS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_KEPT = "public, max-age=31536000, immutable"
_ASKED_ANEW = "no-cache"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class _File:
    body: bytes
    packed: bytes | None
    media: str
    tag: str


def reloading() -> bool:
    """Whether one develops: HYPERVISOR_CONSOLE_RELOAD=1 reads files and templates each time."""
    return os.environ.get("HYPERVISOR_CONSOLE_RELOAD", "") not in ("", "0")


@lru_cache(maxsize=1)
def stamp() -> str:
    """A word that changes with any of the files: addresses that hold it may be kept for good."""
    if reloading():
        return "dev"
    digest = hashlib.sha256()
    for path in sorted(ROOT.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(ROOT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def asset(name: str) -> str:
    """The address of a file: `asset("css/now.css")`. Modules import one another relatively."""
    return f"/static/{stamp()}/{name}"


@lru_cache(maxsize=256)
def _load(path: Path, _changed: int) -> _File:
    body = path.read_bytes()
    text = path.suffix in _TEXTS or path.suffix in (".json", ".map", ".txt")
    media = _TEXTS.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return _File(
        body=body,
        packed=gzip.compress(body, 9, mtime=0) if text and len(body) > 500 else None,
        media=media or "application/octet-stream",
        tag=f'"{hashlib.sha256(body).hexdigest()[:20]}"',
    )


@router.get("/static/{asked_stamp}/{name:path}")
def static(request: Request, asked_stamp: str, name: str) -> Response:
    """A file below static/; one asked for under an older stamp is served, but not kept."""
    path = _below(name)
    if path is None:
        raise HTTPException(404, Message("no file of the console is called {name!r}", name))
    file = _load(path, path.stat().st_mtime_ns)
    kept = asked_stamp == stamp() and not reloading()
    headers = {
        "ETag": file.tag,
        "Cache-Control": _KEPT if kept else _ASKED_ANEW,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=headers)
    if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(file.packed, media_type=file.media, headers=headers)
    return Response(file.body, media_type=file.media, headers=headers)


def _below(name: str) -> Path | None:
    """The file of that name; None: there is none, or no file can be called so."""
    try:
        path = (ROOT / name).resolve()
        return path if path.is_relative_to(ROOT.resolve()) and path.is_file() else None
    except (OSError, ValueError):  # longer than a name may be
        return None


@router.get("/favicon.ico")
def favicon(request: Request) -> Response:
    return static(request, stamp(), "favicon.svg")
