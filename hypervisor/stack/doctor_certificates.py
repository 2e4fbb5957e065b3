"""The doctor's check of TLS: when the certificates that are served now expire."""

import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509

from hypervisor.base.findings import Finding, bad, good, warning
from hypervisor.base.settings import Settings
from hypervisor.broker.ports import reachable_address

SOON = timedelta(days=30)
_TIMEOUT = 5.0  # seconds
_HTTPS = 443


def check_certificates(settings: Settings, now: datetime) -> Iterator[Finding]:
    """The broker's, and the web's where a proxy serves it by https."""
    if settings.broker_tls_cert is not None:
        host, port = reachable_address(settings.broker_tls_host), settings.broker_tls_port
        mend = (
            f"renew {settings.broker_tls_cert}, then"
            f" kill -HUP $(cat {settings.data / 'broker' / 'mosquitto.pid'})"
        )
        yield check_served("broker certificate", host, port, now, mend)
    public = urlsplit(settings.public_url)
    if public.scheme == "https" and public.hostname:
        mend = "renew it and reload the proxy (`certbot renew`, `systemctl reload nginx`)"
        port = public.port or _HTTPS
        yield check_served("web certificate", public.hostname, port, now, mend)


def check_served(subject: str, host: str, port: int, now: datetime, mend: str) -> Finding:
    """The certificate that a server presents: renewed files count once it has read them."""
    try:
        served = ssl.get_server_certificate((host, port), timeout=_TIMEOUT)
        expires = x509.load_pem_x509_certificate(served.encode()).not_valid_after_utc
    except (OSError, ValueError) as error:
        what = f"cannot be read at {host}:{port}: {error}"
        return warning(subject, what, "is the server up, and its name that of this machine's DNS?")
    day = f"{expires:%Y-%m-%d %H:%M} UTC"
    if expires <= now:
        return bad(subject, f"{host}:{port} serves one that expired on {day}", mend)
    if expires - now <= SOON:
        left = (expires - now).days
        what = f"{host}:{port} serves one that expires on {day}, in {left} days"
        return warning(subject, what, mend)
    return good(subject, f"valid until {day}")
