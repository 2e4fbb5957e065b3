"""Start Patroni with a lease as short as the plan's, and a guard beside it.

Runs by itself, as a copy in the data folder, under the Python of Debian's Patroni:
`patroni_start.py patroni.yml DATABASE`, or `patroni_start.py check`. Patroni refuses a lease below
20 s, since a Patroni that hangs would leave its primary running beyond a shorter one. Here the
guard, a process of its own, kills the primary a second before its lease ends if Patroni has not
renewed it. Nothing that it needs for that is on the disk, which may be full.
"""

import importlib
import inspect
import json
import os
import select
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

LEAST = {"ttl": 5, "retry_timeout": 2}  # s; Patroni keeps `loop_wait` + 2 `retry_timeout` <= `ttl`
ANSWER_SECONDS = 1.0  # for each step of an answer of another machine; a lost one gives none
LOOK_SECONDS = 2.0  # between two looks where the leader of etcd is
HANG_SECONDS = 60.0  # without a round of Patroni's; then it ends, and `up` starts it again
GUARD = "guard"
CHECK = "check"
TESTED = "4.0.7"  # of Patroni; its repairs (4.0.8, …) are taken if what is changed is the same
# What is changed of Patroni, with its parameters. It has no setting, callback or request for any.
CHANGED = {
    "patroni.config:Config._Config__get_and_maybe_adjust_int_value": "self config param min_value",
    "patroni.dcs.etcd3:Etcd3Client._ensure_version_prefix": "self base_uri kwargs",
    "patroni.dcs.etcd3:Etcd3Client.machines_cache": "self",
    "patroni.dcs.etcd3:Etcd3Client.set_base_uri": "self value",  # called
    "patroni.ha:Ha._failsafe_config": "self",
    "patroni.ha:Ha._process_quorum_replication": "self",
    "patroni.ha:Ha.acquire_lock": "self",
    "patroni.ha:Ha.post_bootstrap": "self",
    "patroni.ha:Ha.run_cycle": "self",
    "patroni.ha:Ha.update_lock": "self update_status",
    "patroni.ha:Ha.watch": "self timeout",
    "patroni.request:PatroniRequest.__call__": "self member method endpoint data kwargs",
    "patroni.watchdog.base:WatchdogConfig.get_impl": "self",
}


def find_obstacle() -> str:
    """Why Patroni cannot be started as we change it, and what to do; "" if it can."""
    try:
        import etcd  # noqa: F401 -- Patroni's own library for it
    except ImportError as error:
        return f"Patroni cannot speak to etcd ({error}): apt install python3-etcd"
    try:
        from patroni.version import __version__ as version

        other = [where for where, words in CHANGED.items() if _list_parameters(where) != words]
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        return f"Patroni is not as we know it ({error}): install version {TESTED} (Debian 13)"
    if version.split(".")[:2] != TESTED.split(".")[:2] or other:
        parts = f", which differs in {', '.join(other)}" if other else ""
        return f"Patroni {version} is installed{parts}: tested is {TESTED} (Debian 13); install it"
    return ""


def _list_parameters(where: str) -> str:
    module, _, path = where.partition(":")
    value: Any = importlib.import_module(module)
    for name in path.split("."):
        value = getattr(value, name)
    return " ".join(inspect.signature(getattr(value, "fget", value)).parameters)


def guard(orders: int, data: Path) -> None:
    """Kill the database at the time of the last order (s, monotonic); "off" cancels it.

    Patroni may die: then the guard ends once the time is over, or when another guard goes on duty.
    """
    until: float | None = None
    orphaned = on_duty = False
    while not orphaned or until is not None:
        left = None if until is None else max(0.0, until - time.monotonic())
        if orphaned:
            time.sleep(left or 0.0)
        elif select.select([orders], [], [], left)[0]:
            words = os.read(orders, 4096).decode().split()
            orphaned = not words
            if words:
                until = None if words[-1] == "off" else float(words[-1])
                if not on_duty:
                    relieve_guards(data)
                on_duty = True
        if until is not None and time.monotonic() >= until:
            kill_database(data)
            say("the lease was not renewed in time: the database is killed")
            until = None


def relieve_guards(data: Path) -> None:
    """End the guards that former Patronis have left: this one has later orders."""
    own = _read_start(os.getpid())
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            words = (entry / "cmdline").read_text().split("\0")[:-1]
            mine = words[2:3] == [GUARD] and words[-1] == str(data)
            if mine and _read_start(int(entry.name)) < own:
                os.kill(int(entry.name), signal.SIGKILL)


def _read_start(pid: int) -> tuple[int, int]:
    """When a process was started, and its number: in the order of starting."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]), pid


def say(text: str) -> None:
    """Into the log, if there is room for it."""
    with suppress(OSError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def kill_database(data: Path) -> None:
    """End the server at once, and the sessions that would go on without it."""
    with suppress(OSError, ValueError, IndexError):
        server = int((data / "postmaster.pid").read_text().split()[0])
        if "postgres" not in Path(f"/proc/{server}/cmdline").read_text():
            return
        os.kill(server, signal.SIGSTOP)  # so that it starts nothing more
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError, IndexError):
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                if int(parent) == server:
                    os.kill(int(entry.name), signal.SIGKILL)
        os.kill(server, signal.SIGKILL)


class Leash:
    """What Patroni uses as its watchdog: tells the guard until when the database may live."""

    is_null = False
    is_healthy = can_be_disabled = True

    def __init__(self, data: Path) -> None:
        self.asked = time.monotonic()  # when the lease that is held was asked for, or is renewed
        self.timeout = 0
        self.is_running = False
        self._data = data
        self._start_guard()

    def open(self) -> None:
        self.is_running = True

    def close(self) -> None:
        self.is_running = False
        self._order("off")

    def keepalive(self) -> None:
        self._order(str(self.asked + self.timeout))

    def _order(self, word: str) -> None:
        try:
            os.write(self._orders, f"{word}\n".encode())
        except OSError:  # it was killed
            os.close(self._orders)
            self._start_guard()
            os.write(self._orders, f"{word}\n".encode())

    def _start_guard(self) -> None:
        """A process of its own, which outlives us by the rest of a lease."""
        reading, self._orders = os.pipe()
        command = [sys.executable, __file__, GUARD, str(reading), str(self._data)]
        self._guard = subprocess.Popen(command, pass_fds=[reading], start_new_session=True)
        os.close(reading)

    def has_set_timeout(self) -> bool:
        return True

    def set_timeout(self, timeout: int) -> None:
        self.timeout = timeout
        self.keepalive()

    def get_timeout(self) -> int:
        return self.timeout

    def describe(self) -> str:
        return GUARD


class Etcd:
    """The members of etcd, as this machine sees them.

    Its own should not lead while the primary database is here: a new leader of etcd grants every
    lease its whole time again, so a machine that has both costs two waits when it is lost.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.url = f"https://{settings['hosts'][0]}"
        self.context = ssl.create_default_context(cafile=settings["cacert"])
        self.context.load_cert_chain(settings["cert"], settings["key"])
        self.primary_until = 0.0
        self.spare = ""  # address of another member, which does not lead
        self.client: Any = None  # Patroni's

    def look_for_ever(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            with suppress(OSError, ValueError, KeyError):
                self._look()

    def list_addresses(self, first: str) -> list[str]:
        """List the members that a request tries in turn, for a second each.

        If the link to the machine that leads etcd is cut, our own member knows no leader; the
        third machine's member still does.
        """
        if not self.spare:
            return [first]
        return [first, self.url if first == self.spare else self.spare, first]

    def _look(self) -> None:
        status = self._ask("v3/maintenance/status", {})
        own, leader = status["header"]["member_id"], status.get("leader", "0")
        if leader == "0":
            return
        members = self._ask("v3/cluster/member/list", {})["members"]
        others = {each["ID"]: each["clientURLs"][0] for each in members if each["ID"] != own}
        self.spare = next((url for number, url in others.items() if number != leader), "")
        if self.client is not None and self.client.base_uri != self.url:
            self.client.set_base_uri(self.url)
        if leader == own and time.monotonic() < self.primary_until:
            self._move_leader(others)

    def _move_leader(self, others: dict[str, str]) -> None:
        for number, url in others.items():
            with suppress(OSError):
                self._ask("version", at=url)  # nothing moves to a lost one
                self._ask("v3/maintenance/transfer-leadership", {"targetID": number})
                return

    def _ask(self, path: str, question: dict[str, str] | None = None, *, at: str = "") -> Any:
        body = None if question is None else json.dumps(question).encode()
        request = Request(f"{at or self.url}/{path}", body)  # noqa: S310 -- https
        with urlopen(request, timeout=ANSWER_SECONDS, context=self.context) as answer:  # noqa: S310
            return json.load(answer)


def change_patroni(leash: Leash, etcd: Etcd) -> None:
    """Let it take our lease, our guard as its watchdog, and a lost machine's silence for short."""
    from patroni.config import Config
    from patroni.ha import Ha
    from patroni.request import PatroniRequest
    from patroni.watchdog.base import WatchdogConfig

    adjust: Callable[..., int] = Config._Config__get_and_maybe_adjust_int_value
    renew, acquire, request = Ha.update_lock, Ha.acquire_lock, PatroniRequest.__call__
    watch = Ha.watch
    bootstrap = Ha.post_bootstrap

    def adjust_with_ours(self: Any, config: Any, param: str, least: int) -> int:
        return adjust(self, config, param, LEAST.get(param, least))

    def renew_noting_when(self: Any, *args: Any, **kwargs: Any) -> bool:
        before, leash.asked = leash.asked, time.monotonic()
        renewed: bool = renew(self, *args, **kwargs)
        if renewed:
            etcd.primary_until = leash.asked + 2 * LOOK_SECONDS
        else:
            leash.asked = before
        return renewed

    def acquire_noting_when(self: Any) -> bool:
        leash.asked = time.monotonic()
        return bool(acquire(self))

    def bootstrap_noting_when(self: Any) -> Any:
        leash.asked = time.monotonic()  # the guard comes first, the lease of a new cluster then
        return bootstrap(self)

    def request_briefly(self: Any, *args: Any, **kwargs: Any) -> Any:
        if "timeout" in kwargs:
            kwargs["timeout"] = min(kwargs["timeout"], ANSWER_SECONDS)
        return request(self, *args, **kwargs)

    def watch_briefly(self: Any, timeout: float) -> Any:
        """It sleeps by the time of day: one that was set back would cost the lease."""
        return watch(self, min(timeout, self.dcs.loop_wait))

    Config._Config__get_and_maybe_adjust_int_value = adjust_with_ours
    Ha.update_lock, Ha.acquire_lock = renew_noting_when, acquire_noting_when
    Ha.watch = watch_briefly
    Ha.post_bootstrap = bootstrap_noting_when
    PatroniRequest.__call__ = request_briefly
    WatchdogConfig.get_impl = lambda _self: leash


def change_way_to_etcd(etcd: Etcd) -> None:
    """Let Patroni ask the members that `etcd` chooses."""
    from patroni.dcs.etcd3 import Etcd3Client

    def speak_v3(self: Any, *_: Any, **__: Any) -> None:
        """It would ask for the version once, before the third machine has ever started."""
        self.version_prefix, self._cluster_version = "/v3", (3, 5)

    def list_members(self: Any) -> list[str]:
        etcd.client = self
        return etcd.list_addresses(self.base_uri)

    Etcd3Client._ensure_version_prefix = speak_v3
    Etcd3Client.machines_cache = property(list_members)


def keep_last_copy() -> None:
    """Have the primary that loses its copies remember the last one that has every commit.

    Without a copy nothing more is committed. Patroni would forget it all the same, and once all
    machines were stopped it would promote only the former primary.
    """
    from patroni.ha import Ha

    replicate, list_failsafe = Ha._process_quorum_replication, Ha._failsafe_config

    def replicate_if_there_is_a_copy(self: Any) -> None:
        sync = self.cluster.sync
        remembered = sync.voters and sync.leader_matches(self.state_handler.name)
        if not remembered or self.state_handler.sync_handler.current_state(self.cluster).active:
            replicate(self)

    def list_failsafe_with_voters(self: Any) -> dict[str, str] | None:
        """Only machines in this list take part in the race for the lease."""
        names: dict[str, str] | None = list_failsafe(self)
        before, voters = self.dcs.failsafe, self.cluster.sync.voters
        if names is None or not isinstance(before, dict):
            return names
        return {name: url for name, url in before.items() if name in voters} | names

    Ha._process_quorum_replication = replicate_if_there_is_a_copy
    Ha._failsafe_config = list_failsafe_with_voters


def end_if_it_hangs() -> None:
    """End a Patroni that makes no more rounds: its database goes on, and the next one takes it up.

    Seen on a machine whose processes got no processor for seconds: it waited for ever for the start
    of a database.
    """
    from patroni.ha import Ha

    run_cycle, rounds = Ha.run_cycle, [time.monotonic()]

    def run_noting_when(self: Any) -> Any:
        rounds[0] = time.monotonic()
        return run_cycle(self)

    def look() -> None:
        while time.monotonic() - rounds[0] < HANG_SECONDS:
            time.sleep(LOOK_SECONDS)
        say(f"no round for {HANG_SECONDS:g} s: Patroni ends")
        os._exit(1)

    Ha.run_cycle = run_noting_when
    threading.Thread(target=look, daemon=True).start()


def main() -> None:
    if sys.argv[1] == GUARD:
        guard(int(sys.argv[2]), Path(sys.argv[3]))
        return
    obstacle = find_obstacle()
    if obstacle or sys.argv[1] == CHECK:
        sys.exit(obstacle or 0)
    import yaml
    from patroni.__main__ import main as run_patroni

    config, data = Path(sys.argv[1]), Path(sys.argv[2])
    etcd = Etcd(yaml.safe_load(config.read_text())["etcd3"])
    threading.Thread(target=etcd.look_for_ever, daemon=True).start()
    change_patroni(Leash(data), etcd)
    change_way_to_etcd(etcd)
    keep_last_copy()
    end_if_it_hangs()
    sys.argv = ["patroni", str(config)]
    run_patroni()


if __name__ == "__main__":
    main()
