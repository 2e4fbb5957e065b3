"""The access list of `passwords.py` as a cluster's broker asks for it: by routing key.

RabbitMQ says `.` for `/` and `*` for `+`. A device's name has no dot, so a level stays a level;
the dot of Sparkplug's first level becomes `___`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from hypervisor.broker import passwords

READ, WRITE = "read", "write"
_LEVEL = r"[^.#]+"  # a `#` would stand for several levels


@dataclass(frozen=True, kw_only=True)
class AccessRules:
    """`own`: account -> access -> topic filters; `devices`: of all others, `%u`: their name."""

    own: Mapping[str, Mapping[str, tuple[str, ...]]]
    devices: Mapping[str, tuple[str, ...]]


@lru_cache
def access_rules(*, sparkplug: bool) -> AccessRules:
    """What the access list of mosquitto says."""
    own: dict[str, dict[str, list[str]]] = {}
    devices: dict[str, list[str]] = {READ: [], WRITE: []}
    into = devices
    for line in passwords.access_list(sparkplug=sparkplug).splitlines():
        match line.split():
            case ["user", name]:
                into = own.setdefault(name, {READ: [], WRITE: []})
            case ["pattern", access, topic]:
                devices[access].append(topic)
            case ["topic", "readwrite", topic]:
                into[READ].append(topic)
                into[WRITE].append(topic)
            case ["topic", access, topic]:
                into[access].append(topic)
    return AccessRules(
        own={name: _freeze(rules) for name, rules in own.items()}, devices=_freeze(devices)
    )


def _freeze(rules: Mapping[str, Iterable[str]]) -> Mapping[str, tuple[str, ...]]:
    return {access: tuple(topics) for access, topics in rules.items()}


def routing_regex(topics: Iterable[str]) -> str:
    """A regular expression (PCRE, too) of the routing keys that these topic filters admit."""
    return f"^({'|'.join(map(_translate, topics)) or '(?!)'})$"


def _translate(topic: str) -> str:
    if topic == "#":
        return ".*"
    open_end = topic.endswith("/#")
    levels = topic.removesuffix("/#").replace("spBv1.0/", "spBv1___0/").split("/")
    key = r"\.".join(_LEVEL if level == "+" else re.escape(level) for level in levels)
    return key + (r"(\..*)?" if open_end else "")


@lru_cache
def _device_pattern(access: str, *, sparkplug: bool) -> re.Pattern[str]:
    """Of a device's name, a line break and a routing key below that name."""
    topics = access_rules(sparkplug=sparkplug).devices[access]
    keys = "|".join(_translate(topic).replace("%u", r"\1") for topic in topics)
    return re.compile(rf"([A-Za-z0-9_-]+)\n(?:{keys})")


def may_device(name: str, access: str, key: str, *, sparkplug: bool) -> bool:
    """Whether a device or gateway may publish under a routing key, or subscribe to it."""
    if access not in {READ, WRITE} or "\n" in name or "\n" in key:
        return False
    return _device_pattern(access, sparkplug=sparkplug).fullmatch(f"{name}\n{key}") is not None


def may_listener(topics: tuple[str, ...], key: str) -> bool:
    """Whether a subscription lies within what a listener may read."""
    return _listener_pattern(topics).fullmatch(key) is not None


@lru_cache(maxsize=256)
def _listener_pattern(topics: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(routing_regex(topics))
