"""Settings of one instance: from the environment (HYPERVISOR_…) or its data folder's one file."""

import os
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from sensors._errors import TerritoryError

SETTINGS_FILE = "hypervisor.env"


class SettingsError(TerritoryError):
    """The settings cannot be read: says which file, and what to do."""


def default_data_folder() -> Path:
    """Where an instance lives when nobody says: the system's place for root, the user's else."""
    if os.geteuid() == 0:
        return Path("/var/lib/territory-hypervisor/live")
    base = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share"))
    return base / "territory-hypervisor" / "live"


class Settings(BaseSettings):
    """What every part needs to find its servers. Environment wins over the file."""

    model_config = SettingsConfigDict(env_prefix="HYPERVISOR_", extra="ignore")

    data: Path = Field(default_factory=default_data_folder)
    database_url: str = ""
    broker_host: str = "127.0.0.1"
    broker_port: int = 1883
    broker_parts_port: int | None = None  # where our own parts are let in; None: with the devices
    broker_user: str = "ingest"
    broker_password: str = ""
    player_password: str = ""  # the account `player` publishes an exercise with
    web_host: str = "127.0.0.1"
    web_port: int = 8000
    metrics_open: bool = True  # /metrics without a token, to this machine itself
    worker: str = "ingest-1"  # under which the database keeps how far ingest has heard
    batch_rows: int = 5_000
    batch_seconds: float = 0.005  # the longest a message waits for others to be stored with
    heartbeat_seconds: float = 2.0
    raw_retention_days: int = Field(default=400, ge=1)
    dead_letter_retention_days: int = Field(default=400, ge=1)
    imported_retention_days: int | None = Field(
        default=None, ge=1
    )  # None: history is kept for good
    compress_after_days: int = Field(default=30, ge=1)  # on TimescaleDB's full build
    reader_timeout_seconds: float = Field(default=30.0, gt=0)  # what one question in SQL may take
    reader_password: str = ""  # given to `migrate`: it makes the reader `grafana`
    notify_timeout_seconds: float = Field(default=20.0, gt=0)  # a channel answers within
    notify_retry_seconds: float = Field(default=5.0, gt=0)  # before the second try; then doubled
    notify_give_up_hours: float = Field(
        default=24.0, ge=0
    )  # then a notification is dead, and listed
    basemap: str = ""  # under the map: "ign", or tiles as https://host/{z}/{x}/{y}.png; "": plain
    public_url: str = ""  # where links in notifications lead; default: the web part's own address
    oidc_issuer: str = ""  # the authority's identity provider; "": people have local accounts only
    oidc_client_id: str = ""  # as which the provider knows this instance
    oidc_client_secret: str = ""
    ahead_seconds: float = 300.0  # a reading further ahead of its arrival is not believed

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

    Raises:
        SettingsError: they are another user's, or one of them is not what it must be.
    """
    folder = data or Path(os.environ.get("HYPERVISOR_DATA", default_data_folder()))
    file = folder / SETTINGS_FILE
    try:
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
