"""Which push services are asked. A browser names its own, so a client may name any address."""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from sensors._errors import TerritoryError

OFF, USUAL = "off", "usual"
# Of Chrome, Edge on other systems, Firefox, Safari, Edge on Windows.
_USUAL_HOSTS = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "*.push.apple.com",
    "*.notify.windows.com",
)
_LONGEST = 1_000  # characters of an endpoint
_LONGEST_NAME = 253  # characters of a host
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HTTPS = 443
_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST = IPv6Network("2000::/3")  # outside it `is_global` takes translated and site-local ones
Address = IPv4Address | IPv6Address


class EndpointError(TerritoryError):
    """An endpoint that is not asked: says why."""


class UnreachableError(EndpointError):
    """The service's name cannot be resolved now."""


@dataclass(frozen=True, kw_only=True)
class PushHosts:
    """The services that the setting allows: hosts, `*.` and a domain, each with a port or 443."""

    entries: Sequence[str]

    def require(self, endpoint: str) -> SplitResult:
        """The endpoint's parts. Raises EndpointError: it is none of a service that is allowed."""
        parts = _split(endpoint)
        if not any(_fits(entry, parts) for entry in self.entries):
            raise EndpointError("{host!r} is no push service that is allowed", parts.hostname)
        return parts

    def resolve(self, parts: SplitResult) -> str:
        """The address to connect to. Raises EndpointError: there is none, or a private one.

        Only an entry that is itself an address may be a private one: somebody wrote it down.
        """
        host, port = str(parts.hostname), parts.port or _HTTPS
        if _read_address(host) is not None:
            return host
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise UnreachableError(
                "the push service {host} cannot be found: {error}", host, error
            ) from error
        addresses = [str(each[4][0]) for each in rows]
        if not addresses:
            raise UnreachableError("the push service {host} has no address", host)
        for each in addresses:
            if not is_public(ip_address(each.partition("%")[0])):
                raise EndpointError(
                    "the push service {host} leads to {address}, which is not public", host, each
                )
        return addresses[0]


def parse(setting: str) -> PushHosts:
    """The hosts of the setting, whose words are checked where it is read."""
    words = [word for word in setting.lower().replace(",", " ").split() if word != OFF]
    hosts = (host for word in words for host in (_USUAL_HOSTS if word == USUAL else (word,)))
    return PushHosts(entries=tuple(hosts))


def is_public(address: Address) -> bool:
    """Whether it is one of the internet, by whatever form it is written."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast


def _split(endpoint: str) -> SplitResult:
    if len(endpoint) > _LONGEST or not endpoint.isascii() or re.search(r"[^!-~]|\\", endpoint):
        raise EndpointError("this is no address of a push service")
    try:
        parts = urlsplit(endpoint)
        port_fits = parts.port is None or parts.port > 0
    except ValueError as error:
        raise EndpointError("this is no address of a push service") from error
    if (
        parts.scheme != "https"
        or not _is_name(parts.hostname or "")
        or not parts.hostname
        or "@" in parts.netloc
        or not port_fits
    ):
        raise EndpointError("a push service is asked by https, without a name or password")
    return parts


def name_destination(parts: SplitResult) -> str:
    """Host and port: what is one server, which fails as a whole."""
    return f"{parts.hostname}:{parts.port or _HTTPS}"


def _is_name(host: str) -> bool:
    """Whether a resolver takes it: an address, or labels of letters, digits and hyphens."""
    if _read_address(host) is not None:
        return True
    return len(host) <= _LONGEST_NAME and all(map(_LABEL.fullmatch, host.split(".")))


def _fits(entry: str, parts: SplitResult) -> bool:
    allowed = urlsplit(f"//{entry.removeprefix('*.')}")
    host = str(parts.hostname)
    if (allowed.port or _HTTPS) != (parts.port or _HTTPS):
        return False
    if entry.startswith("*."):
        return host.endswith(f".{allowed.hostname}")
    return host == allowed.hostname


def _read_address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
