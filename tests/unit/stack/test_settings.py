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


@pytest.mark.parametrize(
    ("text", "trusted"),
    [("", []), ("10.0.0.7", ["10.0.0.7/32"]), ("10.1.0.0/16, ::1", ["10.1.0.0/16", "::1/128"])],
)
def test_trusted_proxies_are_addresses_and_networks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, trusted: list[str]
) -> None:
    monkeypatch.setenv("HYPERVISOR_TRUSTED_PROXIES", text)
    assert [str(proxy) for proxy in load_settings(tmp_path).trusted_proxies] == trusted


@pytest.mark.parametrize("text", ["*", "10.0.0.1/8", "proxy.example"])
def test_what_is_no_network_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    """uvicorn would take `*` for everybody, and keep a name that never matches."""
    monkeypatch.setenv("HYPERVISOR_TRUSTED_PROXIES", text)
    with pytest.raises(SettingsError, match="HYPERVISOR_TRUSTED_PROXIES"):
        load_settings(tmp_path)


def test_no_database_is_not_some_database() -> None:
    with pytest.raises(StoreError, match="no database is named"):
        connect("")


def test_a_url_that_is_none() -> None:
    with pytest.raises(StoreError, match="HYPERVISOR_DATABASE_URL cannot be understood"):
        connect("nonsense")


def test_a_setting_under_its_old_name_is_refused_with_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    match = "HYPERVISOR_DATEX_URL is HYPERVISOR_ROADS_URL now"
    (tmp_path / "hypervisor.env").write_text("HYPERVISOR_DATEX_URL=http://roads.example\n")
    with pytest.raises(SettingsError, match=match):
        load_settings(tmp_path)
    (tmp_path / "hypervisor.env").write_text("HYPERVISOR_ROADS_URL=http://roads.example\n")
    assert load_settings(tmp_path).roads_url == "http://roads.example"
    monkeypatch.setenv("HYPERVISOR_DATEX_URL", "")
    with pytest.raises(SettingsError, match=match):
        load_settings(tmp_path)
