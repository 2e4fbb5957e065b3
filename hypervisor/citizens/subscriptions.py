"""What citizens do to subscriptions: ask for one, confirm it, leave."""

from dataclasses import dataclass

from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings
from hypervisor.citizens import mail_address, push_hosts
from hypervisor.citizens import queries_subscriptions as queries
from hypervisor.citizens.address_key import AddressKey
from hypervisor.citizens.errors import SubscriptionError
from hypervisor.citizens.push_hosts import PushHosts
from hypervisor.citizens.push_service import Browser
from hypervisor.database.connect import Connection

_SHORTEST_KEY = 32  # characters


def require_key(settings: Settings) -> None:
    """Raises SubscriptionError: the settings have no secret that is long enough."""
    if len(settings.citizens_key) < _SHORTEST_KEY:
        raise SubscriptionError(
            "HYPERVISOR_CITIZENS_KEY has {count} characters; expected {least} or more",
            len(settings.citizens_key),
            _SHORTEST_KEY,
        )


def is_open(settings: Settings, mode: Mode) -> bool:
    """Whether citizens may subscribe by any way: the page is public, this is no exercise."""
    return (
        mode is Mode.LIVE
        and settings.public_page == "public"
        and bool(settings.public_url)
        and len(settings.citizens_key) >= _SHORTEST_KEY
    )


def is_offered(settings: Settings, mode: Mode) -> bool:
    """Whether they may by mail."""
    return is_open(settings, mode) and bool(settings.citizens_mail)


def allows_push(settings: Settings, mode: Mode) -> bool:
    """Whether they may by web push, once the instance has its key."""
    return is_open(settings, mode) and bool(push_hosts.parse(settings.citizens_push).entries)


@dataclass(frozen=True, kw_only=True)
class Subscriptions:
    """Subscriptions of one instance."""

    key: AddressKey

    def request(self, connection: Connection, address: str, *, commune: str, language: str) -> None:
        """Have somebody asked whether the address is theirs; nothing tells if it is there already.

        Raises SubscriptionError: it is no mail address.
        """
        address = mail_address.normalise(address.strip(" "))
        self._request(
            connection,
            queries.NewSubscription(
                channel="mail",
                digest=self.key.digest(address),
                mailbox=self.key.digest(mail_address.name_mailbox(address)),
                address=self.key.encrypt(address),
                destination=None,
                commune=commune,
                language=language,
            ),
        )

    def request_push(
        self,
        connection: Connection,
        hosts: PushHosts,
        browser: Browser,
        *,
        commune: str,
        language: str,
    ) -> None:
        """Have a browser asked to confirm.

        Raises EndpointError: its service is not allowed, or these are no keys.
        """
        parts = hosts.require(browser.endpoint)
        browser.require_keys()
        digest = self.key.digest(browser.endpoint)
        self._request(
            connection,
            queries.NewSubscription(
                channel="push",
                digest=digest,
                mailbox=digest,
                address=self.key.encrypt(browser.write()),
                destination=push_hosts.name_destination(parts),
                commune=commune,
                language=language,
            ),
        )

    def _request(self, connection: Connection, new: queries.NewSubscription) -> None:
        queries.delete_old(connection)
        queries.request_subscription(connection, new)

    def end_push(self, connection: Connection, endpoint: str) -> None:
        """Delete all that is stored of a browser."""
        queries.delete_digest(connection, self.key.digest(endpoint))

    def find_commune(self, connection: Connection, token: str) -> str | None:
        """The commune that a link to confirm is about; None: it is too old, or not ours."""
        number = self.key.read_token("confirm", token)
        return None if number is None else queries.find_commune(connection, number)

    def confirm(self, connection: Connection, token: str) -> bool:
        """Whether the subscription is confirmed now."""
        number = self.key.read_token("confirm", token)
        return number is not None and queries.confirm(connection, number)

    def leave(self, connection: Connection, token: str) -> bool:
        """Delete all that is stored of an address. False: no link of ours."""
        number = self.key.read_token("leave", token)
        if number is not None:
            queries.delete_address(connection, number)
        return number is not None
