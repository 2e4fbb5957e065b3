"""Settings of one instance: from the environment (HYPERVISOR_…) or its data folder's one file."""

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sensors._errors import TerritoryError

SETTINGS_FILE = "hypervisor.env"
_RENAMED = {"HYPERVISOR_DATEX_URL": "HYPERVISOR_ROADS_URL"}
_HOST = re.compile(r"(\*\.)?[a-z0-9.-]+(:\d{1,5})?|\[[0-9a-f:]+\](:\d{1,5})?")
Network = IPv4Network | IPv6Network
Output = Literal["off", "token", "public"]  # who may read an output that follows a standard


class SettingsError(TerritoryError):
    """The settings cannot be read: says which file, and what to do."""


def default_data_folder() -> Path:
    """The default data folder: the system's for root, else the user's."""
    if os.geteuid() == 0:
        return Path("/var/lib/territory-hypervisor/live")
    base = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share"))
    return base / "territory-hypervisor" / "live"


class Settings(BaseSettings):
    """What every part needs to find its servers. Environment wins over the file."""

    model_config = SettingsConfigDict(env_prefix="HYPERVISOR_", extra="ignore")

    data: Path = Field(default_factory=default_data_folder, description="The data folder.")
    database_url: str = Field(
        default="", description="PostgreSQL's address, with the database's owner as user."
    )
    broker_host: str = Field(default="127.0.0.1", description="The broker's address for our parts.")
    broker_port: int = Field(default=1883, description="The broker's port for devices.")
    broker_parts_port: int | None = Field(
        default=None, description="The broker's port for our own parts; default: the devices'."
    )
    broker_user: str = Field(
        default="ingest", description="The account of our parts at the broker."
    )
    broker_password: str = Field(default="", description="Their password.")
    broker_tls_cert: Path | None = Field(
        default=None, description="The broker's certificate with its chain (PEM): opens TLS."
    )
    broker_tls_key: Path | None = Field(
        default=None, description="The certificate's key (PEM), without a passphrase."
    )
    broker_tls_host: str = Field(
        default="0.0.0.0",  # noqa: S104  that is what TLS is for
        description="The address on which `up` listens to devices by TLS.",
    )
    broker_tls_port: int = Field(default=8883, ge=1, le=65535, description="The port of TLS.")
    broker_tls_only: bool = Field(
        default=False,
        description="`broker` and a machine of a cluster keep their plain port to this machine;"
        " `up` on one machine always does.",
    )
    broker_amqp_port: int | None = Field(
        default=None, description="AMQP port of a cluster's broker, from which ingest reads."
    )
    broker_parts: int = Field(
        default=1, ge=1, le=64, description="Queues of ingest at a cluster's broker."
    )
    machine: int | None = Field(
        default=None, description="Which machine of a cluster this is: 1, 2 or 3."
    )
    player_password: str = Field(
        default="", description="Password of the account `player`, which publishes an exercise."
    )
    web_host: str = Field(default="127.0.0.1", description="The address of console and API.")
    web_port: int = Field(default=8000, description="The port of console and API.")
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(ip_network("127.0.0.1"),),
        description="Proxies whose `X-Forwarded-For` and `-Proto` count: addresses or networks, "
        "with commas; empty: none.",
    )
    public_url: str = Field(
        default="", description="The console's address for people, in links that leave it."
    )
    metrics_open: bool = Field(
        default=True, description="`/metrics` without a token, to this machine itself."
    )
    worker: str = Field(
        default="ingest-1", description="The name of this ingest process in the database."
    )
    batch_rows: int = Field(default=5_000, description="The most readings stored together.")
    batch_seconds: float = Field(
        default=0.005,
        description="The longest that a message waits for others to be stored with it.",
    )
    heartbeat_seconds: float = Field(
        default=2.0, description="Time between two heartbeats of ingest through the broker."
    )
    ahead_seconds: float = Field(
        default=300.0, description="A reading further ahead of its arrival is refused."
    )
    evaluators: int = Field(
        default=1, ge=1, le=32, description="Processes that share the evaluation."
    )
    evaluation_memory: int = Field(
        default=512,
        ge=32,
        description="MiB for recent readings and work under way, of each process that evaluates.",
    )
    raw_retention_days: int = Field(
        default=400,
        ge=1,
        description="How long readings are kept; also how far back the past is evaluated again.",
    )
    dead_letter_retention_days: int = Field(
        default=400,
        ge=1,
        description="How long dead letters and messages on ended external alarms are kept.",
    )
    imported_retention_days: int | None = Field(
        default=None,
        ge=1,
        description="How long readings from `hypervisor import` are kept; default: for good.",
    )
    official_retention_days: int | None = Field(
        default=1825,
        ge=1,
        description="How long past official colours, bulletins and forecasts are kept.",
    )
    photo_retention_days: int | None = Field(
        default=730,
        ge=1,
        description="How long photographs from the field are kept. Empty: for good.",
    )
    compress_after_days: int = Field(
        default=30,
        ge=1,
        description="Age at which readings are compressed, on TimescaleDB's full build.",
    )
    reader_timeout_seconds: float = Field(
        default=30.0, gt=0, description="The longest that a query of an SQL reader may run."
    )
    reader_password: str = Field(
        default="", description="The password with which `migrate` makes the reader `grafana`."
    )
    notify_timeout_seconds: float = Field(
        default=20.0, gt=0, description="Time within which a channel of notifications must answer."
    )
    notify_retry_seconds: float = Field(
        default=5.0, gt=0, description="Wait before the second try of a delivery; then doubled."
    )
    notify_give_up_hours: float = Field(
        default=24.0, ge=0, description="Time after which a delivery is given up and listed."
    )
    downlinks_per_second: float = Field(
        default=0.5,
        gt=0,
        le=1_000,
        description="Commands that a LoRaWAN gateway is sent; a gateway may have its own rate.",
    )
    feeds: bool = Field(
        default=True, description="Official services are read (a live instance only)."
    )
    feeds_off: str = Field(
        default="",
        description="Official services that are not read, by name, separated by commas: roads.",
    )
    feeds_url: str = Field(
        default="",
        description="The address of a mirror of all services, or of `feeds serve-recorded`;"
        " default: their own addresses.",
    )
    feeds_timeout_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Time within which an official service must answer completely.",
    )
    hubeau_url: str = Field(
        default="", description="Hub'Eau's hydrometry; default: its official address."
    )
    vigicrues_url: str = Field(default="", description="Vigicrues; default: its official address.")
    roads_url: str = Field(
        default="",
        description="Road events, a complete DATEX II document; default: Bison Futé's.",
    )
    meteofrance_url: str = Field(
        default="", description="Météo-France's vigilance; default: its official address."
    )
    observations_url: str = Field(
        default="", description="Météo-France's observations; default: their official address."
    )
    meteofrance_key: str = Field(
        default="", description="The key for both (portail-api.meteofrance.fr)."
    )
    forecast_folder: str = Field(
        default="",
        description="A folder for files with forecasts of others; they are read and stored.",
    )
    communes_url: str = Field(
        default="", description="The communes' outlines; default: geo.api.gouv.fr."
    )
    basemap: str = Field(
        default="",
        description="Under the map: `ign`, `https://host/{z}/{x}/{y}.png`, or a file of the data"
        " folder: `name.pmtiles`.",
    )
    sensorthings: Output = Field(
        default="token", description="OGC SensorThings: `off`, `token`, or `public`."
    )
    features: Output = Field(
        default="token", description="OGC API Features: `off`, `token`, or `public`."
    )
    cap: Output = Field(
        default="token", description="CAP 1.2 and its Atom feed: `off`, `token`, or `public`."
    )
    public_page: Output = Field(
        default="off",
        description="The citizens' page `/public`: `off`, `token`, or `public`.",
    )
    public_page_requests_per_minute: int = Field(
        default=3_000,
        ge=1,
        description="Requests of an address to `/public`; thousands of phones may share one.",
    )
    citizens_mail: str = Field(
        default="",
        description="The sender of mails to citizens: an apprise mail address without `to`.",
    )
    citizens_key: str = Field(
        default="", description="The secret that encrypts their addresses: 32 characters or more."
    )
    citizens_mails_per_minute: int = Field(
        default=600, ge=1, description="The most mails to citizens; the mail server's limit."
    )
    citizens_push: str = Field(
        default="off",
        description="Push services through which browsers receive warnings: `off`, `usual` (those"
        " of Chrome, Edge, Firefox, Safari), or hosts, with commas.",
    )
    citizens_pushes_per_minute: int = Field(
        default=6_000, ge=1, description="The most messages to push services."
    )
    publisher: str = Field(
        default="", description="The name of the publisher of warnings; default: the instance's."
    )
    publisher_id: str = Field(
        default="", description="CAP's `sender`; default: the host of the public URL."
    )
    hazards: Path | None = Field(
        default=None,
        description="A YAML file that changes hazards and advice to citizens; a name: in the data"
        " folder.",
    )
    cap_key: Path | None = Field(
        default=None, description="The key (PEM) that signs CAP documents; takes `signxml`."
    )
    cap_certificate: Path | None = Field(default=None, description="Its certificate (PEM).")
    publication_draft_hours: float = Field(
        default=6.0, gt=0, description="A draft that waits longer must be changed or discarded."
    )
    sensorthings_mqtt: bool = Field(
        default=False, description="New readings are published over MQTT in SensorThings' form."
    )
    sparkplug: bool = Field(
        default=False, description="Gateways may publish Sparkplug B; live instances only."
    )
    datex: Output = Field(
        default="token", description="DATEX II on roads: `off`, `token`, or `public`."
    )
    exports: Output = Field(
        default="token",
        description="Files of readings, alarms and counts: `off`, `token`, `public`.",
    )
    public_requests_per_minute: int = Field(
        default=120,
        ge=1,
        description="Requests that an address without a token may send to public outputs.",
    )
    licence: str = Field(
        default="https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
        description="The address of the licence of public data.",
    )
    oidc_issuer: str = Field(default="", description="The authority's identity provider.")
    oidc_client_id: str = Field(
        default="", description="This instance's client id at the identity provider."
    )
    oidc_client_secret: str = Field(default="", description="Its secret for this instance.")

    @field_validator("public_page", mode="before")
    @classmethod
    def _read_switch(cls, value: object) -> object:
        """As it was before: true or false."""
        return {"true": "public", "false": "off"}.get(str(value).lower(), value)

    @field_validator("citizens_push")
    @classmethod
    def _check_hosts(cls, text: str) -> str:
        """Hosts, not addresses of pages: they are compared with a header that clients send."""
        for word in text.lower().replace(",", " ").split():
            if not _HOST.fullmatch(word):
                raise ValueError(f"{word!r} is no host; expected `off`, `usual`, or hosts")
        return text

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_networks(cls, text: object) -> object:
        """Addresses and networks, separated by commas."""
        if not isinstance(text, str):
            return text
        return tuple(ip_network(word.strip()) for word in text.split(",") if word.strip())

    @property
    def parts_port(self) -> int:
        """Where our own parts reach the broker."""
        return self.broker_parts_port or self.broker_port

    def broker_account(self, part: str) -> str:
        """As whom a part other than the player speaks to the broker.

        A broker of ours lets an account be connected once, so each part has one of its own there.
        """
        return self.broker_user if self.broker_parts_port is None else f"{self.broker_user}.{part}"


def load_settings(data: Path | None = None) -> Settings:
    """Read the settings of the instance in `data` (else HYPERVISOR_DATA, or the usual place).

    Raises SettingsError: they are another user's, or one of them is not what it must be, or has
    another name now.
    """
    folder = data or Path(os.environ.get("HYPERVISOR_DATA", default_data_folder()))
    file = folder / SETTINGS_FILE
    try:
        _refuse_old_names(file)
        return Settings(_env_file=file, data=folder)  # type: ignore[call-arg]
    except ValidationError as error:
        wrong = "; ".join(
            f"HYPERVISOR_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors()
        )
        raise SettingsError("environment or {file}: {wrong}", file, wrong) from error
    except PermissionError as error:
        raise SettingsError(
            "{file} is not yours to read; act as root or as its owner", file
        ) from error


def _refuse_old_names(file: Path) -> None:
    """A setting that was renamed would be ignored silently."""
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    for old, new in _RENAMED.items():
        if old in os.environ or any(line.startswith(f"{old}=") for line in lines):
            raise SettingsError(
                "{old} is {new} now: rename it in the environment or {file}", old, new, file
            )
