"""Interlocks: which hold for a command, what they say on the stored readings, and their changes.

Answer at the moment of sending, by the same engine as rules; what is false or not known is refused.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from hypervisor.backtest import registries
from hypervisor.backtest.evaluate import CompleteTail
from hypervisor.backtest.registries import Trial
from hypervisor.base.errors import NotFoundError
from hypervisor.base.failures import make_storable
from hypervisor.base.instants import micros
from hypervisor.base.versions import LATEST, require_no_later
from hypervisor.commands import queries, queries_interlocks
from hypervisor.commands.model import NoCommandError
from hypervisor.commands.queries_interlocks import OwnInterlock, WaitingCommand
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.evaluation import columns
from hypervisor.evaluation.columns import ColumnQuery
from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.territory import arrange
from hypervisor.readings import queries_history
from hypervisor.registry.model import Registry
from hypervisor.registry.queries_devices import list_devices
from rules._inputs import Instants
from rules._interlock import NAME, Ruling, read_condition, rule_at
from sensors._command import CommandError, CommandKind
from sensors._domain import Catalogue
from sensors._errors import Message, TerritoryError
from sensors._nearest import did_you_mean
from sensors._row import NEVER, ROW

_DAY = 86_400_000_000  # µs
_NO_STORE: Any = None  # complete tails need no query

Load = Callable[[Connection], Registry]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition that a command must meet. `place`: the site whose readings it asks.

    `own`: by a decision there; else the domain's default.
    """

    text: str
    place: str
    own: bool


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a condition says; `ruling` None: it does not apply, `problem` says why."""

    condition: Condition
    ruling: Ruling | None
    problem: Message | None = None


def find_conditions(
    kind: CommandKind, choice: str, device: str, site: str, own: Iterable[OwnInterlock]
) -> list[Condition]:
    """The conditions that a command must meet: its device's, else its site's, else the default."""
    defaults = {each.choice: each.condition for each in kind.interlocks}
    rows = [row for row in own if row.kind == kind.name]
    conditions: list[Condition] = []
    for part in dict.fromkeys(("", choice)):
        nearest = [row for row in rows if row.choice == part and row.device == device]
        nearest += [
            row for row in rows if row.choice == part and row.device is None and row.site == site
        ]
        if nearest:
            text = nearest[0].condition or ""
            conditions.append(Condition(text=text, place=nearest[0].place, own=True))
        elif part in defaults:
            conditions.append(Condition(text=defaults[part], place=site, own=False))
    return conditions


def ask(  # noqa: PLR0913  what is asked, and when
    connection: Connection,
    registry: Registry,
    catalogue: Catalogue,
    condition: Condition,
    times: Instants | None = None,
    *,
    until: int,
    sent_only: bool = False,
) -> list[Answer]:
    """What a condition says at each time (µs); without times at `until`.

    `sent_only`: on what devices and services sent, without what people entered.
    """
    rule = read_condition(condition.text, catalogue, domain=_domain_of(registry, condition.place))
    near = registries.registry_around(registry, [condition.place])
    near = registries.only_rules(
        registries.with_trial(near, Trial(rules=(rule,)), catalogue), [NAME]
    )
    territory = arrange(near, catalogue, PowerSchedule(retention=0))
    pair = NAME, condition.place
    if pair not in territory.revisions:
        why = territory.inapplicable.get(pair, "")
        problem = Message("it cannot be decided at {site}", condition.place)
        if why:
            problem = Message("it cannot be decided at {site}: {problem}", condition.place, why)
        return [Answer(condition=condition, ruling=None, problem=problem)]
    times = np.array([until]) if times is None else times
    reach = max(territory.listens[pair].values(), default=0) + _DAY
    spans = [(series, int(times[0]) - reach, until + 1) for series in territory.listens[pair]]
    read = queries_history.read_sent_spans if sent_only else queries_history.read_spans
    stored = queries_history.split_by_series(read(connection, spans))
    nothing = CompleteTail(np.empty(0, dtype=ROW))
    tails = dict.fromkeys(territory.quantity_of, nothing)
    tails |= {number: CompleteTail(rows) for number, rows in stored.items()}
    query = ColumnQuery(
        subject=territory.subjects[condition.place],
        since=dict.fromkeys(territory.listens[pair], NEVER),
    )
    subject = columns.load_subjects(_NO_STORE, tails, [query])[condition.place]
    rulings = rule_at(rule, subject, catalogue, times)
    return [Answer(condition=condition, ruling=ruling) for ruling in rulings]


def _domain_of(registry: Registry, site: str) -> str:
    if site not in registry.sites:
        raise NotFoundSiteError(
            "there is no site {name!r}{hint}", site, did_you_mean(site, registry.sites)
        )
    return registry.sites[site].domain


class NotFoundSiteError(CommandError, NotFoundError):
    """No such site."""


WHO = "interlock"  # who has refused a command


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The queue as its interlocks see it: the kinds that have any, what may go, what may not."""

    kinds: frozenset[str]
    passed: frozenset[UUID]
    refusals: Mapping[UUID, Message]


def check_queue(connection: Connection, load: Load, catalogue: Catalogue) -> Checked:
    """Ask the interlocks of all commands that wait to be sent."""
    own = queries_interlocks.list_in_force(connection)
    kinds = {row.kind for row in own}
    kinds |= {name for name, kind in catalogue.commands.items() if kind.interlocks}
    waiting = queries_interlocks.list_waiting(connection, kinds & catalogue.commands.keys())
    answers: dict[tuple[Condition, bool], Message | None] = {}
    refusals: dict[UUID, Message] = {}
    for command in waiting:
        if command.overridden:
            continue
        try:
            conditions = _conditions_of(command, catalogue, own)
        except Exception as error:  # noqa: BLE001  the row's failure, and no other's
            refusals[command.id] = Message(
                "its interlocks cannot be asked: {error}", make_storable(str(error))
            )
            continue
        for condition in conditions:
            problem = None
            for sent_only in (False, True) if command.by_rule else (False,):
                key = condition, sent_only
                if key not in answers:
                    answers[key] = _refuse(
                        connection, load, catalogue, condition, sent_only=sent_only
                    )
                problem = problem or answers[key]
            if problem is not None:
                refusals[command.id] = problem
                break
    passed = frozenset(command.id for command in waiting) - refusals.keys()
    return Checked(kinds=frozenset(kinds), passed=passed, refusals=refusals)


def _conditions_of(
    command: WaitingCommand, catalogue: Catalogue, own: Sequence[OwnInterlock]
) -> list[Condition]:
    kind = catalogue.commands[command.kind]
    return find_conditions(
        kind, kind.choice_of(command.parameters), command.device, command.site, own
    )


def _refuse(
    connection: Connection,
    load: Load,
    catalogue: Catalogue,
    condition: Condition,
    *,
    sent_only: bool,
) -> Message | None:
    """Why a condition holds commands back now; None: it does not.

    A default that its site cannot answer is asked of the gauges whose water comes there.
    """
    now, registry = queries.read_clock(connection), load(connection)

    def answer(condition: Condition) -> Answer:
        try:
            (answer,) = ask(
                connection,
                registry,
                catalogue,
                condition,
                until=micros(now),
                sent_only=sent_only,
            )
        except TerritoryError as error:  # a word of it is gone since it was written
            return Answer(condition=condition, ruling=None, problem=Message("{error}", str(error)))
        return answer

    answers = [answer(condition)]
    if answers[0].ruling is None and not condition.own:
        gauges = list_gauges(registry, condition.place, now)
        answers = [answer(replace(condition, place=gauge)) for gauge in gauges]
        if not gauges:
            problem = Message(
                "{site} does not measure it, and no gauge is tied to it: an administrator sets an"
                " interlock that asks one",
                condition.place,
            )
            answers = [Answer(condition=condition, ruling=None, problem=problem)]
    return next(filter(None, map(describe_refusal, answers)), None)


def list_gauges(registry: Registry, site: str, now: datetime) -> list[str]:
    """The gauges whose water reaches an asset that stands at a site."""
    assets = {asset.name for asset in registry.assets.values() if asset.site == site}
    reaches = {
        revision.key: revision.value
        for revision in registry.revisions
        if revision.kind == "reach" and revision.key in assets and revision.effective <= now
    }
    return sorted({str(value["gauge"]) for value in reaches.values() if value is not None})


def describe_refusal(answer: Answer) -> Message | None:
    """Why a condition refuses a command, what it saw, and who could let it pass."""
    condition, ruling = answer.condition, answer.ruling
    release = Message("an administrator may let one command pass, with a reason")
    if ruling is None:
        return Message(
            "interlock {condition!r}: {problem}; {release}",
            *(condition.text, answer.problem or "", release),
        )
    seen = ", ".join(each.text for each in ruling.seen)
    if ruling.holds:
        return None
    if ruling.holds is None:
        return Message(
            "interlock {condition!r} at {site} cannot be decided, as readings lack ({seen});"
            " {release}",
            *(condition.text, condition.place, seen, release),
        )
    return Message(
        "interlock {condition!r} at {site} is not met ({seen}); {release}",
        *(condition.text, condition.place, seen, release),
    )


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A decision of a site. `owner`: device/<name> or a site; `condition` None: withdraw."""

    owner: str
    kind: str
    choice: str = ""
    condition: str | None
    place: str | None = None
    effective: datetime | None = None
    author: str
    reason: str


def site_of(connection: Connection, owner: str) -> tuple[str, str | None]:
    """The site and device of an owner. Raises NotFoundSiteError."""
    name = owner.removeprefix("device/")
    if name != owner:
        devices = list_devices(connection, queries.read_clock(connection), names=[name])
        if not devices:
            raise NotFoundSiteError("there is no device {name!r}", name)
        return devices[0].site, name
    return owner, None


def change(
    connection: Connection, registry: Registry, catalogue: Catalogue, setting: Setting
) -> None:
    """Record an interlock of a site or device, or its end; raises as `check`."""
    check(connection, registry, catalogue, setting)
    record(connection, setting, seen=LATEST)


def check(
    connection: Connection, registry: Registry, catalogue: Catalogue, setting: Setting
) -> None:
    """Whether an interlock can be set so.

    Raises CommandError, RuleError: it is none, with what was expected.
    """
    kind = catalogue.commands.get(setting.kind)
    if kind is None:
        raise NoCommandError(
            "there is no command {name!r}{hint}",
            *(setting.kind[:60], did_you_mean(setting.kind, catalogue.commands)),
        )
    if not setting.reason.strip():
        raise CommandError("no reason is given; say why in a few words")
    choices = [choice.name for each in kind.parameters for choice in each.choices]
    if setting.choice and setting.choice not in choices:
        raise CommandError(
            "{kind} has no choice {name!r}{hint}",
            *(kind.name, setting.choice[:60], did_you_mean(setting.choice, choices)),
        )
    if setting.effective is not None and setting.effective.tzinfo is None:
        raise CommandError(
            "effective {effective} has no offset: write Z for UTC", setting.effective.isoformat()
        )
    site, _ = site_of(connection, setting.owner)
    _domain_of(registry, site)
    if setting.condition is not None:
        condition = Condition(text=setting.condition, place=setting.place or site, own=True)
        now = micros(queries.read_clock(connection))
        (answer,) = ask(connection, registry, catalogue, condition, until=now)
        if answer.ruling is None:
            raise CommandError("{problem}", answer.problem)


def record(connection: Connection, setting: Setting, *, seen: int | None) -> None:
    """Record an interlock that was checked. `seen`: the last decision that its author saw.

    Raises as `require_no_later`.
    """
    site, device = site_of(connection, setting.owner)
    queries_interlocks.lock(connection)
    last = queries_interlocks.read_last(connection, (site, device), setting.kind)
    require_no_later(
        seen, last, Message("the interlock of {owner} for {kind}", setting.owner, setting.kind)
    )
    place = setting.place or site
    queries_interlocks.insert(
        connection,
        site=site,
        device=device,
        kind=setting.kind,
        choice=setting.choice,
        condition=setting.condition,
        place=place,
        effective=setting.effective or queries.read_clock(connection),
        author=setting.author,
        reason=setting.reason.strip(),
    )
    audit.record(
        connection,
        kind="command",
        subject=setting.owner,
        reason=setting.reason,
        author=setting.author,
        details={
            "act": "interlock",
            "command": setting.kind,
            "choice": setting.choice,
            "condition": setting.condition,
            "place": place,
        },
    )
