"""Whom a cluster's broker lets in, and what for: its questions, answered from memory.

RabbitMQ asks at each connection of a device, and for what it publishes and subscribes to first. All
devices ask at once when a machine is lost, so no answer waits for the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hypervisor.broker import passwords
from hypervisor.broker.access_rules import READ, may_device, may_listener
from hypervisor.broker.password_hash import fits
from hypervisor.broker.queries_accounts import AccountRow

ALLOW, DENY = "allow", "deny"
EXCHANGE = "amq.topic"  # through which the broker passes what is published by MQTT
_ALARMS = ("hypervisor/alarms/#",)
_WARNED_AT_MOST = 1_000


@dataclass(kw_only=True)
class Admission:
    """Answers by the accounts that it was given last; `open`: whether accounts are let in yet."""

    sparkplug: bool
    open: bool = False
    accounts: Mapping[str, AccountRow] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)  # for the log; the server takes them
    _warned: set[str] = field(default_factory=set)

    def answer(self, question: str, values: Mapping[str, str]) -> str:
        """To a question: `user`, `vhost`, `resource` or `topic`, each with its values."""
        name = values.get("username", "")
        account = self.accounts.get(name)
        if not self.open or account is None or account.paused:
            return DENY
        allowed = {
            "user": self._may_enter,
            "vhost": lambda _account, values: values.get("vhost") == "/",
            "resource": _may_use,
            "topic": self._may_speak,
        }.get(question)
        return ALLOW if allowed is not None and allowed(account, values) else DENY

    def _may_enter(self, account: AccountRow, values: Mapping[str, str]) -> bool:
        """Its password is right, and its client id its name: so no other takes over its session."""
        if not fits(values.get("password", ""), account.password_hash):
            return False
        client = values.get("client_id", "")
        if client != account.name:
            self._warn(account.name, client)
        return client == account.name

    def _warn(self, name: str, client: str) -> None:
        if name not in self._warned and len(self._warned) < _WARNED_AT_MOST:
            self._warned.add(name)
            self.warnings.append(
                f"{name} is refused: its client id is {client[:80]!r}, and must be {name!r}"
            )

    def _may_speak(self, account: AccountRow, values: Mapping[str, str]) -> bool:
        access, key = values.get("permission", ""), values.get("routing_key", "")
        if values.get("name") != EXCHANGE:
            return False
        if passwords.is_own(account.name):
            topics = account.topics if account.name.startswith(passwords.LISTENERS) else _ALARMS
            return access == READ and may_listener(tuple(topics), key)
        return may_device(account.name, access, key, sparkplug=self.sparkplug)


def _may_use(account: AccountRow, values: Mapping[str, str]) -> bool:
    """The queues of its own session, and the exchange; topics are asked for by themselves."""
    name, access = values.get("name", ""), values.get("permission", "")
    if values.get("resource") == "exchange":
        return name == EXCHANGE and access in {"read", "write"}
    session = f"mqtt-subscription-{account.name}qos"
    own = {f"{session}0", f"{session}1", f"mqtt-will-{account.name}"}
    return values.get("resource") == "queue" and name in own
