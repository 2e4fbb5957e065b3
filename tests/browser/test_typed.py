"""What is typed before the scripts are there is not lost once they are."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Console


class HeldScripts:
    """A page of which the scripts so called come when they are let go."""

    def __init__(self, console: Console, path: str, name: str = "") -> None:
        self.page: Page = console.page("/help")
        self._held: list[Route] | None = []
        self.page.context.route(re.compile(rf"{name}\.js$"), self._hold)
        self.page.goto(console.base + path, wait_until="commit")

    def _hold(self, route: Route) -> None:
        if self._held is None:
            route.continue_()
        else:
            self._held.append(route)

    def release(self) -> None:
        held, self._held = self._held or [], None
        for route in held:
            route.continue_()


TYPED = {
    "/rules/new?domain=flood": ("#g-value", "0.5", "#text", "level > 0.5 m"),
    "/thresholds/yvette-villebon/attention": ("#value", "9", "[data-yaml-value]", "9"),
    "/sites": ("#f-q", "Villebon", "#site-rows", "Villebon"),
    "/rules": ("#q", "zzz", "#results", "No matching rules"),
    "/now": ("#search", "villebon", "#search-hits", "Villebon"),
}


@pytest.mark.parametrize("path", TYPED)
def test_what_is_typed_before_the_scripts_come_counts(path: str, console: Console) -> None:
    field, typed, follows, words = TYPED[path]
    held = HeldScripts(console, path)
    held.page.locator(field).fill(typed)
    held.release()
    shown = held.page.locator(follows)
    if follows == "#text":
        expect(shown).to_have_value(re.compile(re.escape(words)))
    else:
        expect(shown).to_contain_text(words)


def test_what_is_typed_while_scripts_come_one_by_one_counts(console: Console) -> None:
    held = HeldScripts(console, "/rules/new?domain=flood", "/rules")
    page = held.page
    expect(page.locator(".bar [data-sound]")).to_be_visible()  # the first script is there
    page.locator("#g-value").fill("0.5")
    held.release()
    expect(page.locator("#text")).to_have_value(re.compile(r"level > 0\.5 m"))
