"""How long a client waits after a failed sign-in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Network, ip_address

_OF_A_HOST = 64  # bits of an IPv6 address that a host does not choose
FORGET_AFTER = timedelta(hours=1)  # without a failure


@dataclass(frozen=True, kw_only=True)
class Limit:
    """`free` failures cost nothing; then the wait doubles, from a second up to `longest`."""

    free: int
    longest: timedelta

    def wait(self, failures: int) -> timedelta:
        """The wait after this many failures."""
        over = failures - self.free
        return (
            timedelta(0) if over < 0 else min(self.longest, timedelta(seconds=2 ** min(over, 30)))
        )


# Of one account from one address; of all accounts from one address. Of one account from anywhere
# the wait stays short: failed attempts by others must not keep an operator out all night.
_PAIR = Limit(free=5, longest=timedelta(minutes=15))
_ADDRESS = Limit(free=20, longest=timedelta(minutes=15))
_ACCOUNT = Limit(free=25, longest=timedelta(seconds=30))


def build_limits(name: str, address: str) -> dict[str, Limit]:
    """What a try is counted by."""
    account = name.strip().lower()[:200]
    return {
        f"pair {network(address)} {account}": _PAIR,
        address_key(address): _ADDRESS,
        f"account {account}": _ACCOUNT,
    }


def build_factor_limits(account: int) -> dict[str, Limit]:
    """What a code of a second factor is counted by: who tries one has shown the password."""
    return {f"factor {account}": _PAIR}


def address_key(address: str) -> str:
    """By which all tries from an address are counted."""
    return f"address {network(address)}"


def network(address: str) -> str:
    """Where a request comes from: an address, of IPv6 the 2^64 addresses that a host may take."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address  # a socket's name
    if isinstance(parsed, IPv4Address):
        return address
    return str(parsed.ipv4_mapped or IPv6Network((int(parsed), _OF_A_HOST), strict=False))


def remaining_wait(
    limits: Mapping[str, Limit], failures: Mapping[str, tuple[int, datetime]], now: datetime
) -> timedelta:
    """How long there is still to wait; nothing: they may try."""
    left = [
        last + limits[key].wait(count) - now
        for key, (count, last) in failures.items()
        if now - last < FORGET_AFTER
    ]
    return max(left, default=timedelta(0))
