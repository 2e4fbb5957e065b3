"""A second listener of the broker, by TLS: for devices beyond a network that one trusts."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from hypervisor.broker.errors import StackError


@dataclass(frozen=True, kw_only=True)
class Secured:
    """Where and as whom the broker listens by TLS. `only`: in plain to its own machine alone."""

    cert: Path
    key: Path
    port: int
    host: str
    only: bool

    def lines(self) -> list[str]:
        """The listener, for mosquitto.conf: after all that holds for every listener."""
        return [
            f"listener {self.port} {self.host}",
            f"certfile {self.cert}",
            f"keyfile {self.key}",
        ]


def asked(
    *, cert: Path | None, key: Path | None, port: int, host: str, only: bool
) -> Secured | None:
    """What was asked for; None where TLS was not.

    Raises:
        StackError: half of it is missing, or the files are not a certificate and its key.
    """
    if cert is None and key is None:
        if only:
            raise StackError("--tls-only: expected --tls-cert and --tls-key besides")
        return None
    if cert is None or key is None:
        absent = "--tls-cert" if cert is None else "--tls-key"
        raise StackError(f"TLS takes a certificate and its key: {absent} is missing")
    secured = Secured(cert=cert.absolute(), key=key.absolute(), port=port, host=host, only=only)
    _try(secured)
    return secured


def _try(secured: Secured) -> None:
    """Load them as a server does: mosquitto itself would only say `Error: Invalid argument`."""
    for file in (secured.cert, secured.key):
        try:
            file.read_bytes()
        except OSError as error:
            raise StackError(f"{file} cannot be read: {error.strerror}") from error
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            secured.cert, secured.key, password=_refuse
        )
    except (ssl.SSLError, _EncryptedKeyError) as error:
        raise StackError(
            f"{secured.cert} and {secured.key} are no certificate (PEM, its whole chain) and its"
            f" key without a passphrase: {error}"
        ) from error


class _EncryptedKeyError(ValueError):
    """A broker that starts by itself can be asked for no passphrase."""


def _refuse() -> str:
    raise _EncryptedKeyError("the key asks for a passphrase")
