"""The accounts of our own parts at RabbitMQ, as definitions that each node takes in at its start.

They are RabbitMQ's own, so that parts connect while the database, where devices' accounts are, is
away.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hypervisor.broker import passwords
from hypervisor.broker.access_rules import READ, WRITE, access_rules, routing_regex

MANAGER = "manager"  # closes connections, and sees how the node is
_ALL = ".*"
_READERS = {passwords.INGEST, passwords.SESSION}  # by AMQP from its own queues, too


def definitions(password: str, *, sparkplug: bool) -> Mapping[str, Any]:
    """Users with their permissions, in the form of RabbitMQ's definitions."""
    names = [*passwords.PARTS, passwords.COMMANDS]
    if sparkplug:
        names.append(passwords.SPARKPLUG)
    users = [_user(name, password) for name in names]
    return {
        "vhosts": [{"name": "/"}],
        "users": [*users, _user(MANAGER, password, "administrator")],
        "permissions": [*map(_permission, names), _permission(MANAGER)],
        "topic_permissions": list(_topic_permissions(names, sparkplug=sparkplug)),
    }


def _user(name: str, password: str, *tags: str) -> Mapping[str, Any]:
    salt = secrets.token_bytes(4)
    digest = hashlib.sha256(salt + password.encode()).digest()
    return {
        "name": name,
        "password_hash": base64.b64encode(salt + digest).decode(),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": list(tags),
    }


def _permission(name: str) -> Mapping[str, str]:
    """Of queues and exchanges: its own MQTT session; for ingest its queues, too."""
    own = rf"mqtt-(subscription|will)-{re.escape(name)}([.][0-9])?(qos[01])?"
    if name in _READERS:
        own += "|ingest[.].*"
    allowed = {"configure": f"^({own})$"}
    allowed |= dict.fromkeys(("write", "read"), f"^({own}|amq[.]topic)$")
    if name == MANAGER:
        allowed = dict.fromkeys(allowed, _ALL)
    return {"user": name, "vhost": "/", **allowed}


def _topic_permissions(names: Iterable[str], *, sparkplug: bool) -> Iterator[Mapping[str, str]]:
    rules = access_rules(sparkplug=sparkplug).own
    for name in names:
        keys = {access: routing_regex(rules[name][access]) for access in (READ, WRITE)}
        if name in _READERS:
            keys[READ] = _ALL  # it binds its queues to more than one level at once
        yield {"user": name, "vhost": "/", "exchange": "amq.topic", **keys}
