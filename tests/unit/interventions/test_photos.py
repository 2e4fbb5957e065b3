"""Photographs: only pixels are kept, hostile files end as a sentence."""

import io
import struct
import zlib

import pytest
from PIL import Image

from hypervisor.interventions.model import InterventionError
from hypervisor.interventions.photos import LARGEST, encode_photo


def picture(size: tuple[int, int] = (640, 480), form: str = "JPEG", **saved: object) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(written, form, **saved)
    return written.getvalue()


def with_metadata() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Camera of the agent"
    exif[0x0112] = 6  # to be turned by a quarter
    exif.get_ifd(0x8825)[2] = (48.0, 36.0, 12.0)  # GPS latitude
    return picture(exif=exif, comment=b"secret words", icc_profile=b"some profile")


def bomb(side: int) -> bytes:
    """A PNG of a few hundred bytes that says it has side x side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_metadata_goes_and_the_picture_stands_upright() -> None:
    kept = encode_photo(with_metadata())
    assert (kept.width, kept.height) == (480, 640)
    with Image.open(io.BytesIO(kept.content)) as opened:
        assert opened.format == "JPEG"
        assert len(opened.getexif()) == 0
        assert {"exif", "comment", "icc_profile"}.isdisjoint(opened.info)
    assert b"secret" not in kept.content
    assert b"Camera" not in kept.content


def test_nothing_that_hides_in_a_picture_is_kept() -> None:
    archive = b"PK\x03\x04<script>alert(1)</script>"
    kept = encode_photo(picture(comment=b"<html><script>") + archive)
    assert b"script" not in kept.content
    assert b"PK\x03\x04" not in kept.content


def test_the_worst_picture_fits_the_database() -> None:
    """Migration 0121 bounds the content to 4 MiB; noise compresses least."""
    noise = io.BytesIO()
    Image.effect_noise((2048, 2048), 255).convert("RGB").save(noise, "JPEG", quality=60)
    assert len(encode_photo(noise.getvalue()).content) < 4 * 1024**2


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_other_formats_become_jpeg_of_a_bounded_size(form: str) -> None:
    kept = encode_photo(picture((5000, 1000), form))
    assert (kept.width, kept.height) == (2048, 410)
    assert kept.content.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("uploaded", "words"),
    [
        (b"", "is empty"),
        (b"<svg onload='alert(1)'/>", "cannot be read"),
        (picture()[:400], "cannot be read"),
        (picture(form="GIF"), "cannot be read"),
        (b"x" * (LARGEST + 1), "at most 8 fit"),
        (bomb(20_000), "too many pixels"),
        (bomb(9_000), "too many pixels"),
        (bomb(4_100), "at most 16 million"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500), "expected a JPEG, PNG or WebP"),
    ],
)
def test_what_is_hostile_ends_as_a_sentence(uploaded: bytes, words: str) -> None:
    with pytest.raises(InterventionError, match=words):
        encode_photo(uploaded)
