"""Settings that cannot be used are named, with their place."""

from pathlib import Path

import pytest

from hypervisor.base.settings import SettingsError, load_settings
from hypervisor.database.connect import StoreError, connect


def test_a_wrong_value_is_named(tmp_path: Path) -> None:
    (tmp_path / "hypervisor.env").write_text("HYPERVISOR_WEB_PORT=eight\n")
    with pytest.raises(SettingsError, match=r"hypervisor.env: HYPERVISOR_WEB_PORT: .*integer"):
        load_settings(tmp_path)


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hypervisor.env").write_text("HYPERVISOR_WORKER=ingest-1\n")
    monkeypatch.setenv("HYPERVISOR_WORKER", "ingest-2")
    assert load_settings(tmp_path).worker == "ingest-2"


def test_no_database_is_not_some_database() -> None:
    with pytest.raises(StoreError, match="no database is named"):
        connect("")


def test_a_url_that_is_none() -> None:
    with pytest.raises(StoreError, match="HYPERVISOR_DATABASE_URL cannot be understood"):
        connect("nonsense")
