"""The story that docs/story.md tells, on the demonstration's own instance.

The road floods, the rule proposes, two people sign, the sign obeys, the barrier fails, a team goes,
its phone is offline, the report tells it.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, Locator, Page, ViewportSize, expect

from hypervisor.exercises import demo
from tests.browser.conftest import DESK, PHONE, overflow, violations
from tests.browser.link import Link
from tests.chromium import find_chromium
from tests.screenshots import save_picture

pytestmark = pytest.mark.long

SCENARIO = "flooded-road"
BARRIER, SIGN = "rd188-orsay-barrier", "rd188-orsay-sign"
PATIENCE = 120_000  # ms; until the river has risen and all parts have followed
APPROACH, ACT = 120, 30  # speeds: until the alarm; while people act
_FOCUS = """
device => [...document.querySelectorAll('#commands li')]
    .find((row) => row.textContent.includes(device))?.focus()
"""
_CONTROLLED = "navigator.serviceWorker.controller !== null"
QUOTE = "\N{RIGHT SINGLE QUOTATION MARK}"
OBSERVED = "Barrière coincée, circulation déviée par la rue de Paris"


@dataclass(kw_only=True)
class Crew:
    """The demonstration's people, each with a browser of their own."""

    base: str
    passwords: Mapping[str, str]
    browser: Browser
    opened: ExitStack = field(default_factory=ExitStack)
    problems: list[str] = field(default_factory=list)

    def sign_in(self, who: str) -> Page:
        """A page of somebody who has signed in, in French."""
        width, height = DESK
        context = self.browser.new_context(
            viewport=ViewportSize(width=width, height=height),
            locale="fr-FR",
            timezone_id="Europe/Paris",
        )
        self.opened.callback(context.close)
        return self.open(context, self.base, who)

    def open(self, context: BrowserContext, base: str, who: str, path: str = "/now") -> Page:
        context.add_cookies([{"name": "lang", "value": "fr", "url": base}])
        context.add_init_script("localStorage.setItem('hypervisor-hint-seen', '1')")
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.goto(f"{base}/login?next={path}")
        page.get_by_label("Compte").fill(who)
        page.get_by_label("Mot de passe").fill(self.passwords[who])
        page.get_by_role("button", name="Se connecter").click()
        page.wait_for_url(f"{base}{path}")
        return page

    def ask(self, who: str) -> httpx.Client:
        """A client of somebody for what no page of the story is needed for."""
        client = httpx.Client(base_url=self.base, timeout=60)
        self.opened.callback(client.close)
        signed = {"name": who, "password": self.passwords[who]}
        assert client.post("/api/v1/auth/login", json=signed).status_code == 204
        csrf = re.search(r'name="csrf"[^>]*value="([^"]+)"', client.get("/exercises").text)
        assert csrf is not None
        client.headers["X-CSRF-Token"] = csrf[1]
        return client


@pytest.fixture
def crew(browser: Browser, open_tmp: Path) -> Iterator[Crew]:
    """As `make demo` starts it, before anything is played."""
    folder = open_tmp / "demo"
    settings = demo.prepare(folder, lambda _line: None)
    try:
        made = Crew(
            base=f"http://127.0.0.1:{settings.web_port}",
            passwords={member.name: member.password for member in demo.make_accounts(settings)},
            browser=browser,
        )
        with made.opened:
            yield made
        assert made.problems == []
    finally:
        demo.stop(folder)


@dataclass(kw_only=True)
class Scenario:
    """The scenario as its leader plays it."""

    leader: httpx.Client
    number: int = 0

    def start(self, speed: float) -> None:
        body = {"source": SCENARIO, "seed": demo.SEED, "speed": speed}
        answer = self.leader.post("/api/v1/exercises/runs", json=body)
        assert answer.status_code == 202, answer.text
        self.number = answer.json()["run"]["id"]
        wait(lambda: self.state == "running", f"run {self.number} to begin")

    @property
    def state(self) -> str:
        return str(self.leader.get("/api/v1/exercises").json()["run"]["state"])

    def set_speed(self, speed: float) -> None:
        body = {"kind": "speed", "speed": speed}
        answer = self.leader.post(f"/api/v1/exercises/runs/{self.number}/orders", json=body)
        assert answer.status_code == 202, answer.text


def wait(happened: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + PATIENCE / 1000
    while not happened():
        assert time.monotonic() < ends, f"waited for {what}"
        time.sleep(0.5)


def inspect(page: Page) -> None:
    assert violations(page) == []
    assert overflow(page) <= 0


def find_row(page: Page, device: str) -> Locator:
    return page.locator("#commands li", has_text=device)


def press(page: Page, device: str, key: str) -> None:
    """A key on the row of a device; in one step, for Now draws itself again at any time."""
    expect(find_row(page, device)).to_be_visible()
    page.evaluate(_FOCUS, device)
    page.keyboard.press(key)


@pytest.mark.timeout(900)
def test_the_road_floods_and_a_team_closes_it(crew: Crew, tmp_path: Path) -> None:
    scenario = Scenario(leader=crew.ask("chef"))
    scenario.start(APPROACH)
    controller = crew.sign_in("controller")
    expect(find_row(controller, BARRIER)).to_contain_text("Proposé :", timeout=PATIENCE)
    scenario.set_speed(ACT)
    order_what_is_proposed(controller)
    countersign(crew.sign_in("chef"))
    address = send_a_team(crew.sign_in("operator"))
    work_offline(crew, tmp_path, address)
    read_the_report(controller, address)


def order_what_is_proposed(page: Page) -> None:
    """One key each, on Now."""
    expect(find_row(page, SIGN)).to_contain_text("ROUTE INONDÉE")
    inspect(page)
    now = page.url
    page.evaluate("document.querySelector('#commands')?.scrollIntoView({block: 'end'})")
    save_picture(page, "flooded-road-now")
    for device in (BARRIER, SIGN):
        press(page, device, "p")
        page.wait_for_url("**/alarms/*")
        expect(page.locator("#commands-part")).to_contain_text(device)
        page.goto(now)
    expect(find_row(page, BARRIER)).to_contain_text("À signer")
    expect(find_row(page, BARRIER).get_by_role("button", name="Signer")).to_have_count(0)


def countersign(page: Page) -> None:
    """A second person, by another key; then the sign confirms and the barrier does not move."""
    press(page, BARRIER, "s")
    page.wait_for_url("**/commands/*")
    command = page.locator("#command")
    expect(command).to_contain_text("Acquittée par l")
    expect(command.locator("h1 + p")).to_have_text("Échouée")
    expect(command).to_contain_text("aucune mesure ne l")
    save_picture(page, "flooded-road-barrier")
    inspect(page)
    page.goto(f"{page.url.partition('/commands')[0]}/commands?which=all&device={SIGN}")
    expect(page.locator("#commands")).to_contain_text("Confirmée par une mesure")


def send_a_team(page: Page) -> str:
    """From the row of what has failed, by a key; the order's address."""
    expect(find_row(page, BARRIER)).to_contain_text("Échouée")
    inspect(page)
    press(page, BARRIER, "i")
    page.wait_for_url("**/interventions/new?*")
    expect(page.get_by_label("En quelques mots")).to_have_value(
        "À la main : manœuvrer la barrière : fermée"
    )
    inspect(page)
    page.get_by_label("Équipe", exact=True).select_option(demo.TEAM)
    page.get_by_role("button", name=f"Créer l{QUOTE}intervention").click()
    page.wait_for_url(re.compile(r"/interventions/\d+$"))
    expect(page.locator("#intervention")).to_contain_text(demo.TEAM_TITLE)
    return page.url.removeprefix(page.url.partition("/interventions")[0])


def work_offline(crew: Crew, tmp_path: Path, address: str) -> None:
    """The agent takes the order, loses the network at the road, and closes it there."""
    link = Link(crew.base)
    width, height = PHONE
    context = crew.browser.browser_type.launch_persistent_context(
        tmp_path / "phone",
        executable_path=find_chromium(),
        args=["--no-sandbox"],
        viewport=ViewportSize(width=width, height=height),
        has_touch=True,
        locale="fr-FR",
        timezone_id="Europe/Paris",
    )
    crew.opened.callback(link.close)
    crew.opened.callback(context.close)
    page = crew.open(context, link.base, "agent", "/field")
    wait(lambda: bool(page.evaluate(_CONTROLLED)), "the service worker")
    page.get_by_role("link", name="À la main").click()
    expect(page.locator("article")).to_contain_text(BARRIER)
    inspect(page)
    for act in (f"Prendre l{QUOTE}intervention", "Partir"):
        page.get_by_role("button", name=act).click()
    expect(page.locator(".queue")).to_have_count(0)
    link.cut()
    page.get_by_role("button", name="Arrivé sur place").click()
    expect(page.locator("#net")).to_contain_text("Pas de réseau")
    page.locator("summary", has_text="Noter un constat").click()
    page.get_by_label("Que constatez-vous").fill(OBSERVED)
    page.get_by_label("Photographie").set_input_files(take_photograph(tmp_path))
    page.get_by_role("button", name="Garder le constat").click()
    page.locator("summary", has_text="Clore").click()
    page.get_by_label("Ce qui a été fait").fill("Barrière fermée à la manivelle")
    page.get_by_label("Minutes").fill("20")
    page.get_by_role("button", name="Clore").click()
    expect(page.locator("#net")).to_contain_text("à envoyer : 3")
    expect(page.get_by_role("button", name=f"J{QUOTE}ai lu")).to_have_count(0)  # nothing is refused
    save_picture(page, "flooded-road-phone")
    inspect(page)
    link.mend()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#net")).to_have_text("À jour.")
    expect(page.locator(".queue")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("Aucune intervention")
    assert crew.ask("operator").get(f"/api/v1{address}").json()["intervention"]["state"] == "done"


def take_photograph(folder: Path) -> Path:
    """A drawn one: a barrier over a road, water in front of it."""
    picture = Image.new("RGB", (640, 480), (176, 190, 200))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(250, 200), (390, 200), (640, 480), (0, 480)], fill=(84, 88, 92))
    draw.rectangle((0, 340, 640, 480), fill=(112, 104, 84))
    draw.rectangle((60, 130, 84, 360), fill=(60, 60, 64))
    for stripe in range(10):
        colour = (196, 40, 40) if stripe % 2 else (244, 244, 244)
        left, top = 84 + stripe * 40, 150 - stripe * 9
        draw.polygon(
            [(left, top), (left + 40, top - 9), (left + 40, top + 9), (left, top + 18)], fill=colour
        )
    file = folder / "barriere.jpg"
    picture.save(file)
    return file


def read_the_report(page: Page, address: str) -> None:
    """All of it in order, with who and when; also on paper."""
    base = page.url.partition("/now")[0]
    page.goto(f"{base}/report")
    commands = page.locator("section", has=page.get_by_role("heading", name="Commandes"))
    barrier = commands.locator("tr", has_text=BARRIER)
    expect(barrier).to_contain_text("controller")
    expect(barrier).to_contain_text("chef")
    expect(barrier).to_contain_text("Échouée")
    expect(commands.locator("tr", has_text=SIGN)).to_contain_text("Confirmée par une mesure")
    order = page.locator(f'td a[href="{address}"]')
    expect(order).to_have_text("À la main : manœuvrer la barrière : fermée")
    inspect(page)
    lines = " | ".join(page.locator(".log-lines .line").all_inner_texts())
    steps = (
        rf"Ordonnée, controller.*{BARRIER}",
        rf"Deuxième signature, chef.*{BARRIER}",
        rf"Acquittée par l{QUOTE}équipement.*{BARRIER}",
        rf"Échouée.*{BARRIER}",
        rf"operator a créé l{QUOTE}intervention",
        f"operator l{QUOTE}a confiée à une équipe",
        f"agent a pris l{QUOTE}intervention",
        "agent est parti",
        "agent est arrivé sur place",
        f"agent a constaté.*{OBSERVED}",
        rf"agent a clos l{QUOTE}intervention.*Barrière fermée à la manivelle",
    )
    assert re.search(".*".join(steps), lines.replace("\n", " ")), lines
    expect(page.locator(f'.log-lines img[src^="{address}/photos/"]')).to_be_visible()
    save_picture(page, "flooded-road-report", "section:has(#commands)", "section:has(#line)")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Imprimer")).to_be_hidden()
    expect(barrier).to_be_visible()
    assert page.pdf().startswith(b"%PDF")
