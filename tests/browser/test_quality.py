"""Data quality in a real browser: what is blind, what was refused, and sending it again."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from hypervisor.base.instants import micros
from hypervisor.database import gaps
from hypervisor.database.connect import connect
from hypervisor.database.gaps import Gap
from hypervisor.database.progress import get_progress
from hypervisor.readings import queries_dead_letters
from ingest.message import NewDeadLetter
from tests.browser.conftest import DESK, PHONE, WIDE, Console, overflow, violations
from tests.browser.pairs import LANGUAGES, THEMES, in_pairs


@pytest.fixture
def refused_url(own_url: str) -> str:
    """The flood, and letters of two reasons: one that is mended by now, one that is not."""
    with connect(own_url) as connection:
        at = get_progress(connection).watermark
        assert at is not None
        when = at.isoformat().replace("+00:00", "Z")
        good = b'{"time": "%s", "values": {"level": 1.5}}' % when.encode()
        for payload, reason, detail in (
            (good, "unknown-device", "no device 'orge-savigny' in the inventory"),
            (b"\x01\x67\x00\xfa", "not-utf8", "byte 3 is not UTF-8"),
        ):
            letter = NewDeadLetter(
                topic="devices/orge-savigny/readings",
                payload=payload,
                reason=reason,
                detail=detail,
                received_at=micros(at),
                again=False,
            )
            queries_dead_letters.store_letters(connection, [letter], "one")
        now = datetime.now(UTC)
        gap = Gap(cause="broker-killed", worker="", begins=now - timedelta(seconds=2), ends=now)
        gaps.add(connection, gap)
    return own_url


@pytest.mark.usefixtures("refused_url")
def test_what_is_blind_and_what_was_refused(own_console: Console) -> None:
    page = own_console.page("/quality", language="fr")
    expect(page.get_by_role("heading", level=1)).to_have_text("Qualité des données")
    first = page.locator(".q-devices tbody tr").first
    expect(first).to_contain_text("L'Orge à Arpajon")
    expect(first).to_contain_text("3 enjeux")
    expect(page.locator("#ingest")).to_contain_text("Mesures par minute")
    expect(page.locator("#gaps")).to_contain_text("arrêté sans avoir enregistré")
    assert violations(page) == []

    page.get_by_role("link", name="not-utf8").click()
    page.get_by_role("link", name=re.compile("octet 3 n.est pas de l.UTF-8")).click()
    expect(page.locator(".q-hex")).to_contain_text("01 67 00 fa")
    assert violations(page) == []

    page.goto(f"{own_console.base}/quality/letters?reason=unknown-device")
    expect(page.locator(".q-letters")).to_contain_text("appareil « orge-savigny » dans")
    page.get_by_label("Motif").fill("inscrite depuis")
    page.get_by_role("button", name="Rejouer 1 message").click()
    expect(page.locator("#replayed")).to_contain_text("1 mesure est maintenant enregistrée")
    page.goto(f"{own_console.base}/quality")
    expect(page.locator(".q-letters")).to_contain_text("not-utf8")
    waiting = page.locator(".q-letters tr", has_text="unknown-device").locator("td").first
    expect(waiting).to_contain_text("0")


@pytest.mark.long
def test_nothing_is_there_yet(empty_console: Console) -> None:
    page = empty_console.page("/quality", language="en")
    expect(page.locator("main")).to_contain_text("No device is registered yet.")
    expect(page.locator("main")).to_contain_text("Evaluation of alarms: never received")
    expect(page.locator("main")).to_contain_text("No worker has joined.")
    assert violations(page) == []


@pytest.mark.long
@pytest.mark.usefixtures("refused_url")
def test_what_is_still_refused_says_why(own_console: Console) -> None:
    page = own_console.page("/quality/letters?reason=not-utf8", language="en")
    page.get_by_label("Shift times").fill("soon")
    page.get_by_label("Reason (kept").fill("once more")
    page.get_by_role("button", name="Replay 1 letter").click()
    expect(page.get_by_role("alert")).to_contain_text("A shift is a number")
    expect(page.get_by_label("Reason (kept")).to_have_value("once more")
    page.get_by_label("Shift times").fill("")
    page.get_by_role("button", name="Replay 1 letter").click()
    expect(page.locator("#replayed")).to_contain_text("1 is refused again")
    own_console.problems.clear()  # Chromium calls an answer of 422 an error


@pytest.mark.long
@pytest.mark.usefixtures("refused_url")
def test_who_may_not_send_again(own_console: Console) -> None:
    page = own_console.page("/quality/letters", role="viewer", language="en")
    expect(page.locator("main")).to_contain_text("Only operators of the whole instance")
    expect(page.get_by_role("button", name=re.compile("^Replay"))).to_have_count(0)


@pytest.mark.long
@in_pairs(language=LANGUAGES, theme=THEMES, size=[DESK, PHONE, WIDE])
def test_quality_is_for_everyone(
    console: Console, language: str, theme: str, size: tuple[int, int]
) -> None:
    for path in ("/quality", "/quality?issue=silent", "/quality/letters"):
        page = console.page(path, language=language, theme=theme, size=size)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert overflow(page) <= 0
        assert violations(page) == []
