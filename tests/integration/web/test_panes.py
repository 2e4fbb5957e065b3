"""Panes of Now: found by their names, in their order; one that fails leaves the page standing."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from hypervisor.base import rooms
from hypervisor.web import panes
from hypervisor.web.rendering import environment
from tests.documents import find_example
from tests.integration.evaluation.world import World
from tests.integration.web.conftest import (  # noqa: F401  fixtures
    base,
    client,
    world,
)

pytestmark = pytest.mark.integration
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    """The pane of CONTRIBUTING.md, found beside the others."""
    code = find_example("CONTRIBUTING.md", __file__)
    (template,) = (line for line in code.splitlines() if ": <p>" in line)
    (tmp_path / "now_sites.html").write_text(template.partition(": ")[2])
    made = ModuleType("pane_sites")
    exec(code, vars(made))  # noqa: S102  our own document
    every, modules = (*rooms.modules("pane"), made), rooms.modules
    monkeypatch.setattr(rooms, "modules", lambda role: every if role == "pane" else modules(role))
    loader = environment().loader
    monkeypatch.setattr(loader, "searchpath", [*getattr(loader, "searchpath", ()), str(tmp_path)])
    panes.list_panes.cache_clear()
    yield made
    panes.list_panes.cache_clear()


def test_every_pane_has_its_own_place_and_template() -> None:
    every = [module.PANE for module in rooms.modules("pane")]
    assert len({(pane.page, pane.order) for pane in every}) == len(every) >= 4
    for pane in every:
        assert environment().get_template(pane.template)


@pytest.mark.usefixtures("example")
def test_a_pane_is_shown_as_its_reader_may_see_it(client: httpx.Client) -> None:  # noqa: F811
    assert "<p>2</p>" in client.get("/now", headers=ENGLISH).text


def test_a_pane_that_fails_says_so_and_the_page_stands(
    client: httpx.Client,  # noqa: F811
    world: World,  # noqa: F811
    example: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world.connection.execute("SELECT 1")
    whole = client.get("/now", headers=ENGLISH).text

    def fail(context: object) -> None:
        context.connection.execute("SELECT 1 / 0")  # type: ignore[attr-defined]

    broken = panes.Pane(page="now", order=30, title="Sites", template="now_sites.html", load=fail)
    monkeypatch.setattr(example, "PANE", broken)
    panes.list_panes.cache_clear()
    page = client.get("/now", headers=ENGLISH)
    assert page.status_code == 200
    assert "<p>2</p>" in whole
    assert "<p>2</p>" not in page.text
    assert "this part could not be read" in page.text
    assert 'id="duty"' in page.text
