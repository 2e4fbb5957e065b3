"""The doctor's checks of one instance: up, broker, database, parts."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from hypervisor.accounts import queries_reader_sessions
from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings
from hypervisor.broker import password_file, passwords, ports, state
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder
from hypervisor.broker.mosquitto import DEMANDS
from hypervisor.broker.probe import ACCEPTED, SILENT, connack, get_login
from hypervisor.broker.server_account import server_account
from hypervisor.database.connect import StoreError
from hypervisor.evaluation import queries_health
from hypervisor.stack import lock
from hypervisor.stack.finding import Finding, bad, good, warning

LATE = timedelta(seconds=30)  # a healthy part reports every few seconds
_SHOWN = 10  # of what is set aside
_UP = "`hypervisor up` (log/up.log of the data folder says why it stopped)"


def check_supervision(settings: Settings) -> Iterator[Finding]:
    """Whether `up` runs, and how often it restarted its children."""
    pid = lock.find_holder(settings.data / "up.lock")
    instance = state.read(settings.data)
    if pid is None:
        yield bad("up", f"nothing runs in {settings.data}", _UP)
        return
    if instance is None or instance.pid != pid:
        yield warning("up", f"pid {pid} is starting or stopping", "look again in a moment")
        return
    yield good("up", f"pid {pid}")
    restless = {name: times for name, times in instance.restarts.items() if times}
    down = [name for name in instance.restarts if name not in instance.pids]
    logs = f"see the logs in {settings.data / 'log'}"
    if down:
        yield bad("processes", f"down just now: {', '.join(down)}", logs)
    elif restless:
        times = ", ".join(f"{name} {count} times" for name, count in restless.items())
        yield warning("processes", f"started again: {times}", logs)
    else:
        yield good("processes", "none had to be started again")


def check_broker(settings: Settings) -> Iterator[Finding]:
    where = f"{settings.broker_host}:{settings.parts_port}"
    user = settings.broker_user
    code = connack(settings.broker_host, settings.parts_port, user, settings.broker_password)
    if code == SILENT:
        yield bad("broker", f"nobody answers at {where}", "`hypervisor up`")
    elif code == ACCEPTED:
        yield good("broker", f"{where} lets {user!r} in")
    else:
        mend = "HYPERVISOR_BROKER_PASSWORD must be the broker's; a private broker: `up` again"
        yield bad("broker", f"{where} does not let {user!r} in", mend)
    if code != SILENT and connack(settings.broker_host, settings.broker_port) == ACCEPTED:
        yield bad("broker", f"{where} lets anybody in", "set allow_anonymous false")
    yield from _check_broker_settings(settings)


def _check_broker_settings(settings: Settings) -> Iterator[Finding]:
    """A private broker's settings must be those that lose nothing."""
    folder = DataFolder(root=settings.data, account=server_account())
    file = folder.broker / "mosquitto.conf"
    if not file.exists():
        return
    pairs = dict(line.split(" ", 1) for line in file.read_text().splitlines() if " " in line)
    wrong = [f"{key} {value}" for key, value in DEMANDS.items() if pairs.get(key) != value]
    if wrong:
        mend = f"stop, `hypervisor up` writes {file} anew"
        yield bad("broker settings", f"not as they must be: {'; '.join(wrong)}", mend)
    else:
        yield good("broker settings", "nothing is dropped in silence")
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
        seen = queries_health.look(settings.database_url)
    except StoreError as error:
        yield bad("database", str(error), "`hypervisor up`, or mend HYPERVISOR_DATABASE_URL")
        return
    yield good("database", f"answers; TimescaleDB {seen.timescaledb}")
    if seen.lacking:
        yield bad("migrations", f"not applied: {', '.join(seen.lacking)}", "`hypervisor migrate`")
    else:
        yield good("migrations", "all applied")
    apart = abs(seen.clock - now)
    if apart > timedelta(seconds=2):
        mend = "keep both machines' clocks right (systemd-timesyncd or chrony)"
        yield bad("clocks", f"the database's is {apart.total_seconds():.0f} s off ours", mend)
    if seen.instance is None:
        yield bad("mode", "nobody has said live or exercise", "`hypervisor migrate --mode …`")
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
        what = f"{seen.dead_notifications} given up: somebody was not told"
        mend = (
            "`hypervisor notify list --dead` says why, `hypervisor notify retry` sends them again"
        )
        yield bad("notifications", what, mend)
    yield from check_readers(settings)


def check_readers(settings: Settings) -> Iterator[Finding]:
    """Whether SQL readers kept their settings and passwords."""
    try:
        seen = queries_reader_sessions.read_drift(
            settings.database_url, settings.reader_timeout_seconds
        )
    except StoreError:
        return  # an older schema, said above
    if seen.settings:
        what = f"changed their own settings: {', '.join(seen.settings)}"
        yield warning("readers", what, "housekeeping takes them back within a minute: does it run?")
    for role in seen.passwords:
        name = role.removeprefix("reader_")
        mend = f"`hypervisor reader rotate {name}`; whoever has its password can do so again"
        yield warning("readers", f"{role} changed its own password", mend)
    if seen.functions:
        what = f"may call {seen.functions} functions that act, advisory locks among them"
        mend = "`hypervisor migrate`, as a superuser: PostgreSQL's own functions are nobody else's"
        yield warning("readers", what, mend)


def _check_ingest(seen: queries_health.Health, *, live: bool) -> Iterator[Finding]:
    if not seen.workers:
        yield bad("ingest", "no worker has joined", "see log/ingest.log of the data folder")
    for worker in seen.workers:
        name = f"ingest {worker.name}"
        if not live:
            yield good(name, "has joined (in an exercise the player's clock is its heartbeat)")
        elif worker.silent_for is None or worker.silent_for > LATE:
            mend = "see its log (log/ingest.log of the data folder)"
            since = (
                "never"
                if worker.silent_for is None
                else f"not for {_format_seconds(worker.silent_for)}"
            )
            what = f"heard {since}; silence is not judged until it, or another, is heard"
            yield bad(name, what, mend)
        else:
            yield good(name, f"heard {_format_seconds(worker.silent_for)} ago")


def _check_evaluation(seen: queries_health.Health, now: datetime, *, live: bool) -> Finding:
    if seen.evaluated_to is None:
        mend = "it judges once readings or heartbeats come; see log/watch.log"
        return (bad if live else warning)("watch", "has judged nothing yet", mend)
    if live and now - seen.evaluated_to > LATE:
        what = f"is {_format_seconds(now - seen.evaluated_to)} behind"
        return bad("watch", what, "see log/watch.log of the data folder")
    return good("watch", f"has judged up to {seen.evaluated_to:%Y-%m-%d %H:%M:%S %Z}")


def check_web(settings: Settings) -> Iterator[Finding]:
    where = f"http://{settings.web_host}:{settings.web_port}"
    answer = get_login(ports.reachable_address(settings.web_host), settings.web_port)
    run = state.read(settings.data)
    if answer is None:
        yield bad("web", f"nobody answers at {where}", "see log/web.log of the data folder")
    elif run is not None and run.run_id != answer.run_id:
        mend = f"HYPERVISOR_WEB_PORT must be this instance's; it is at {run.web}"
        yield bad("web", f"another instance or program answers at {where}", mend)
    elif answer.status >= 500:
        what = f"{where}/login answers {answer.status}"
        yield bad("web", what, "see log/web.log of the data folder")
    else:
        yield good("web", f"answers at {where}")


def guard_access(look: Callable[[], Iterator[Finding]], subject: str) -> Iterator[Finding]:
    """Report a check that lacks permission."""
    try:
        yield from look()
    except (PermissionError, StackError) as error:
        yield bad(subject, f"may not be looked at: {error}", "look as root or as the owner")


def is_private(settings: Settings) -> bool:
    """Whether `up` runs this instance's servers, rather than somebody else."""
    return (settings.data / "database").exists() or not settings.database_url


def report_missing(settings: Settings) -> Iterator[Finding]:
    """No instance exists here yet."""
    yield bad("instance", f"none was made in {settings.data}", "`hypervisor up` makes one")


def _format_seconds(span: timedelta) -> str:
    whole = int(span.total_seconds())
    return f"{whole} s" if whole < 120 else str(timedelta(seconds=whole))
