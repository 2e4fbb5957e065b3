"""Photographs from the field: decoded within bounds, re-encoded without their metadata."""

import hashlib
import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from hypervisor.interventions.model import InterventionError

LARGEST = 8 * 1024 * 1024  # bytes as they come
LARGEST_DAY = 200 * 1024 * 1024  # bytes stored of one account within a day
# Pixels that are decoded. Cameras write JPEG, which is decoded at a fraction of its size; a small
# file of the others may stand for a gigabyte of memory.
_PIXELS = {"JPEG": 60_000_000, "PNG": 16_000_000, "WEBP": 16_000_000}
_SIDE = 2_048  # pixels of the longer side, as it is kept
_QUALITY = 82


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A JPEG of ours. `digest`: SHA-256 of its content."""

    content: bytes
    width: int
    height: int
    digest: str


def encode_photo(uploaded: bytes) -> Photo:
    """The picture as it is kept: turned upright, at most 2,048 pixels wide or high, pixels only.

    Raises InterventionError: empty, too large, none of the formats, or it cannot be decoded.
    """
    if not uploaded:
        raise InterventionError("the photograph is empty")
    if len(uploaded) > LARGEST:
        raise InterventionError(
            "the photograph has {n} MiB; at most {number} fit",
            -(-len(uploaded) // 1024**2),
            LARGEST // 1024**2,
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _encode(uploaded)
    except InterventionError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels("JPEG") from error
    except Exception as error:  # decoders meet hostile bytes with errors of every kind
        raise InterventionError(
            "the photograph cannot be read: expected a JPEG, PNG or WebP picture"
        ) from error


def _encode(uploaded: bytes) -> Photo:
    with Image.open(io.BytesIO(uploaded), formats=tuple(_PIXELS)) as opened:
        kind = "JPEG" if opened.format == "MPO" else opened.format or ""
        if opened.width * opened.height > _PIXELS[kind]:
            raise _too_many_pixels(kind)
        opened.draft("RGB", (_SIDE, _SIDE))  # a large JPEG is decoded at a fraction of its size
        opened.thumbnail((_SIDE, _SIDE))
        upright = ImageOps.exif_transpose(opened)
        flat = Image.new("RGB", upright.size, "white")
        if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
            shape = upright.convert("RGBA")
            flat.paste(shape, mask=shape.getchannel("A"))
        else:
            flat.paste(upright.convert("RGB"))
    written = io.BytesIO()
    flat.save(written, "JPEG", quality=_QUALITY, optimize=True)  # pixels: no EXIF, profile, comment
    content = written.getvalue()
    return Photo(
        content=content,
        width=flat.width,
        height=flat.height,
        digest=hashlib.sha256(content).hexdigest(),
    )


def _too_many_pixels(kind: str) -> InterventionError:
    return InterventionError(
        "the photograph has too many pixels: at most {n} million fit", _PIXELS[kind] // 1_000_000
    )
