"""`hypervisor doctor --all`: the three machines of a cluster, asked from any one of them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from ssl import SSLContext

from hypervisor.base.findings import Finding, bad, good, warning
from hypervisor.base.settings import Settings
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import LEAST_FREE_BYTES, PLAN_FILE, SCARCE_BYTES, DataFolder
from hypervisor.broker.server_account import server_account
from hypervisor.cluster.clock import LIMIT_SECONDS
from hypervisor.cluster.etcd import SPACE_BYTES, EtcdState, trust
from hypervisor.cluster.management import BrokerState
from hypervisor.cluster.plan import MACHINES, Machine, Member, read_member
from hypervisor.cluster.survey import Asker, Copy, MachineSurvey
from hypervisor.database.connect import StoreError
from hypervisor.database.locks import Lock
from hypervisor.stack.queries_doctor import HeldLock, list_held_locks

_LAG_BYTES = 16 * 1024**2  # behind by more, a copy is no longer promoted
_LEFT = "its node has left, since its disk is nearly full; the other two go on"
_LOGS = "see log/{name}.log of that machine's data folder"
_WORK: Mapping[int, str] = {
    Lock.NOTIFIER: "notifications",
    Lock.ROLLING_UP: "roll-ups",
    Lock.HOUSEKEEPING: "housekeeping",
    Lock.COMMANDS: "commands",
    Lock.FEEDS: "official services",
    Lock.CITIZENS_MAIL: "mails to citizens",
    Lock.OBSERVATIONS: "observations",
    Lock.SPARKPLUG: "Sparkplug",
}


@dataclass(frozen=True, kw_only=True)
class MachineFinding(Finding):
    """`machine`: its number in the plan; None: about all three."""

    machine: int | None

    @property
    def label(self) -> str:
        return f"{self.machine or 'all'} {self.subject}"


@dataclass(frozen=True, kw_only=True)
class ClusterSurvey:
    """What all that answered said. `problems`: why a source of the rest did not, by its name.

    `thin_queues`: those of the broker that lack a copy on a machine.
    """

    own: Machine
    parts: int  # of ingest
    machines: Sequence[MachineSurvey]
    copies: Mapping[int, Copy]
    brokers: Mapping[int, BrokerState]
    held: Sequence[HeldLock]
    problems: Mapping[str, str]
    thin_queues: int = 0
    aside: int | None = None  # the machine whose broker has left, since its disk is nearly full


def examine_cluster(settings: Settings) -> list[MachineFinding]:
    """All findings, machine by machine, then those about all.

    Raises StackError: this machine belongs to no cluster.
    """
    return assess(_survey(_find_member(settings)))


def assess(seen: ClusterSurvey) -> list[MachineFinding]:
    """What follows from a survey."""
    findings: list[MachineFinding] = []
    for survey in seen.machines:
        number, address = survey.machine.number, survey.machine.address
        held = [each for each in seen.held if each.address == address]
        own = (*_check_machine(survey, seen), *_check_work(held, survey))
        findings += [_of(number, finding) for finding in own]
    common = [*_check_versions(seen), *_check_common(seen), _judge(seen)]
    return [*findings, *(_of(None, finding) for finding in common)]


def _survey(member: Member) -> ClusterSurvey:
    asker = Asker(member=member, context=_trust(member))
    problems: dict[str, str] = {}
    with ThreadPoolExecutor(MACHINES) as pool:
        machines = list(pool.map(asker.survey, member.plan.machines))
    brokers: Mapping[int, BrokerState] = {}
    held: Sequence[HeldLock] = ()
    thin_queues = 0
    aside = None
    with suppress(StackError):  # the check of etcd reports it
        aside = asker.find_aside()
    try:
        brokers = asker.list_brokers()
        thin_queues = asker.count_thin_queues()
    except StackError as error:
        problems["broker"] = str(error)
    if "broker" in problems and aside == member.machine.number:
        problems["broker"] = _LEFT
    try:
        held = list_held_locks(member.plan.database_url())
    except StoreError as error:
        problems["database"] = str(error)
    return ClusterSurvey(
        own=member.machine,
        parts=member.plan.parts,
        machines=machines,
        copies=_list_copies(asker, machines),
        brokers=brokers,
        held=held,
        problems=problems,
        thin_queues=thin_queues,
        aside=aside,
    )


def _trust(member: Member) -> SSLContext:
    """With the certificates of the last start, or those of the plan."""
    files = member.find_secret_files()
    try:
        return trust(files if files.key.exists() else member.secret_files())
    except OSError as error:
        raise StackError(
            "the certificates in {folder} cannot be read: {error}; act as root or as their owner",
            files.key.parent,
            error.strerror,
        ) from error


def _find_member(settings: Settings) -> Member:
    if settings.machine is None or not (settings.data / PLAN_FILE).exists():
        raise StackError(
            "{folder} is no machine of a cluster: `hypervisor doctor` without --all checks it",
            settings.data,
        )
    folder = DataFolder(root=settings.data.absolute(), account=server_account())
    return read_member(folder, settings.machine)  # whatever room its disk has


def _of(number: int | None, finding: Finding) -> MachineFinding:
    return MachineFinding(machine=number, **asdict(finding))


def _list_copies(asker: Asker, surveys: Sequence[MachineSurvey]) -> Mapping[int, Copy]:
    """As the first machine that answers knows them: the primary's, where there is one."""
    by_primary = sorted(surveys, key=lambda each: not (each.database and each.database.is_primary))
    for survey in by_primary:
        if survey.database is not None:
            try:
                return asker.list_copies(survey.machine)
            except StackError:
                continue
    return {}


def _check_machine(survey: MachineSurvey, seen: ClusterSurvey) -> Iterator[Finding]:
    machine = survey.machine
    here = ", this one" if machine == seen.own else ""
    if not survey.answers:
        what = f"does not answer at {machine.address}"
        mend = (
            "is it on, on the network, and does `hypervisor up` run there? The firewall must let"
            " the ports of docs/several-machines.md through"
        )
        yield bad("machine", what, mend)
    else:
        version = (survey.database.version if survey.database else "") or "version not known"
        yield good("machine", f"{machine.address}{here}: {version}")
        yield _check_etcd(survey.etcd, survey.problems.get("etcd", ""))
        yield _check_database(survey, seen.copies.get(machine.number))
        if machine != seen.own:
            yield _check_clock(survey)
    if machine.number in seen.brokers:
        left = seen.aside == machine.number
        yield from _check_broker(seen.brokers[machine.number], left=left)


def _check_etcd(state: EtcdState | None, problem: str) -> Finding:
    if state is None:
        return bad("etcd", problem, _LOGS.format(name="etcd"))
    what = f"{state.version}, {'leader' if state.is_leader else 'follower'}"
    if not state.has_leader:
        what = f"{state.version}, knows no leader"
        return bad("etcd", what, "two machines must reach each other")
    if state.bytes_used > SPACE_BYTES / 2:
        what += f", {state.bytes_used / 1024**2:.0f} of {SPACE_BYTES / 1024**2:.0f} MiB used"
        return warning("etcd", what, "`etcdctl defrag`")
    return good("etcd", what)


def _check_database(survey: MachineSurvey, copy: Copy | None) -> Finding:
    state, mend = survey.database, _LOGS.format(name="patroni")
    if state is None:
        return bad("database", survey.problems.get("database", ""), mend)
    if not state.running:
        return bad("database", f"{state.role or 'no role'}, does not run", mend)
    if state.is_primary:
        return good("database", f"primary, timeline {state.timeline}")
    if copy is None or copy.lag is None:
        return warning("database", "copy; how far it is behind is not known", mend)
    return _check_copy(copy, copy.lag)


def _check_copy(copy: Copy, lag: int) -> Finding:
    what = f"copy, {lag / 1024**2:.1f} MiB behind"
    if copy.state != "streaming" or lag > _LAG_BYTES:
        return warning("database", f"{what}, {copy.state}", "it catches up by itself; look again")
    if not copy.confirms:
        return warning("database", f"{what}; commits do not wait for it yet", "look again")
    return good("database", what)


def _check_clock(survey: MachineSurvey) -> Finding:
    mend = "NTP on both machines: systemd-timesyncd or chrony"
    if survey.offset is None:
        return bad("clock", survey.problems.get("clock", ""), "does `hypervisor up` run there?")
    what = f"{-survey.offset.seconds:+.3f} s against ours (± {survey.offset.uncertainty:.3f} s)"
    return bad("clock", what, mend) if survey.offset.exceeds(LIMIT_SECONDS) else good("clock", what)


def _check_broker(broker: BrokerState, *, left: bool = False) -> Iterator[Finding]:
    mend = _LOGS.format(name="broker")
    if not broker.running and left:
        yield bad(
            "broker", _LEFT, "free space on that machine's disk: then it comes back by itself"
        )
        return
    if not broker.running:
        yield bad("broker", "its node does not run", mend)
        return
    if broker.alarms:
        what = f"{broker.version}: takes no messages for want of {' and '.join(broker.alarms)}"
        yield bad("broker", what, "free some; devices keep what is not taken")
    else:
        yield good("broker", f"{broker.version}, up for {broker.up_seconds // 60} min")
    if broker.disk_free is None:
        return
    space = f"{broker.disk_free / 1024**3:.1f} GB free"
    if broker.disk_free < SCARCE_BYTES:
        yield bad("disk", space, "free space on that machine's disk")
    elif broker.disk_free < 2 * LEAST_FREE_BYTES:
        yield warning("disk", space, "free space on that machine's disk")
    else:
        yield good("disk", space)


def _check_work(held: Sequence[HeldLock], survey: MachineSurvey) -> Iterator[Finding]:
    """What its parts do just now."""
    parts: dict[int, list[int]] = defaultdict(list)
    for each in held:
        parts[each.lock].append(each.part or 0)
    words = []
    if Lock.WORKER in parts:
        words.append(f"ingest of parts {', '.join(map(str, sorted(parts[Lock.WORKER])))}")
    if Lock.WATCH in parts:
        words.append(f"evaluation of {len(parts[Lock.WATCH])} shards")
    words += [word for lock, word in _WORK.items() if lock in parts]
    if words:
        yield good("work", "; ".join(words))
    elif survey.answers:
        yield warning("work", "its parts hold no work", _LOGS.format(name="up"))


def _check_versions(seen: ClusterSurvey) -> Iterator[Finding]:
    versions = {each.database.version for each in seen.machines if each.database}
    if len(versions) > 1:
        what = f"the machines run {' and '.join(sorted(versions))}"
        yield warning("versions", what, "finish the upgrade: docs/several-machines.md")


def _check_common(seen: ClusterSurvey) -> Iterator[Finding]:
    if "broker" in seen.problems:
        what = f"{seen.problems['broker']}; so nothing is known of the nodes and their disks"
        yield bad("broker", what, "ask on another machine, too")
    if "database" in seen.problems:
        mend = "two machines must run and reach each other"
        yield bad("database", seen.problems["database"], mend)
        return
    taken = {each.part for each in seen.held if each.lock == Lock.WORKER}
    free = [str(part) for part in range(1, seen.parts + 1) if part not in taken]
    if free:
        what = f"no process reads parts {', '.join(free)}; the broker keeps their messages"
        yield bad("ingest", what, _LOGS.format(name="ingest"))


def _judge(seen: ClusterSurvey) -> Finding:
    """Whether one machine may be lost now."""
    counts = {
        "etcd": sum(each.etcd is not None and each.etcd.has_leader for each in seen.machines),
        "databases": sum(
            each.database is not None and each.database.running for each in seen.machines
        ),
        "brokers": sum(each.running for each in seen.brokers.values()),
    }
    if "broker" in seen.problems:
        del counts["brokers"]
    few = [f"{count} of {MACHINES} {what}" for what, count in counts.items() if count < MACHINES]
    few += ["how many brokers run is not known"] if "broker" in seen.problems else []
    confirming = sum(copy.confirms for copy in seen.copies.values())
    if confirming < MACHINES - 1:
        few.append(f"{confirming} of {MACHINES - 1} copies of the database confirm commits")
    if seen.thin_queues and counts.get("brokers") == MACHINES:
        few.append(f"{seen.thin_queues} queues of the broker are not copied to all machines yet")
    if few:
        return bad("cluster", f"no further machine may be lost: {'; '.join(few)}", "see above")
    return good("cluster", "any one machine may be lost")
