"""Commands given, signed and taken back: what people, rules and programs do, by whatever way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from hypervisor.base.translation import mark
from hypervisor.commands import queries, queries_interlocks, service_gateways
from hypervisor.commands.gateways import GatewayDevice
from hypervisor.commands.model import (
    REFUSALS,
    Command,
    CommandState,
    Expectation,
    NewCommand,
    NoCommandError,
    make_key,
    refuse_step,
)
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.registry.queries_devices import DeviceRow, list_devices
from sensors._command import CommandError, CommandKind, Value
from sensors._domain import Catalogue
from sensors._errors import Message
from sensors._nearest import did_you_mean, nearest_hint

_SUPERSEDED = mark("a newer command for the same actuator")
_SHORTEST = timedelta(seconds=1)
SELECTION = "devices"  # before names that a person chose; such a choice is commanded like a group
MOST = 60  # of them
_FORMS = {SELECTION: "group"}
UNDER_WAY = (
    *(CommandState.QUEUED, CommandState.SENT),
    *(CommandState.ACCEPTED, CommandState.ACKNOWLEDGED),
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be done. `target`: device/<name>, group/<name> or devices/<name>,<name>.

    `key`: chosen by the client, so that an order that is sent again is no second one; of a single
    device it is the command's own. `valid_for`: shorter than the kind's. `rule`: that orders.
    `override`: why an administrator lets it pass its interlocks. `since`: when what it answers
    began, from when on it is valid; None: now.
    """

    kind: str
    target: str
    parameters: Mapping[str, object]
    author: str
    reason: str
    key: UUID | None = None
    valid_for: timedelta | None = None
    alarm: int | None = None
    rule: str | None = None
    override: str = ""
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An order that can be given: its commands and the devices that they go to.

    `notes`: what its author should know of the way there.
    """

    commands: tuple[NewCommand, ...]
    devices: tuple[DeviceRow, ...]
    override: str = ""
    notes: tuple[Message, ...] = ()


def make_plan(
    connection: Connection, catalogue: Catalogue, order: Order, now: datetime | None = None
) -> Plan:
    """The commands that an order makes, of a connection that sees all of its devices.

    Raises:
        NoCommandError: there is no such kind, device or group.
        CommandError: the parameters, the reason or the validity are not as expected, or no device
            of the target obeys.
    """
    now = now or queries.read_clock(connection)
    kind = catalogue.commands.get(order.kind)
    if kind is None:
        raise NoCommandError(
            "there is no command {name!r}{hint}",
            *(order.kind[:60], did_you_mean(order.kind, catalogue.commands)),
        )
    if not order.reason.strip():
        raise CommandError("no reason is given; say why in a few words")
    parameters = kind.parse(order.parameters)
    devices = _list_targets(connection, catalogue, kind, order.target, now)
    ways = service_gateways.find_ways(connection, catalogue, devices, now)
    longest = kind.valid_for + ways.longest_wait
    if not _SHORTEST <= (order.valid_for or longest) <= longest:
        raise CommandError(
            "{kind} is valid for at least 1 s and at most {seconds} s",
            *(kind.name, f"{longest.total_seconds():g}"),
        )
    measured = queries.list_quantities(connection, [device.name for device in devices])
    batch = order.key or uuid4()
    start = min(now, order.since or now)
    grouped = not order.target.startswith("device/")
    commands = tuple(
        NewCommand(
            id=make_key(batch, device.name) if grouped else batch,
            batch=batch,
            kind=kind.name,
            parameters=parameters,
            actuator=kind.actuator,
            device=device.name,
            target=order.target,
            author=order.author,
            reason=order.reason.strip(),
            alarm=order.alarm,
            rule=order.rule,
            signatures=kind.signatures,
            expected=_expect(kind, parameters, measured.get(device.name, set())),
            within=kind.within + ways.wait(device.name),
            drafted_at=now,
            valid_until=start + (order.valid_for or kind.valid_for + ways.wait(device.name)),
        )
        for device in devices
    )
    if any(command.valid_until < now + _SHORTEST for command in commands):
        raise CommandError(
            "what it answers began {minutes} min ago: by now {kind} would no longer be valid",
            *(f"{(now - start).total_seconds() / 60:.0f}", kind.name),
        )
    ways.check_pace(commands)
    return Plan(
        commands=commands,
        devices=devices,
        override=order.override.strip(),
        notes=ways.list_notes(),
    )


def _list_targets(
    connection: Connection, catalogue: Catalogue, kind: CommandKind, target: str, now: datetime
) -> tuple[DeviceRow, ...]:
    """The devices of a target that obey; of a group those of its members that do."""
    what, _, name = target.partition("/")
    if _FORMS.get(what, what) not in kind.targets or not name:
        raise CommandError(
            "{target!r} is no target of {kind}: expected {forms}",
            *(target[:80], kind.name, ", ".join(f"{each}/NAME" for each in kind.targets)),
        )
    if names := list_named(target):
        devices = list_devices(connection, now, names=names)
        there = {device.name for device in devices}
        for missing in (each for each in names if each not in there):
            raise NoCommandError("there is no device {name!r}", missing)
        _require_obedience(connection, catalogue, kind, devices, now)
        return tuple(devices)
    if not queries.has_group(connection, name):
        raise NoCommandError("there is no group {name!r}", name)
    members = [each for each in list_devices(connection, now) if name in each.groups]
    behind = service_gateways.load_gateway_devices(connection, members)
    refusals = [find_refusal(catalogue, kind, each, behind, now) for each in members]
    obeying = tuple(each for each, no in zip(members, refusals, strict=True) if no is None)
    if not obeying:
        raise CommandError(
            "none of the {count} devices of {group!r} obeys {kind}{why}",
            *(len(members), name, kind.name),
            Message(": {problem}", refusals[0]) if members else "",
        )
    return obeying


def list_named(target: str) -> list[str]:
    """The devices that a target names itself, each once; none of a group's.

    Raises CommandError: they are too many.
    """
    what, _, name = target.partition("/")
    if what == "device":
        return [name]
    names = list(dict.fromkeys(name.split(","))) if what == SELECTION else []
    if len(names) > MOST:
        raise CommandError(
            "{count} devices at once are too many, the most is {most}: command their group",
            *(len(names), MOST),
        )
    return names


def _require_obedience(
    connection: Connection,
    catalogue: Catalogue,
    kind: CommandKind,
    devices: Sequence[DeviceRow],
    now: datetime,
) -> None:
    behind = service_gateways.load_gateway_devices(connection, devices)
    for device in devices:
        problem = find_refusal(catalogue, kind, device, behind, now)
        if problem is not None:
            raise CommandError("{problem}", problem)


def find_refusal(
    catalogue: Catalogue,
    kind: CommandKind,
    device: DeviceRow,
    behind: Mapping[str, GatewayDevice],
    now: datetime,
) -> Message | None:
    """Why a device cannot be commanded so; None: it can."""
    model = catalogue.models.get(device.model or "")
    if device.retired is not None and device.retired <= now:
        return Message("{device} is retired", device.name)
    if model is None or kind.name not in model.commands:
        obeyed = () if model is None else model.commands
        return Message(
            "{device} does not obey {kind}{hint}",
            *(device.name, kind.name, nearest_hint(kind.name, obeyed)),
        )
    return behind[device.name].refuse(model) if device.name in behind else None


def _expect(
    kind: CommandKind, parameters: Mapping[str, Value], measured: Iterable[str]
) -> Expectation | None:
    """The reading that confirms it: of the first quantity that the device measures."""
    for confirmation in kind.confirmed_by:
        if confirmation.quantity in measured:
            span = confirmation.expect(parameters[confirmation.parameter])
            if span is None:
                return None
            return Expectation(quantity=confirmation.quantity, low=span[0], high=span[1])
    return None


def give(connection: Connection, plan: Plan) -> list[Command]:
    """Draft the commands of a plan, and queue those that take one signature; by id.

    The same order again changes nothing. Raises CommandError: another one has its key.
    """
    ids = [command.id for command in plan.commands]
    there = {command.id: command for command in queries.list_by_id(connection, ids)}
    for command in plan.commands:
        if command.id in there and not _is_same(there[command.id], command):
            raise CommandError("the key {key} is another command's: choose a new one", command.id)
    fresh = [command for command in plan.commands if command.id not in there]
    if fresh:
        queries.insert(connection, fresh)
        first = fresh[0]
        _record(connection, fresh, act="draft", who=first.author, why=first.reason)
        if plan.override:
            keys = [command.id for command in fresh]
            queries_interlocks.insert_overrides(
                connection, keys, author=first.author, reason=plan.override
            )
            _record(connection, fresh, act="override", who=first.author, why=plan.override)
        single = [command.id for command in fresh if command.signatures == 1]
        queue(connection, single, who=first.author, why=first.reason, at=first.drafted_at)
    return queries.list_by_id(connection, ids)


def _is_same(stored: Command, command: NewCommand) -> bool:
    names = ("kind", "parameters", "device", "author", "target")
    return all(getattr(stored, name) == getattr(command, name) for name in names)


def queue(
    connection: Connection, ids: Sequence[UUID], *, who: str, why: str, at: datetime
) -> list[UUID]:
    """Let drafts be sent, and supersede what is under way for the same actuators; which they were.

    The only way into the queue: what may hold a command back is asked here.
    """
    older = queries.hold_actuators(connection, ids)
    queued = queries.move(
        connection, ids, CommandState.QUEUED, states=[CommandState.DRAFTED], at=at, who=who, why=why
    )
    if queued:
        queries.move(
            connection,
            older,
            CommandState.SUPERSEDED,
            states=UNDER_WAY,
            at=at,
            who=who,
            why=_SUPERSEDED,
        )
    return queued


def sign(connection: Connection, key: UUID, *, who: str, why: str = "") -> list[Command]:
    """Sign a draft, or all drafts of a batch, as the second person.

    Raises:
        NoCommandError: there is none of this key.
        CommandError: its author signs, or it does not wait for a signature.
    """
    drafts = _list_in(connection, key, [CommandState.DRAFTED])
    if any(draft.author == who for draft in drafts):
        raise CommandError(
            "you gave this command: it takes a second person who may countersign there"
        )
    at = queries.read_clock(connection)
    if any(draft.valid_until <= at for draft in drafts):
        raise CommandError(REFUSALS[CommandState.EXPIRED], drafts[0].id)
    queued = queue(connection, [draft.id for draft in drafts], who=who, why=why, at=at)
    if not queued:  # signed or cancelled in this moment
        raise refuse_step(queries.list_by_id(connection, [drafts[0].id])[0])
    _record(connection, drafts, act="sign", who=who, why=why or drafts[0].reason)
    return queries.list_by_id(connection, queued)


def cancel(connection: Connection, key: UUID, *, who: str, why: str) -> list[Command]:
    """Take back a command, or all of a batch, that is not sent yet.

    Raises:
        NoCommandError: there is none of this key.
        CommandError: all of it was sent already, or no reason is given.
    """
    if not why.strip():
        raise CommandError("no reason is given; say why in a few words")
    states = [CommandState.DRAFTED, CommandState.QUEUED]
    waiting = _list_in(connection, key, states)
    cancelled = queries.move(
        connection,
        [command.id for command in waiting],
        CommandState.CANCELLED,
        states=states,
        at=queries.read_clock(connection),
        who=who,
        why=why.strip(),
    )
    if not cancelled:  # sent in this moment
        raise refuse_step(queries.list_by_id(connection, [waiting[0].id])[0])
    _record(connection, waiting, act="cancel", who=who, why=why)
    return queries.list_by_id(connection, [command.id for command in waiting])


def _list_in(connection: Connection, key: UUID, states: Sequence[CommandState]) -> list[Command]:
    """The commands of this key that are in one of these states."""
    commands = queries.list_of(connection, key)
    if not commands:
        raise NoCommandError("there is no command {id}", key)
    chosen = [command for command in commands if command.state in states]
    if not chosen:
        raise refuse_step(commands[0])
    return chosen


def _record(
    connection: Connection,
    commands: Sequence[Command] | Sequence[NewCommand],
    *,
    act: str,
    who: str,
    why: str,
) -> None:
    """One act in the audit for an order, about its target."""
    first = commands[0]
    audit.record(
        connection,
        kind="command",
        subject=first.target,
        reason=why,
        author=who,
        details={
            "act": act,
            "command": first.kind,
            "parameters": dict(first.parameters),
            "key": str(first.batch),
            "devices": len(commands),
        },
    )
