"""Pictures of the console of a running instance, taken with Chromium, for the README."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hypervisor.access import queries as access_queries
from hypervisor.access import queries_roles, queries_sessions, secrets
from hypervisor.access.identity import cookie_name
from hypervisor.base.duties import Role
from hypervisor.database import audit
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection, connect
from hypervisor.overview import queries
from hypervisor.web.marks import priority
from sensors._errors import TerritoryError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DESK, PHONE, WIDE = (1440, 900), (390, 844), (1920, 1080)
_LASTS = timedelta(minutes=10)


class PicturesError(TerritoryError):
    """Pictures cannot be taken; the message says what is missing."""


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
    url: str, address: str, folder: Path, names: frozenset[str], say: Callable[[str], None]
) -> None:
    """Take all pictures, or those of these names, of the console at `address`.

    Raises:
        PicturesError: there is no Chromium, no administrator, or an unknown name.
    """
    shots = [shot for shot in SHOTS if not names or shot.name in names]
    unknown = names - {shot.name for shot in SHOTS}
    if unknown:
        existing = ", ".join(shot.name for shot in SHOTS)
        raise PicturesError(
            "no picture is called {unknown}; there are {existing}",
            ", ".join(sorted(unknown)),
            existing,
        )
    folder.mkdir(parents=True, exist_ok=True)
    with connect(url) as connection:
        site = _find_worst_site(connection)
    with _sign_in(url) as cookie, chromium() as browser:
        for shot in shots:
            file = folder / f"{shot.name}.png"
            _take_screenshot(browser, address, shot, site, cookie, file)
            say(f"{file}  {shot.path.format(site=site)}")


def _find_worst_site(connection: Connection) -> str:
    """The gauge on a river with the worst alarm; without alarms, the first."""
    rivers = [place.name for place in queries.list_river_sites(connection)]
    if not rivers:
        raise PicturesError("this instance has no gauge on a river: start the demonstration first")
    standing = queries.list_open_alarms(connection, datetime.now(UTC))
    ranked = [(priority(alarm.severity), alarm.site) for alarm in standing if alarm.site in rivers]
    return min(ranked)[1] or rivers[0] if ranked else rivers[0]


@contextmanager
def _sign_in(url: str) -> Iterator[tuple[str, str]]:
    """A temporary session of an administrator: name and value of its cookie."""
    secret = secrets.generate_session()
    digest = secrets.digest(secret)
    with connect(url) as connection:
        instance = instance_store.require(connection)
        owner = _find_administrator(connection)
        now = datetime.now(UTC)
        session = queries_sessions.Session(
            secret=digest,
            account=owner.id,
            created_at=now,
            seen_at=now,
            ends_at=now + _LASTS,
            address="",
            browser="hypervisor console screenshots",
        )
        queries_sessions.insert_session(connection, session)
        audit.record(
            connection,
            kind="sign-in",
            subject=owner.name,
            reason="signed in to take pictures, from the command line",
            author=owner.name,
        )
    try:
        yield cookie_name(instance, secure=False), secret
    finally:
        with connect(url) as connection:
            queries_sessions.delete_session(connection, digest)


def _find_administrator(connection: Connection) -> access_queries.Account:
    """An administrator of the complete territory."""
    for account in access_queries.list_accounts(connection):
        roles = queries_roles.list_roles(connection, account.id)
        if account.disabled_at is None and (Role.ADMINISTRATOR, None) in roles:
            return account
    raise PicturesError("there is no administrator: `hypervisor account add` makes one")


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A headless browser.

    Raises:
        PicturesError: playwright or chromium is missing.
    """
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415  a developer tool
    except ImportError as error:
        raise PicturesError("playwright is not installed; `make setup` brings it") from error
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        raise PicturesError("no chromium on PATH; `make setup` installs it")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
        )


def _take_screenshot(  # noqa: PLR0913, PLR0917  what a picture is of
    browser: "Browser",
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
    page.locator("#map-note").wait_for(state="hidden", timeout=60_000)  # software rendering is slow
    page.wait_for_timeout(2500)  # charts
    page.screenshot(path=file)
    context.close()
