"""The public page on a telephone without scripts, and what axe finds on it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from hypervisor.broker.child import wait_until
from tests.browser.conftest import DESK, PHONE, overflow, violations
from tests.integration.publications.conftest import ORGE, Room, make_room

__all__ = ["make_room"]


@pytest.fixture(scope="module")
def room(make_room: Callable[..., Room]) -> Room:
    """A town with a warning, whose citizens may subscribe."""

    def make() -> Room:
        made = make_room(
            public_page="public",
            public_url="https://alerte.example",
            publisher="Préfecture de l'Essonne",
            citizens_mail="mailto://127.0.0.1:9?from=alerte@town.example",
            citizens_key="a secret of forty letters, and not less!",
        )
        made.publish((ORGE,))
        seen = wait_until(lambda: "Crue" in httpx.get(f"{made.base}/public").text, seconds=30)
        assert seen
        return made

    with ThreadPoolExecutor(1) as thread:  # the browser's loop runs in this one
        return thread.submit(make).result()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    contexts = []

    def opened(
        address: str, *, size: tuple[int, int], theme: str = "light", scripts: bool = True
    ) -> Page:
        context = browser.new_context(
            viewport=ViewportSize(width=size[0], height=size[1]),
            locale="fr-FR",
            color_scheme="dark" if theme == "dark" else "light",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()


def test_a_citizen_finds_their_commune_and_subscribes_without_scripts(
    room: Room, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{room.base}/public", size=PHONE, scripts=False)
    expect(page.get_by_role("heading", name="Crue de l'Orge")).to_be_visible()
    page.get_by_label("Votre commune").fill("orge-le-bourg")
    page.get_by_role("button", name="Afficher").click()
    expect(page.get_by_role("heading", name="Alertes · Orge-le-Bourg")).to_be_visible()
    page.get_by_label("Adresse électronique").fill("jeanne@town.example")
    page.get_by_role("button", name="S’abonner pour Orge-le-Bourg").click()  # noqa: RUF001
    expect(page.get_by_role("status")).to_contain_text("Un message est en route")
    page.goto(f"{room.base}/public/strip?commune={ORGE}")
    expect(page.get_by_role("link", name="Crue de l'Orge")).to_be_visible()
    assert page.context.cookies() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_axe_finds_nothing(
    room: Room, open_page: Callable[..., Page], size: tuple[int, int], theme: str
) -> None:
    for path in (f"/public?commune={ORGE}", "/public?commune=bourg", "/public/strip?lang=en"):
        page = open_page(f"{room.base}{path}", size=size, theme=theme)
        assert violations(page) == []
        assert overflow(page) <= 0
