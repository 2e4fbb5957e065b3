"""docker-compose.yml names commands and settings that exist (no engine runs it here)."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import hypervisor.cli
from hypervisor.settings import Settings
from hypervisor.stack.parts import CONDUCTOR, PARTS

FILE = Path(hypervisor.cli.__file__).parents[2] / "docker-compose.yml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


@pytest.fixture(scope="module")
def commands() -> set[str]:
    app = typer.Typer()
    for info in pkgutil.iter_modules(hypervisor.cli.__path__):
        importlib.import_module(f"hypervisor.cli.{info.name}").attach(app)
    return set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_the_services_are_the_parts(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"database", "broker", "migrate", *PARTS, CONDUCTOR}


def test_each_command_exists(compose: dict[str, Any], commands: set[str]) -> None:
    ours = [service for service in compose["services"].values() if "build" in service]
    assert {service["command"][0] for service in ours} <= commands


def test_each_setting_exists(compose: dict[str, Any]) -> None:
    fields = {f"HYPERVISOR_{name.upper()}" for name in Settings.model_fields}
    for service in compose["services"].values():
        named = {key for key in service["environment"] if key.startswith("HYPERVISOR_")}
        assert named <= fields


def test_it_waits_for_services_that_exist(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert set(service.get("depends_on", {})) <= set(compose["services"])


def test_no_secret_is_written_in_it(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for key, value in service["environment"].items():
            assert "PASSWORD" not in key or value.startswith("${")


def test_ports_are_published_on_this_machine_only(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for port in service.get("ports", []):
            assert port.startswith(("127.0.0.1:", "${BROKER_BIND:-127.0.0.1}:"))
