"""The dashboards' data source for Grafana's API, as in provisioning/datasource.yaml."""

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from hypervisor.grafana.client import GrafanaError, Json

UID = "hypervisor"
NAME = "Hypervisor"
TYPE = "grafana-postgresql-datasource"
READER = "reader_"
SSL_MODES = ("disable", "require", "verify-ca", "verify-full")
FIXED = {
    "postgresVersion": 1700,
    "timescaledb": True,
    "maxOpenConns": 8,  # of a reader's 10 connections
    "maxIdleConns": 5,
    "connMaxLifetime": 14400,
}


@dataclass(frozen=True, kw_only=True)
class Source:
    """A reader's connection to the database."""

    address: str  # host:port
    user: str
    password: str
    database: str
    sslmode: str

    def settings(self) -> Json:
        """All but name and secret."""
        return {
            "type": TYPE,
            "access": "proxy",
            "url": self.address,
            "user": self.user,
            "jsonData": {"database": self.database, "sslmode": self.sslmode, **FIXED},
        }

    def secret(self) -> Json:
        return {"secureJsonData": {"password": self.password}}


def source_of(url: str) -> Source:
    """Parse a reader's URL.

    Raises:
        GrafanaError: it is not valid; the message never repeats it, since it holds a password.
    """
    expected = "--reader-url: expected postgresql://reader_NAME:PASSWORD@HOST[:PORT]/DATABASE"
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres") or not parts.hostname:
        raise GrafanaError(expected)
    if not parts.username or not parts.password or not parts.path.strip("/"):
        raise GrafanaError(f"{expected}; user, password or database is missing")
    user = unquote(parts.username)
    if not user.startswith(READER):
        raise GrafanaError(
            f"--reader-url: {user!r} is no reader, and who has dashboards to edit may send any SQL"
            " as it; `hypervisor reader add NAME` makes one"
        )
    sslmode = parse_qs(parts.query).get("sslmode", ["require"])[-1]
    if sslmode not in SSL_MODES:
        raise GrafanaError(f"--reader-url: sslmode {sslmode!r}: expected {', '.join(SSL_MODES)}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Source(
        address=f"{host}:{parts.port or 5432}",
        user=user,
        password=unquote(parts.password),
        database=unquote(parts.path.strip("/")),
        sslmode=sslmode,
    )
