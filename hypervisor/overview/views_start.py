"""A new instance's first steps: what is missing, where to enter it, and the same as a command."""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.instance import Mode
from hypervisor.base.program import program
from hypervisor.base.settings import Settings
from hypervisor.base.translation import translate as _
from hypervisor.broker import accounts
from hypervisor.broker.errors import StackError
from hypervisor.charts.words import quantity_label
from hypervisor.database.connect import StoreError
from hypervisor.overview import queries_start
from hypervisor.overview.queries_start import Progress, Refused
from hypervisor.readings import queries_latest
from hypervisor.readings.queries_latest import Latest
from hypervisor.readings.views_dead_letters import explain_reason
from hypervisor.web.refusals import refusal


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step. `address`: of its form; `post`: the form is one button. `command`: the same."""

    key: str
    title: str
    words: str
    done: bool
    act: str = ""
    address: str = ""
    post: bool = False
    command: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Start:
    """What the page shows. `arrived`: the latest reading; `refused`: a message that was none.

    `ask`: administrators, for an account that is none.
    """

    steps: tuple[Step, ...] = ()
    empty: bool = False
    device: str | None = None
    arrived: Latest | None = None
    refused: Refused | None = None
    ask: tuple[str, ...] = ()

    @property
    def current(self) -> str:
        """The key of the first step that is missing."""
        return next((step.key for step in self.steps if not step.done), "")

    @property
    def waits(self) -> bool:
        """Whether there is a device, and no message yet."""
        return self.empty and self.device is not None


def load_start(context: RequestContext, settings: Settings) -> Start | None:
    """The first steps of a live instance; None: nothing is missing, or an exercise runs here."""
    if context.instance.mode is not Mode.LIVE:
        return None
    if not context.person.everywhere(Duty.ADMINISTER):
        return _whom_to_ask(context)
    progress = queries_start.read_progress(context.connection)
    commands = Commands(context, settings, progress)
    ruled = progress.ruled or not commands.threshold_name
    if ruled and all((progress.commune, progress.measures, progress.heard, progress.routed)):
        return None
    steps = tuple(_list_steps(progress, commands, settings))
    arrived, refused = None, None
    if progress.device and progress.heard:
        arrived = _latest(context, progress)
    if not progress.heard:
        refused = queries_start.find_refused(context.connection)
    return Start(
        steps=steps,
        empty=not progress.heard,
        device=progress.device,
        arrived=arrived,
        refused=refused,
    )


def template_words(context: RequestContext, settings: Settings) -> dict[str, Any]:
    """Functions for the templates of the first steps."""
    quantities = context.catalogue.quantities

    def publish(password: str) -> str:
        progress = queries_start.read_progress(context.connection)
        return Commands(context, settings, progress).publish(password)

    return {
        "publish": publish,
        "explain": explain_reason,
        "quantity_name": lambda name: quantity_label(quantities.get(name), name),
        "unit_of": lambda name: quantities[name].unit if name in quantities else None,
    }


def _whom_to_ask(context: RequestContext) -> Start | None:
    """The administrators, where no device is registered; a tenant sees its own."""
    if queries_start.has_sites(context.connection):
        return None
    with context.owning() as connection:
        return Start(empty=True, ask=tuple(queries_start.list_administrators(connection)))


def _latest(context: RequestContext, progress: Progress) -> Latest | None:
    """The latest reading of the first device."""
    rows = queries_latest.list_latest(context.connection, progress.site)
    times: dict[datetime, Latest] = {
        row.received_at: row
        for row in rows
        if row.device == progress.device and row.received_at is not None
    }
    return times[max(times)] if times else None


def _list_steps(progress: Progress, commands: "Commands", settings: Settings) -> Iterator[Step]:
    yield from _list_inventory_steps(progress, commands)
    yield from _list_message_steps(progress, commands, settings)
    yield from _list_alarm_steps(progress, commands)


def _list_inventory_steps(progress: Progress, commands: "Commands") -> Iterator[Step]:
    yield Step(
        key="territory",
        title=_("Territory"),
        words=_("The commune, or all communes of a département from a file."),
        done=progress.commune is not None,
        act=_("Enter a commune"),
        address="/admin/inventory/form/area?back=now",
        command=commands.territory(),
    )
    yield Step(
        key="site",
        title=_("First site"),
        words=_("Where something is measured: a bridge, a cabinet, a road section."),
        done=progress.site is not None,
        act=_("Enter a site"),
        address=f"/admin/inventory/form/site?back=now&commune={progress.commune or ''}",
        command=commands.site(),
    )
    idle = progress.device is not None and not progress.measures
    start = f"key={progress.device}" if idle else f"site={progress.site or ''}"
    yield Step(
        key="device",
        title=_("First device"),
        words=_("What measures there. Its model says what it measures."),
        done=progress.measures,
        act=_("Say what it measures") if idle else _("Enter a device"),
        address=f"/admin/inventory/form/device?back=now&{start}",
        command=commands.device(),
        note=_("%(name)s measures nothing yet: choose its model, or the quantities.")
        % {"name": progress.device}
        if idle
        else "",
    )


def _list_message_steps(
    progress: Progress, commands: "Commands", settings: Settings
) -> Iterator[Step]:
    speaker = progress.gateway or progress.device
    has_account, note = _has_account(settings, speaker)
    yield Step(
        key="password",
        title=_("Its password"),
        words=_("The device signs in at the broker with its name and a password, shown once."),
        done=progress.heard or has_account,
        act=_("Make its password"),
        address=f"/admin/devices/{speaker}/account" if speaker and not note else "",
        post=True,
        command=commands.password(speaker),
        note=note,
    )
    yield Step(
        key="reading",
        title=_("First reading"),
        words=_("Send one from this machine, or let the device send."),
        done=progress.heard,
        command=commands.publish(),
    )


def _list_alarm_steps(progress: Progress, commands: "Commands") -> Iterator[Step]:
    yield Step(
        key="rule",
        title=_("First rule"),
        words=_("From which value an alarm is raised: enter the thresholds of the site."),
        done=progress.ruled or (progress.site is not None and not commands.threshold_name),
        act=_("Enter thresholds"),
        address=f"/admin/inventory/form/site?back=now&key={progress.site or ''}&at=thresholds",
        command=commands.threshold(),
    )
    yield Step(
        key="told",
        title=_("Who is notified"),
        words=_("To whom alarms are sent, when, and in which language."),
        done=progress.routed,
        act=_("Enter a route"),
        address="/admin/notifications/route?back=now",
        command=commands.route(),
    )


def _has_account(settings: Settings, name: str | None) -> tuple[bool, str]:
    """Whether a device has an account at the broker, or why that cannot be seen from here."""
    if name is None:
        return False, ""
    try:
        rows = accounts.list_accounts(accounts.open_accounts(settings), {})
    except (StackError, StoreError, OSError) as error:
        return False, refusal(error)
    return any(row.name == name and row.account for row in rows), ""


class Commands:
    """Each step for a terminal; names are those that exist by now, else examples."""

    def __init__(self, context: RequestContext, settings: Settings, progress: Progress) -> None:
        self._context, self._progress = context, progress
        self._settings, self._program = settings, program(settings.data)

    @property
    def threshold_name(self) -> str:
        """The first threshold of the site's function; none: its rules need none."""
        domain = self._context.catalogue.domains.get(self._progress.domain or "flood")
        return domain.thresholds[0].name if domain and domain.thresholds else ""

    def territory(self) -> str:
        return self._apply(
            "territory.yaml",
            {"areas": [{"code": "91228", "kind": "commune", "name": "Évry-Courcouronnes"}]},
        )

    def site(self) -> str:
        commune = self._progress.commune or "91228"
        site = {"name": "mill-bridge", "title": "The mill bridge", "domain": "flood"}
        place = {"commune": commune, "lon": 2.43, "lat": 48.63, "river": "Seine"}
        return self._apply("site.yaml", {"sites": [{**site, **place}]})

    def device(self) -> str:
        site = self._progress.site or "mill-bridge"
        day = f"{self._context.now():%Y-%m-%d}"
        domain = self._context.catalogue.domains.get(self._progress.domain or "flood")
        model = domain.models[0].name if domain and domain.models else "radar-gauge"
        device = {"name": f"{site}-1", "model": model, "commissioned": day}
        return self._apply("device.yaml", {"sites": [{"name": site, "devices": [device]}]})

    def password(self, name: str | None) -> str:
        return f"{self._program} device add {shlex.quote(name or 'mill-bridge-1')}"

    def publish(self, password: str = "") -> str:
        """Two commands that send a reading now; without a password the shell's variable."""
        name = self._progress.device or "mill-bridge-1"
        settings = self._settings
        secret = shlex.quote(password) if password else '"$PASSWORD"'
        quantity, value = self._calm_value()
        message = f'{{"time": "\'$(date -u +%FT%TZ)\'", "values": {{"{quantity}": {value:g}}}}}'
        return (
            f"{self._program} device publish {name} {quantity}={value:g} --password {secret}\n"
            f"# {_('or as any MQTT client:')}\n"
            f"mosquitto_pub -h {settings.broker_host} -p {settings.broker_port} -q 1"
            f" -u {name} -P {secret} \\\n  -t devices/{name}/readings -m '{message}'"
        )

    def _calm_value(self) -> tuple[str, float]:
        """A quantity of the device's model and a value of a calm day."""
        catalogue, progress = self._context.catalogue, self._progress
        measured = [
            row.quantity
            for row in queries_latest.list_latest(self._context.connection, progress.site)
            if progress.site and row.device == progress.device
        ]
        domain = catalogue.domains.get(progress.domain or "flood")
        calm: Mapping[str, float] = domain.calm if domain else {}
        for name in (*calm, *measured):
            quantity = catalogue.quantities[name]
            if name in measured and name not in catalogue.common:
                return name, calm.get(name, max(quantity.low, 0.0))
        return "level", 1.0

    def threshold(self) -> str:
        site, name = self._progress.site or "mill-bridge", self.threshold_name
        threshold = self._context.catalogue.thresholds.get(name)
        if threshold is None:
            return ""
        value = f"{threshold.usual if threshold.usual is not None else 1.5:g} {threshold.unit}"
        return (
            f"{self._program} rules threshold set {shlex.quote(site)} {name} '{value}'"
            " --reason 'first threshold'"
        )

    def route(self) -> str:
        address = "mailtos://USER:${SMTP_PASSWORD}@smtp.town.example?to=duty@town.example"
        text = f"routes:\n  - name: duty\n    channels: ['{address}']"
        return (
            f"cat > routes.yaml <<'END'\n{text}\nEND\n"
            f"{self._program} notify routes apply routes.yaml --reason 'first route'"
        )

    def _apply(self, file: str, content: Mapping[str, Any]) -> str:
        (section, (entry,)) = next(iter(content.items()))
        text = f"{section}:\n  - {json.dumps(entry, ensure_ascii=False)}"
        return f"cat > {file} <<'END'\n{text}\nEND\n{self._program} inventory apply {file}"
