"""Take the README's pictures of a running demonstration: `python -m tests.screenshots`.

They are of its console, taken with Chromium, and go into docs/pictures. Those of the flooded road
are taken while its story is played: `PICTURES=docs/pictures pytest
tests/browser/test_flooded_road.py`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, Page, sync_playwright

from hypervisor.access import queries as access_queries
from hypervisor.access import queries_roles, queries_sessions, secrets
from hypervisor.access import service as access_service
from hypervisor.access.identity import cookie_name
from hypervisor.access.service import Visit
from hypervisor.base.duties import Role
from hypervisor.base.settings import load_settings
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.exercises import demo
from hypervisor.overview import queries
from hypervisor.web.marks import priority
from tests.chromium import find_chromium

DESK, PHONE, WIDE = (1440, 900), (390, 844), (1920, 1080)


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A picture. `path` may contain {site}, the gauge with the worst alarm."""

    name: str
    path: str
    language: str = "en"
    theme: str = "light"
    size: tuple[int, int] = DESK


SHOTS = (
    Shot(name="now", path="/now"),
    Shot(name="now-dark", path="/now", language="fr", theme="dark"),
    Shot(name="now-phone", path="/now", size=PHONE),
    Shot(name="alarms", path="/alarms"),
    Shot(name="map", path="/map"),
    Shot(name="site", path="/sites/{site}"),
    Shot(name="site-phone", path="/sites/{site}", theme="dark", size=PHONE),
    Shot(name="threshold", path="/thresholds/{site}/alert"),
    Shot(name="rules", path="/rules"),
    Shot(name="exercises", path="/exercises"),
    Shot(name="log", path="/log"),
    Shot(name="handover", path="/handover"),
    Shot(name="quality", path="/quality"),
    Shot(name="load", path="/load"),
    Shot(name="admin", path="/admin"),
    Shot(name="wall", path="/wall", theme="dark", size=WIDE),
)


def take(
    only: Annotated[list[str] | None, typer.Option(help="This picture; may be repeated.")] = None,
    address: Annotated[str, typer.Option(help="Of the console; default: the instance's.")] = "",
    folder: Annotated[Path, typer.Option(help="For the pictures.")] = Path("docs/pictures"),
) -> None:
    """Take all pictures, or only some."""
    settings = load_settings(demo.folder(None))
    base = address or f"http://{settings.web_host}:{settings.web_port}"
    folder.mkdir(parents=True, exist_ok=True)
    with connect(settings.database_url) as connection:
        site = _find_worst_site(connection)
    with _sign_in(settings.database_url) as cookie, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
        )
        for shot in SHOTS:
            if not only or shot.name in only:
                file = folder / f"{shot.name}.png"
                _take_screenshot(browser, base, shot, site, cookie, file)
                print(f"{file}  {shot.path.format(site=site)}")


def _find_worst_site(connection: Connection) -> str:
    """The gauge on a river with the worst alarm; without alarms, the first."""
    rivers = [place.name for place in queries.list_river_sites(connection)]
    standing = queries.list_open_alarms(connection, datetime.now(UTC))
    ranked = [(priority(alarm.severity), alarm.site) for alarm in standing if alarm.site in rivers]
    return min(ranked)[1] or rivers[0] if ranked else rivers[0]


@contextmanager
def _sign_in(url: str) -> Iterator[tuple[str, str]]:
    """A temporary session of an administrator: name and value of its cookie."""
    with connect(url) as connection:
        instance = instance_store.require(connection)
        owner = next(
            account
            for account in access_queries.list_accounts(connection)
            if account.disabled_at is None
            and (Role.ADMINISTRATOR, None) in queries_roles.list_roles(connection, account.id)
        )
        secret = access_service.open_session(
            connection,
            owner.id,
            owner.name,
            Visit(address="", browser="tests.screenshots"),
            now=datetime.now(UTC),
            confirmed_at=None,
            reason="signed in to take pictures, from the command line",
        )
    try:
        yield cookie_name(instance, secure=False), secret
    finally:
        with connect(url) as connection:
            queries_sessions.delete_session(connection, secrets.digest(secret))


def _take_screenshot(  # noqa: PLR0913, PLR0917  what a picture is of
    browser: Browser,
    address: str,
    shot: Shot,
    site: str,
    cookie: tuple[str, str],
    file: Path,
) -> None:
    width, height = shot.size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=2 if width < DESK[0] else 1,
        reduced_motion="reduce",
    )
    cookies = (cookie, ("lang", shot.language), ("theme", shot.theme))
    context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies])
    context.add_init_script("localStorage.setItem('hypervisor-hint-seen', '1')")
    page = context.new_page()
    page.goto(address + shot.path.format(site=site), wait_until="load")
    if page.locator("#map").count():
        page.wait_for_selector("#map[data-ready]", timeout=60_000)  # software rendering is slow
    page.wait_for_timeout(2500)  # charts
    page.screenshot(path=file)
    context.close()


def save_picture(page: Page, name: str, *parts: str) -> None:
    """The page as it is now, into the folder PICTURES if there is one; `parts`: these alone."""
    if "PICTURES" not in os.environ:
        return
    file = Path(os.environ["PICTURES"], f"{name}.png")
    boxes = [box for part in parts if (box := page.locator(part).first.bounding_box())]
    if not boxes:
        page.screenshot(path=file)
        return
    top, left = min(box["y"] for box in boxes), min(box["x"] for box in boxes)
    page.screenshot(
        path=file,
        full_page=True,
        clip={
            "x": left,
            "y": top + page.evaluate("scrollY"),
            "width": max(box["x"] + box["width"] for box in boxes) - left,
            "height": max(box["y"] + box["height"] for box in boxes) - top,
        },
    )


if __name__ == "__main__":
    typer.run(take)
