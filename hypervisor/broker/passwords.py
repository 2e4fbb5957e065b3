"""The broker's accounts and what each may read and write."""

import re
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from hypervisor.base.instance import Mode
from hypervisor.broker import password_file
from hypervisor.broker.binaries import BrokerPrograms
from hypervisor.broker.child import run_as
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import DataFolder
from ingest.topics import (
    BROKER_START,
    COMMAND_FENCE,
    DROPPED,
    PLAYED,
    THE_THINGS_STACK_EVENTS,
)

INGEST = "ingest"  # for people and tools: reads what the session reads
SESSION = "ingest.session"  # ingest itself; connecting as it takes over ingest's queue
NOTIFY = "ingest.notify"  # publishes notifications
KEEPER = "ingest.keeper"  # of the broker's keeper: receives ingest's requests to suspend accounts
PLAYER = "player"
READER = "alarms"  # reads notifications on the broker; has no password at first
READERS = f"{READER}."  # and a name: further ones, since an account is connected once
COMMANDS = "ingest.commands"  # sends commands to devices; of a live instance's broker
REHEARSAL = "ingest.rehearsal"  # the same of an exercise's, where no device listens
OBSERVER = "ingest.observations"  # tells new readings (SensorThings)
LISTENERS = "observations."  # and an account of the hypervisor: it hears its territory's
OBSERVED = "v1.1"  # the first level of these topics: the standard's version
SPARKPLUG = "ingest.sparkplug"  # the bridge, which has an account where the settings say so
SPARKPLUG_TOPICS = (
    *(f"spBv1.0/+/{kind}/+" for kind in ("NBIRTH", "NDATA", "NDEATH")),
    *(f"spBv1.0/+/{kind}/+/+" for kind in ("DBIRTH", "DDATA", "DDEATH")),
)
SPARKPLUG_STATE = "spBv1.0/STATE/hypervisor"
PROBE = "probe"  # may do nothing; its changing password proves that the broker has reloaded
PARTS = (INGEST, SESSION, NOTIFY, KEEPER, OBSERVER)  # one password; no device's name has a dot
SENDERS = {Mode.LIVE: COMMANDS, Mode.EXERCISE: REHEARSAL}
RESERVED = frozenset({*PARTS, *SENDERS.values(), SPARKPLUG, PLAYER, PROBE, READER})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

# What network servers and concentrators publish, and what network servers are sent. A gateway
# cannot write what it is sent: the sender of commands concludes from that what the broker took.
_FROM_GATEWAYS = (
    "application/+/device/+/event/+",  # ChirpStack v4
    "v3/+/devices/+/up",  # The Things Stack v3
    *(f"v3/+/devices/+/down/{event}" for event in THE_THINGS_STACK_EVENTS),
    "devices/+/readings",
    "senml",
)
_TO_GATEWAYS = (
    "application/+/device/+/command/down",
    "v3/+/devices/+/down/push",
    "v3/+/devices/+/down/replace",
)


def _list_rules(before: str, topics: Iterable[str]) -> str:
    return "\n".join(f"{before}{topic}" for topic in topics)


# Any other account may only publish under its own name (the patterns).
ACCESS = f"""\
# Written by `hypervisor up`; changes are lost.
pattern write devices/%u/readings
pattern write devices/%u/senml
{_list_rules("pattern write gateways/%u/", _FROM_GATEWAYS)}
{_list_rules("pattern read gateways/%u/", _TO_GATEWAYS)}
pattern read devices/%u/commands
pattern write devices/%u/commands/+/ack

user {INGEST}
topic read devices/+/readings
topic read devices/+/senml
topic read devices/+/commands/+/ack
topic read gateways/#
topic read exercise/#
topic readwrite hypervisor/heartbeat/#

user {SESSION}
topic read devices/+/readings
topic read devices/+/senml
topic read devices/+/commands/+/ack
topic read gateways/#
topic read exercise/#
topic readwrite hypervisor/heartbeat/#
topic read hypervisor/session
topic read {DROPPED}
topic write hypervisor/pause/#
topic write hypervisor/ingest

user {KEEPER}
topic read hypervisor/pause/#
topic read hypervisor/ingest

user {NOTIFY}
topic write hypervisor/alarms/#

user {COMMANDS}
topic readwrite devices/+/commands
{_list_rules("topic readwrite gateways/+/", _TO_GATEWAYS)}
topic readwrite {COMMAND_FENCE}
topic read {BROKER_START}

user {REHEARSAL}
topic readwrite {PLAYED}devices/+/commands
{_list_rules(f"topic readwrite {PLAYED}gateways/+/", _TO_GATEWAYS)}
topic readwrite {PLAYED}{COMMAND_FENCE}
topic read {BROKER_START}

user {OBSERVER}
topic write {OBSERVED}/#

user {PLAYER}
topic write devices/+/readings
topic write devices/+/senml
{_list_rules("topic write gateways/+/", _FROM_GATEWAYS)}
topic write exercise/#
topic read {PLAYED}devices/+/commands
"""

# Added where there is a bridge. An edge node is called like its account.
_SPARKPLUG_ACCESS = f"""
pattern write spBv1.0/+/NBIRTH/%u
pattern write spBv1.0/+/NDATA/%u
pattern write spBv1.0/+/NDEATH/%u
pattern write spBv1.0/+/DBIRTH/%u/+
pattern write spBv1.0/+/DDATA/%u/+
pattern write spBv1.0/+/DDEATH/%u/+
pattern read spBv1.0/+/NCMD/%u
pattern read spBv1.0/+/DCMD/%u/+
pattern read {SPARKPLUG_STATE}

user {SPARKPLUG}
topic write spBv1.0/+/NCMD/+
topic write {SPARKPLUG_STATE}
topic write gateways/+/senml
""" + "".join(f"topic read {topic}\n" for topic in SPARKPLUG_TOPICS)


def access_list(*, sparkplug: bool) -> str:
    """What our own accounts may read and write, and any other below its own name."""
    return ACCESS + (_SPARKPLUG_ACCESS if sparkplug else "")


def reader_account(name: str) -> str:
    """The account of a listener to notifications; with a name, of a further one.

    Raises StackError: `name` cannot be a part of it.
    """
    if name and not _NAME.fullmatch(name):
        raise StackError(f"{name!r} cannot be a listener's name: letters, digits, '-' and '_'")
    return f"{READERS}{name}" if name else READER


def is_own(account: str) -> bool:
    """Whether the account belongs to the hypervisor, not to a device."""
    return account in RESERVED or account.startswith((READERS, LISTENERS))


def listener_account(name: str) -> str:
    """The broker's account for listening to new readings as an account of the hypervisor.

    Raises StackError: `name` cannot be a part of it.
    """
    if not _NAME.fullmatch(name):
        raise StackError(f"{name!r} cannot be a listener's name: letters, digits, '-' and '_'")
    return f"{LISTENERS}{name}"


def write_topics(folder: DataFolder, account: str, topics: Sequence[str]) -> None:
    """Note what a listener may read, for the next access list."""
    folder.folder(_topics_folder(folder))
    folder.write(_topics_folder(folder) / account, "\n".join(topics) + "\n")


def _topics_folder(folder: DataFolder) -> Path:
    return folder.broker / "topics"


def _list_topics(folder: DataFolder, account: str) -> Iterator[str]:
    file = _topics_folder(folder) / account
    yield from file.read_text().splitlines() if file.exists() else ()


def write_access(folder: DataFolder) -> None:
    """Write the access list of the existing accounts."""
    names = sorted(password_file.read(folder))
    readers = {READER, *(name for name in names if name.startswith(READERS))}
    topics = {name: ["hypervisor/alarms/#"] for name in sorted(readers)}
    topics |= {name: list(_list_topics(folder, name)) for name in names
               if name.startswith(LISTENERS)}  # fmt: skip
    listen = "".join(
        "".join([f"\nuser {name}\n", *(f"topic read {topic}\n" for topic in own)])
        for name, own in topics.items()
    )
    folder.write(access_file(folder), access_list(sparkplug=SPARKPLUG in names) + listen)


def new_password() -> str:
    """A random password without hyphens: at its beginning commands take it for an option."""
    return secrets.token_urlsafe(24).replace("-", "_")


def check_name(name: str) -> None:
    """Refuse what cannot be a device's account.

    Raises StackError: `name` would not be one level of a topic, or belongs to the hypervisor
    itself.
    """
    if not _NAME.fullmatch(name):
        raise StackError(
            "{name!r} cannot be a device's account: expected letters, digits, '-' and '_'", name
        )
    if name in RESERVED:
        raise StackError(
            "the account {name!r} is the hypervisor's own, no device may have it", name
        )


def access_file(folder: DataFolder) -> Path:
    return folder.broker / "access"


def change(
    folder: DataFolder,
    programs: BrokerPrograms,
    *,
    put: Mapping[str, str] | None = None,
    drop: frozenset[str] = frozenset(),
) -> None:
    """Set the passwords of `put` and remove `drop`, as one replacement of the file.

    Raises StackError: the file is damaged (nothing is changed), or a password cannot be hashed.
    """
    accounts = password_file.read(folder)
    kept = {name: hashed for name, hashed in accounts.items() if name not in drop}
    password_file.write(folder, {**kept, **_hash_passwords(folder, programs, put or {})})
    password_file.admit(folder)
    write_access(folder)


def _hash_passwords(
    folder: DataFolder, programs: BrokerPrograms, clear: Mapping[str, str]
) -> dict[str, str]:
    """Hash with the broker's own tool; through a file, since every user sees command lines."""
    if not clear:
        return {}
    with tempfile.NamedTemporaryFile("w", dir=folder.broker) as file:
        file.writelines(f"{name}:{password}\n" for name, password in clear.items())
        file.flush()
        folder.account.own(Path(file.name))
        done = run_as([programs.mosquitto_passwd, "-U", file.name], folder.account)
        if done.returncode:
            problem = (done.stderr or done.stdout).strip()
            raise StackError("mosquitto_passwd failed: {problem}", problem)
        lines = Path(file.name).read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)
