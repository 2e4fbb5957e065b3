"""An authority of our own, another, and a certificate of the broker that ours has signed."""

import subprocess
from pathlib import Path

from hypervisor.broker.ports import LOOPBACK
from hypervisor.broker.server_account import server_account

ELSEWHERE = "127.0.0.2"  # an address of this machine that stands in for one of its network


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


MADE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1")


def _authority(folder: Path, name: str) -> None:
    both = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt")
    openssl("req", "-x509", *MADE, "-subj", f"/CN={name}", *both)


def sign(folder: Path, address: str = ELSEWHERE) -> None:
    """Have the authority sign a certificate of the broker, with a key of its own."""
    key, chain = folder / "broker.key", folder / "broker.crt"
    names = ("-subj", "/CN=broker", "-addext", f"subjectAltName=IP:{address},IP:{LOOPBACK}")
    kind = ("-addext", "basicConstraints=critical,CA:FALSE")
    by = ("-CA", folder / "ca.crt", "-CAkey", folder / "ca.key")
    openssl("req", "-x509", *MADE, *names, *kind, *by, "-keyout", key, "-out", chain)
    server_account().own(key)


def issued(folder: Path, address: str = ELSEWHERE) -> Path:
    """A folder with ca.crt, other.crt, broker.crt (of `address`) and their keys."""
    folder.mkdir(mode=0o755)
    _authority(folder, "ca")
    _authority(folder, "other")
    sign(folder, address)
    return folder
