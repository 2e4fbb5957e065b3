"""The broker's TLS listener, for devices outside a trusted network."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from hypervisor.broker.errors import StackError
from hypervisor.broker.server_account import server_account


@dataclass(frozen=True, kw_only=True)
class TlsListener:
    """Address and certificate. `only`: the plain port is for this machine alone."""

    cert: Path
    key: Path
    port: int
    host: str
    only: bool

    def lines(self) -> list[str]:
        """Its lines of mosquitto.conf, after the settings of all listeners."""
        listener = f"listener {self.port} {self.host}"
        return [listener, f"certfile {self.cert}", f"keyfile {self.key}"]


def read_options(
    *, cert: Path | None, key: Path | None, port: int, host: str, only: bool
) -> TlsListener | None:
    """The listener that the options ask for; None without TLS.

    Raises StackError: half of it is missing, or the files are not a certificate and its key that
    the broker's user can read.
    """
    if cert is None and key is None:
        if only:
            raise StackError("--tls-only needs --tls-cert and --tls-key")
        return None
    if cert is None or key is None:
        absent = "cert" if cert is None else "key"
        raise StackError(
            f"TLS needs a certificate and its key: --tls-{absent} is missing"
            f" (HYPERVISOR_BROKER_TLS_{absent.upper()})"
        )
    _check_loads(cert, key)
    account = server_account()
    for file in (cert, key):
        if not account.reads(file):
            raise StackError(
                f"the user {account.name!r}, who runs the broker, cannot read {file}; give it a"
                f" copy: install -D -o {account.name} -m 600 {file} FOLDER/{file.name}"
            )
    return TlsListener(cert=cert.absolute(), key=key.absolute(), port=port, host=host, only=only)


def _check_loads(cert: Path, key: Path) -> None:
    """Load them as a server does: mosquitto itself would only say `Error: Invalid argument`."""
    for file in (cert, key):
        try:
            file.read_bytes()
        except OSError as error:
            raise StackError(f"{file} cannot be read: {error.strerror}") from error
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            cert, key, password=_refuse_passphrase
        )
    except (ssl.SSLError, _EncryptedKeyError) as error:
        raise StackError(
            f"{cert} and {key} are not a certificate (PEM, with its chain) and its key without a"
            f" passphrase: {error}"
        ) from error


class _EncryptedKeyError(ValueError):
    """A broker started unattended cannot ask for a passphrase."""


def _refuse_passphrase() -> str:
    raise _EncryptedKeyError("the key asks for a passphrase")
