"""The door with an identity provider, in a real browser: in, refused, and out on both sides."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import DESK, PHONE, Console, overflow, violations
from tests.integration.accounts.providing import Door, providing
from tests.integration.accounts.test_provider import PASSWORD, RULES, make_database, person

LONG = "Département de l'Essonne, direction des services d'information et du numérique"


@pytest.fixture
def door(database_url: str) -> Iterator[Door]:
    with providing(make_database(database_url)) as made:
        made.apply(RULES)
        made.tell(users={"u1": person("anne", "operators"), "u2": person("eve")})
        yield made


@pytest.fixture
def console(door: Door, browser: Browser) -> Iterator[Console]:
    with ExitStack() as opened:
        made = Console(base=door.base, url=door.url, browser=browser, opened=opened)
        yield made
        ours = [problem for problem in made.problems if problem.startswith(door.base)]
        assert not ours, ours  # the provider's pages may want an icon


def test_in_with_the_provider_and_out_again(console: Console, door: Door) -> None:
    page = console.page("/sites?x=1", role=None)
    expect(page).to_have_url(re.compile(r"/login\?next="))
    page.keyboard.press("Tab")
    page.get_by_role("link", name="Sign in with Essonne Login").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Who").fill("u1")
    page.get_by_role("button", name="Enter").click()
    expect(page).to_have_url(f"{door.base}/sites?x=1")

    page.goto(f"{door.base}/account")
    expect(page.get_by_text("no password is kept here")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("button", name="Yes, sign me out").click()  # the provider asks
    expect(page).to_have_url(re.compile(f"^{re.escape(door.base)}/login"))
    page.goto(f"{door.base}/sites")
    expect(page).to_have_url(re.compile(r"/login\?next="))
    page.get_by_role("link", name="Sign in with Essonne Login").click()
    expect(page.get_by_label("Who")).to_be_visible()  # there, too, nobody is signed in any more


def test_who_gets_no_role_reads_why_and_may_sign_in_locally(console: Console) -> None:
    page = console.page("/login", role=None, language="fr")
    page.get_by_role("link", name=re.compile("avec Essonne Login")).click()
    page.get_by_label("Who").fill("u2")
    page.get_by_role("button", name="Enter").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("ne donne aucun rôle ici")
    expect(alert).to_contain_text("groups manque")
    assert (overflow(page) <= 0, violations(page)) == (True, [])
    page.get_by_label("Compte").fill("root")
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    expect(page).not_to_have_url(re.compile("/login"))
    console.problems.clear()  # the 403 is meant


@pytest.mark.long
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, (1024, 768), (768, 1024), PHONE])
def test_the_door_is_for_everyone(
    console: Console, door: Door, theme: str, size: tuple[int, int]
) -> None:
    door.apply(RULES.replace("Essonne Login", LONG))
    for language in ("fr", "en"):
        page = console.page("/login", role=None, language=language, theme=theme, size=size)
        expect(page.get_by_role("link", name=re.compile("numérique$"))).to_be_visible()
        assert (overflow(page) <= 0, violations(page)) == (True, [])
        assert page.locator(".door-provider .btn").evaluate(
            "each => each.scrollWidth <= each.clientWidth"
        )
