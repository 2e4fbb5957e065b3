"""`hypervisor doctor`: checks of machine and instance: up, broker, database, gaps, web."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from types import ModuleType

from hypervisor.accounts import (
    queries_provider,
    queries_reader_sessions,
    service_provider,
)
from hypervisor.accounts.provider import load_provider
from hypervisor.accounts.provider_calls import ProviderError
from hypervisor.base import rooms
from hypervisor.base.failures import describe_failure
from hypervisor.base.findings import Finding, bad, good, warning
from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings
from hypervisor.broker import password_file, passwords, ports
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.mosquitto import DEMANDS
from hypervisor.broker.probe import ACCEPTED, SILENT, connack, get_login
from hypervisor.broker.server_account import server_account
from hypervisor.database.connect import StoreError, connect
from hypervisor.database.steps import ends_session
from hypervisor.stack import doctor_machine as machine
from hypervisor.stack import queries_doctor
from hypervisor.stack.doctor_certificates import check_certificates
from hypervisor.stack.doctor_gaps import check_gaps
from hypervisor.stack.run_state import BROKER_ASIDE, find_holder, read_state
from hypervisor.web import basemap
from sensors._errors import TerritoryError

LATE = timedelta(seconds=30)  # a healthy part reports every few seconds
_SHOWN = 10  # rules set aside
_UP = "`hypervisor up` (log/up.log of the data folder says why it stopped)"


def examine(settings: Settings, now: datetime) -> list[Finding]:
    """All findings; once nothing runs, the rest would only repeat it."""
    findings = [
        *machine.check_python(),
        *machine.check_clock(),
        *machine.check_school_holidays(now.date()),
    ]
    if is_private(settings):
        findings += [*machine.check_programs(), *machine.check_user()]
        findings += guard_access(lambda: machine.check_folder(settings.data), "data folder")
        if not settings.database_url:
            what = f"none was made in {settings.data}"
            return [*findings, bad("instance", what, "`hypervisor up` makes one")]
        findings += guard_access(lambda: check_supervision(settings), "up")
        if findings[-1].subject == "up" and findings[-1].state == "bad":
            return findings
    findings += guard_access(lambda: check_broker(settings), "broker")
    findings += check_database(settings, now)
    findings += check_gaps(settings, now)
    for room in rooms.modules("diagnosis"):
        findings += check_room(room, settings, now)
    findings += check_web(settings)
    findings += check_basemap(settings)
    findings += check_certificates(settings, now)
    findings += check_identity_provider(settings, now)
    return findings


def check_room(room: ModuleType, settings: Settings, now: datetime) -> list[Finding]:
    """What a room finds; nothing while the database is away, which its own check reports."""
    subject = room.__name__.split(".")[-2]
    try:
        with connect(settings.database_url) as connection:
            return list(room.check(connection, settings, now))
    except Exception as error:  # noqa: BLE001  one check that fails hides no other
        if isinstance(error, StoreError) or ends_session(error):
            return []
        what = f"cannot be checked: {describe_failure(error)}"
        return [bad(subject, what, "tell who maintains it")]


def check_supervision(settings: Settings) -> Iterator[Finding]:
    """Whether `up` runs, and how often it restarted its processes."""
    pid = find_holder(settings.data / "up.lock")
    instance = read_state(settings.data)
    if pid is None:
        yield bad("up", f"nothing runs in {settings.data}", _UP)
        return
    if instance is None or instance.pid != pid:
        yield warning("up", f"pid {pid} is starting or stopping", "try again in a moment")
        return
    yield good("up", f"pid {pid}")
    restless = {name: times for name, times in instance.restarts.items() if times}
    down = [name for name in instance.restarts if name not in instance.pids]
    logs = f"see the logs in {settings.data / 'log'}"
    if down:
        yield bad("processes", f"down just now: {', '.join(down)}", logs)
    elif restless:
        times = ", ".join(f"{name} {count} times" for name, count in restless.items())
        yield warning("processes", f"restarted: {times}", logs)
    else:
        yield good("processes", "none was restarted")


def check_broker(settings: Settings) -> Iterator[Finding]:
    where = f"{settings.broker_host}:{settings.parts_port}"
    user = settings.broker_user
    code = connack(settings.broker_host, settings.parts_port, user, settings.broker_password)
    state = read_state(settings.data)
    if code == SILENT and state is not None and BROKER_ASIDE in state.lacking:
        what = "it has left, since the disk is nearly full; the other two machines' go on"
        yield bad("broker", what, "free space on this disk: then it comes back by itself")
    elif code == SILENT:
        yield bad("broker", f"no answer at {where}", "`hypervisor up`")
    elif code == ACCEPTED:
        yield good("broker", f"{where} accepts {user!r}")
    else:
        mend = "HYPERVISOR_BROKER_PASSWORD must be the broker's; a private broker: restart `up`"
        yield bad("broker", f"{where} refuses {user!r}", mend)
    if code != SILENT and connack(settings.broker_host, settings.broker_port) == ACCEPTED:
        yield bad("broker", f"{where} accepts anonymous clients", "set allow_anonymous false")
    yield from _check_broker_settings(settings)


def _check_broker_settings(settings: Settings) -> Iterator[Finding]:
    """A private broker must have the settings with which no message is lost."""
    folder = DataFolder(root=settings.data, account=server_account())
    file = folder.broker / "mosquitto.conf"
    if not file.exists():
        return
    pairs = dict(line.split(" ", 1) for line in file.read_text().splitlines() if " " in line)
    wrong = [f"{key} {value}" for key, value in DEMANDS.items() if pairs.get(key) != value]
    if wrong:
        mend = f"`hypervisor down` and `hypervisor up`, which writes {file} again"
        yield bad("broker settings", f"wrong: {'; '.join(wrong)}", mend)
    else:
        yield good("broker settings", "no message is dropped")
    try:
        devices = sum(not passwords.is_own(name) for name in password_file.read(folder))
    except StackError as error:
        mend = "`hypervisor down` and `hypervisor up` restore it from its backup"
        yield bad("device accounts", str(error), mend)
    else:
        yield good("device accounts", f"{devices} at the broker")


def check_database(settings: Settings, now: datetime) -> Iterator[Finding]:
    """The database, and from it ingest and evaluation."""
    try:
        seen = queries_doctor.read_health(settings.database_url)
    except StoreError as error:
        yield bad("database", str(error), "`hypervisor up`, or correct HYPERVISOR_DATABASE_URL")
        return
    yield good("database", f"answers; TimescaleDB {seen.timescaledb}")
    if seen.lacking:
        yield bad("migrations", f"not applied: {', '.join(seen.lacking)}", "`hypervisor migrate`")
    else:
        yield good("migrations", "all applied")
    apart = abs(seen.clock - now)
    if apart > timedelta(seconds=2):
        mend = "synchronise the clocks of both machines (systemd-timesyncd or chrony)"
        yield bad("clocks", f"the database's is {apart.total_seconds():.0f} s off ours", mend)
    if seen.instance is None:
        yield bad("mode", "the database holds no instance yet", "`hypervisor migrate --mode …`")
        return
    yield good("mode", f"{seen.instance.mode.banner} {seen.instance.name!r}")
    yield from _check_ingest(seen, live=seen.instance.mode is Mode.LIVE)
    yield _check_evaluation(seen, now, live=seen.instance.mode is Mode.LIVE)
    for set_aside in seen.set_aside[:_SHOWN]:
        about = f"rule {set_aside.rule}" if set_aside.rule else "every rule"
        what = f"{about} at {set_aside.subject or 'every subject'} is not evaluated, noticed"
        mend = "correct or withdraw it; the watch then tries again and catches up"
        yield bad(
            "rules",
            f"{what} {set_aside.noticed_at:%Y-%m-%d %H:%M:%S %Z}: {set_aside.problem}",
            mend,
        )
    if len(seen.set_aside) > _SHOWN:
        more = f"{len(seen.set_aside) - _SHOWN} more are not evaluated"
        yield bad("rules", more, "the console's page Rules lists them")
    if seen.dead_letters_last_hour:
        what = f"{seen.dead_letters_last_hour} in the last hour"
        yield warning("dead letters", what, "`hypervisor dead-letters list` says why")
    if seen.dead_notifications:
        what = f"{seen.dead_notifications} given up: a recipient was not notified"
        mend = (
            "`hypervisor notify list --dead` says why, `hypervisor notify retry` sends them again"
        )
        yield bad("notifications", what, mend)
    if seen.failed_events:
        what = (
            f"{seen.failed_events} events within 7 days could not be decided at once, or were sent"
            " without details"
        )
        mend = "log/notify.log says why; `hypervisor notify list --held` and `--unrouted` show them"
        yield warning("notifications", what, mend)
    yield from check_readers(settings)


def check_readers(settings: Settings) -> Iterator[Finding]:
    """Whether SQL readers kept their settings and passwords."""
    try:
        seen = queries_reader_sessions.read_drift(
            settings.database_url, settings.reader_timeout_seconds
        )
    except StoreError:
        return  # an older schema, reported above
    if seen.settings:
        what = f"changed their own settings: {', '.join(seen.settings)}"
        yield warning("readers", what, "housekeeping resets them within a minute: does it run?")
    for role in seen.passwords:
        name = role.removeprefix("reader_")
        mend = f"`hypervisor reader rotate {name}`; its holder can do so again"
        yield warning("readers", f"{role} changed its own password", mend)
    if seen.functions:
        what = f"may call {seen.functions} functions with side effects, such as advisory locks"
        mend = "`hypervisor migrate` as a superuser, who owns PostgreSQL's functions"
        yield warning("readers", what, mend)


def _check_ingest(seen: queries_doctor.Health, *, live: bool) -> Iterator[Finding]:
    if not seen.workers:
        yield bad("ingest", "no worker has joined", "see log/ingest.log of the data folder")
    for worker in seen.workers:
        name = f"ingest {worker.name}"
        if not live:
            yield good(name, "has joined (in an exercise the player's clock is its heartbeat)")
        elif worker.silent_for is None or worker.silent_for > LATE:
            mend = "see its log (log/ingest.log of the data folder)"
            silent = worker.silent_for
            since = "never" if silent is None else f"{_format_seconds(silent)} ago"
            what = f"last heartbeat: {since}; silence is not evaluated until the next one"
            yield bad(name, what, mend)
        else:
            yield good(name, f"last heartbeat {_format_seconds(worker.silent_for)} ago")


def _check_evaluation(seen: queries_doctor.Health, now: datetime, *, live: bool) -> Finding:
    if seen.evaluated_to is None:
        mend = "it evaluates once readings or heartbeats come; see log/watch.log"
        return (bad if live else warning)("watch", "has evaluated nothing yet", mend)
    behind = max(now - seen.evaluated_to, seen.waited) if live else seen.waited
    if behind > LATE:
        what = f"is {_format_seconds(behind)} behind: alarms come so late"
        return bad("watch", what, "see log/watch.log of the data folder")
    return good("watch", f"has evaluated up to {seen.evaluated_to:%Y-%m-%d %H:%M:%S %Z}")


def check_web(settings: Settings) -> Iterator[Finding]:
    where = f"http://{settings.web_host}:{settings.web_port}"
    answer = get_login(ports.reachable_address(settings.web_host), settings.web_port)
    run = read_state(settings.data)
    if answer is None:
        yield bad("web", f"no answer at {where}", "see log/web.log of the data folder")
    elif run is not None and run.run_id != answer.run_id:
        mend = f"HYPERVISOR_WEB_PORT must be this instance's; it is at {run.web}"
        yield bad("web", f"another instance or program answers at {where}", mend)
    elif answer.status >= 500:
        what = f"{where}/login answers {answer.status}"
        yield bad("web", what, "see log/web.log of the data folder")
    else:
        yield good("web", f"answers at {where}")


def check_basemap(settings: Settings) -> Iterator[Finding]:
    """Whether the setting names a picture that the map can show."""
    if not settings.basemap.strip():
        return
    chosen = basemap.describe(settings.basemap, settings.data)
    mend = "HYPERVISOR_BASEMAP: `ign`, https://host/{z}/{x}/{y}.png, or name.pmtiles (docs/map.md)"
    if chosen.problem is not None:
        yield bad("basemap", str(chosen.problem), mend)
    elif not chosen.address:
        yield bad("basemap", f"{settings.basemap!r} names no tiles", mend)
    elif chosen.file is not None:
        file = chosen.file
        yield good(
            "basemap", f"{file.path.name}: {file.kind} tiles, zoom {file.low} to {file.high}"
        )


def check_identity_provider(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Whether people can sign in with the identity provider, and without it in an emergency."""
    subject = "identity provider"
    if not settings.oidc_issuer:
        return
    provider = load_provider(settings)
    if provider is None:
        yield bad(subject, "HYPERVISOR_OIDC_CLIENT_ID is not set", "set it as the provider gave it")
        return
    try:
        provider.read_keys(now)
    except ProviderError as error:
        mend = "local accounts sign in meanwhile; `hypervisor provider check` once it is back"
        yield bad(subject, str(error), mend)
    else:
        yield good(subject, f"answers at {settings.oidc_issuer}")
    try:
        with connect(settings.database_url) as connection:
            rules = service_provider.load_rules(connection)
            door = queries_provider.has_emergency_door(connection)
    except StoreError:  # the check of the database reports it
        return
    except TerritoryError as error:
        yield bad(subject, f"sign-in rules: {error}", "`hypervisor provider apply FILE`")
        return
    if rules is None:
        yield bad(
            subject, "no sign-in rules: its button is not shown", "`hypervisor provider apply FILE`"
        )
    if not door:
        mend = "`hypervisor account add NAME --role administrator`, kept for emergencies"
        yield warning(subject, "no local administrator signs in when it does not answer", mend)


def guard_access(look: Callable[[], Iterator[Finding]], subject: str) -> Iterator[Finding]:
    """Run a check; report that it lacks permission."""
    try:
        yield from look()
    except (PermissionError, StackError) as error:
        yield bad(subject, f"cannot be checked: {error}", "act as root or as the owner")


def is_private(settings: Settings) -> bool:
    """Whether `up` runs this instance's servers, rather than somebody else."""
    return (settings.data / "database").exists() or not settings.database_url


def _format_seconds(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else str(timedelta(seconds=seconds))
