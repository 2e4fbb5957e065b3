"""Which files an entry of the log takes: by their name, their content and their size."""

import pytest

from hypervisor.logbook.attachments import LARGEST, check_attachment
from hypervisor.logbook.model import LogError

PNG = b"\x89PNG\r\n\x1a\n and more"
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "


@pytest.mark.parametrize(
    ("name", "content", "kept", "media"),
    [
        ("plan.PDF", b"%PDF-1.7 ...", "plan.pdf", "application/pdf"),
        ("quai.png", PNG, "quai.png", "image/png"),
        ("quai.jpg", b"\xff\xd8\xff\xe0", "quai.jpg", "image/jpeg"),
        ("quai.jpeg", b"\xff\xd8\xff\xe1", "quai.jpeg", "image/jpeg"),
        ("quai.webp", WEBP, "quai.webp", "image/webp"),
        ("relevé été.csv", "a;é\r\n\t1".encode(), "relevé été.csv", "text/csv"),
        ("notes.txt", b"<script>alert(1)</script>", "notes.txt", "text/plain"),
        ("C:\\fakepath\\..\\plan.pdf", b"%PDF-", "plan.pdf", "application/pdf"),
        ("/etc/../plan.pdf", b"%PDF-", "plan.pdf", "application/pdf"),
        ("a\r\nb\0.txt", b"x", "ab.txt", "text/plain"),
    ],
)
def test_what_is_taken_and_under_which_name(
    name: str, content: bytes, kept: str, media: str
) -> None:
    checked = check_attachment(name, content)
    assert (checked.name, checked.media, checked.content) == (kept, media, content)
    assert len(checked.digest) == 64


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("page.html", b"<html>", "'page.html': expected a file .pdf, .png, .jpg"),
        ("run.exe", b"MZ", "expected a file"),
        ("drawing.svg", b"<svg/>", "expected a file"),
        ("", b"x", "expected a file"),
        (".pdf", b"%PDF-", "expected a file"),
        ("plan.pdf", b"", "'plan.pdf': the file is empty"),
        ("plan.pdf", b"<html>%PDF-", "'plan.pdf': the content is not of the type application/pdf"),
        ("quai.png", b"\xff\xd8\xff", "not of the type image/png"),
        ("quai.jpg", PNG, "not of the type image/jpeg"),
        ("quai.webp", b"RIFF....WAVE", "not of the type image/webp"),
        ("notes.txt", b"\xff\xfe", "not of the type text/plain"),
        ("notes.txt", b"a\0b", "not of the type text/plain"),
        ("data.csv", PNG, "not of the type text/csv"),
        ("big.txt", b"x" * (LARGEST + 1), f"'big.txt': {LARGEST + 1} bytes; at most {LARGEST} fit"),
    ],
)
def test_what_is_refused_and_why(name: str, content: bytes, reason: str) -> None:
    with pytest.raises(LogError) as refused:
        check_attachment(name, content)
    assert reason in str(refused.value)


def test_a_file_may_be_as_large_as_is_said_and_its_name_is_cut() -> None:
    assert len(check_attachment("big.txt", b"x" * LARGEST).content) == LARGEST
    assert check_attachment(f"{'n' * 300}.pdf", b"%PDF-").name == f"{'n' * 116}.pdf"
