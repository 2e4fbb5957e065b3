"""docker-compose.yml says what can be true: by its schema, and by the code that it starts."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from hypervisor.base.process import PULSE
from hypervisor.base.settings import Settings
from hypervisor.cli import attach_commands
from hypervisor.database.connect import ALONE
from hypervisor.stack.parts import BRIDGE, COLLECTOR, CONDUCTOR, MAILER, OBSERVER, PARTS
from tests.compose import DOT_ENV, FILE, MACHINE_FILE, ROOT, TLS_FILE, raw, services, variables

ONCE = {"migrate", "dashboards", "stage", "simulators"}
TOOLS = Path(sys.executable).parent
PROVISIONING = ROOT / "hypervisor" / "grafana" / "provisioning"
# Read where they are used: by `migrate`, and by `broker` and `dashboards push` as options.
OTHER_VARIABLES = {"HYPERVISOR_READER_PASSWORD", PULSE}
# Of the provisioning of data sources, of PostgreSQL's jsonData, and of dashboards.
KNOWN_TO_GRAFANA = {
    "datasources",
    *(
        f"datasources.{key}"
        for key in (
            *("access", "editable", "isDefault", "jsonData", "name", "orgId"),
            *("secureJsonData", "secureJsonData.password", "type", "uid", "url", "user", "version"),
            *("jsonData.connMaxLifetime", "jsonData.database", "jsonData.maxIdleConns"),
            *("jsonData.maxOpenConns", "jsonData.postgresVersion", "jsonData.sslmode"),
            *("jsonData.timescaledb", "jsonData.tlsConfigurationMethod"),
        )
    ),
    "providers",
    *(
        f"providers.{key}"
        for key in (
            *("allowUiUpdates", "disableDeletion", "folder", "folderUid", "name", "options"),
            *("options.foldersFromFilesStructure", "options.path", "orgId", "type"),
            "updateIntervalSeconds",
        )
    ),
}
Services = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def compose() -> Services:
    return services(DOT_ENV)


@pytest.fixture(scope="module")
def ours(compose: Services) -> Services:
    return {name: service for name, service in compose.items() if "build" in service}


@pytest.fixture(scope="module")
def commands() -> set[str]:
    app = typer.Typer()
    attach_commands(app)
    return set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_the_specification_allows_it() -> None:
    checker: list[str | Path] = [TOOLS / "check-jsonschema", "--builtin-schema"]
    done = subprocess.run(
        [*checker, "vendor.compose-spec", FILE, TLS_FILE, MACHINE_FILE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_image_is_made_as_the_linter_likes_it() -> None:
    done = subprocess.run(
        [TOOLS / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_services_are_the_parts(compose: Services) -> None:
    optional = {CONDUCTOR, OBSERVER, MAILER, BRIDGE}
    assert set(compose) == {"database", "broker", "grafana", COLLECTOR, *PARTS, *ONCE, *optional}
    assert all(compose[name].get("profiles") for name in optional)


def test_each_command_exists(ours: Services, commands: set[str]) -> None:
    assert {service["command"][0] for service in ours.values()} <= commands


def test_each_setting_exists(ours: Services) -> None:
    fields = {f"HYPERVISOR_{name.upper()}" for name in Settings.model_fields}
    for service in ours.values():
        named = {key for key in service["environment"] if key.startswith("HYPERVISOR_")}
        assert named <= fields | OTHER_VARIABLES


def test_it_waits_for_what_will_come(compose: Services) -> None:
    for name, service in compose.items():
        for other, how in service.get("depends_on", {}).items():
            awaited = compose[other]
            if how["condition"] == "service_healthy":
                assert "healthcheck" in awaited, (name, other)
            else:
                assert awaited["restart"] == "no", (name, other)
            # What no profile asks for must not wait for what only a profile starts.
            assert set(awaited.get("profiles", [])) <= set(service.get("profiles", []))


def test_nothing_waits_for_itself(compose: Services) -> None:
    started: set[str] = set()
    while started != set(compose):
        ready = {
            name
            for name, service in compose.items()
            if set(service.get("depends_on", {})) <= started
        }
        assert ready > started
        started = ready


def test_what_runs_on_is_looked_at_and_started_again(compose: Services) -> None:
    for name, service in compose.items():
        if name in ONCE:
            assert service["restart"] == "no", name
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"][0] == "CMD", name
            assert service["stop_grace_period"], name


def test_each_may_do_little(compose: Services) -> None:
    for name, service in compose.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["logging"]["options"]["max-size"], name
        if name != "database":
            assert service["read_only"] is True, name
            assert service["tmpfs"] == ["/tmp"], name  # noqa: S108 -- the container's


def test_each_volume_is_declared(compose: Services) -> None:
    named = {
        volume.partition(":")[0]
        for service in compose.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    assert named == set(raw()["volumes"])


def test_each_image_is_of_one_version(compose: Services) -> None:
    for service in compose.values():
        if "build" not in service:
            assert re.search(r":\d+\.\d+\.\d+", service["image"])


def test_its_database_gives_up_who_is_gone_as_soon_as_a_private_one(compose: Services) -> None:
    given = {word for word in compose["database"]["command"] if word.startswith("-c")}
    assert {f"-c{name}={value}" for name, value in ALONE.server_settings().items()} <= given


def test_no_secret_has_a_default() -> None:
    named = variables(raw()) | variables(raw(TLS_FILE))
    secrets = {name for name in named if re.search("PASSWORD|SECRET|KEY|TOKEN", name)}
    # Empty unless it is an exercise, unless an identity provider or Météo-France is connected, or
    # citizens subscribe.
    optional = {"PLAYER_PASSWORD", "OIDC_CLIENT_SECRET", "METEOFRANCE_KEY", "CITIZENS_KEY"}
    assert secrets == {*DOT_ENV, *optional}
    assert {named[name][0] for name in DOT_ENV} == {"?"}
    assert {named[name] for name in optional} == {("-", "")}


def test_no_secret_is_written_in_it() -> None:
    for service in raw()["services"].values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET_KEY|TOKEN", key):
                assert value.startswith("${"), key


@pytest.mark.parametrize("name", DOT_ENV)
def test_it_does_not_start_without_a_secret(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        services({key: value for key, value in DOT_ENV.items() if key != name})


def test_ports_are_published_on_this_machine_only(compose: Services) -> None:
    for service in compose.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_elsewhere_only_tls_is_published() -> None:
    (port,) = services({"BROKER_TLS_FOLDER": "/tls"}, TLS_FILE)["broker"]["ports"]
    assert port == "0.0.0.0:8883:8883"


def test_grafana_is_provisioned_with_what_is_there(compose: Services) -> None:
    grafana = compose["grafana"]
    targets = {}
    for volume in grafana["volumes"]:
        source, target, *_ = volume.split(":")
        targets[source] = target
    found = {ROOT / source for source in targets if source.startswith("./")}
    assert found == set(PROVISIONING.glob("*.yaml"))
    assert targets["dashboards"] == grafana["environment"]["HYPERVISOR_DASHBOARDS"]


def test_grafana_is_told_all_that_its_files_ask_for(compose: Services) -> None:
    told = compose["grafana"]["environment"]
    for file in PROVISIONING.glob("*.yaml"):
        asked = variables(yaml.safe_load(file.read_text()))
        assert asked
        assert set(asked) <= set(told)


def keys(value: object, prefix: str = "") -> set[str]:
    """The paths of all keys: `providers.options.path`."""
    if isinstance(value, list):
        return {key for each in value for key in keys(each, prefix)}
    if not isinstance(value, dict):
        return set()
    below = {key for name, each in value.items() for key in keys(each, f"{prefix}{name}.")}
    return below | {f"{prefix}{name}" for name in value}


def test_grafana_s_files_say_what_its_documentation_knows() -> None:
    """A word that it does not know, it passes over in silence."""
    for file in PROVISIONING.glob("*.yaml"):
        told = yaml.safe_load(file.read_text())
        assert told["apiVersion"] == 1
        assert keys(told) - {"apiVersion"} <= KNOWN_TO_GRAFANA


def test_the_image_takes_only_what_it_is_built_from() -> None:
    kept = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    assert all((ROOT / each).exists() for each in kept)
    copied = re.findall(
        r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    assert {word for line in copied for word in line.split()} <= {*kept, "."}


def test_the_image_does_not_run_as_root() -> None:
    stages = (ROOT / "Dockerfile").read_text().split("\nFROM ")[3:]
    users = [re.findall(r"^USER (\S+)$", stage, re.MULTILINE)[-1:] for stage in stages]
    assert users == [["10001:10001"], ["10001:10001"], []]  # the last one is that of the parts


def test_a_machine_of_a_cluster_has_its_servers(commands: set[str]) -> None:
    (machine,) = services({}, MACHINE_FILE).values()
    dockerfile = (ROOT / "Dockerfile").read_text()
    stage = dockerfile.partition(f" AS {machine['build']['target']}\n")[2].partition("\nFROM ")[0]
    for package in ("etcd-server", "patroni", "postgresql-17-timescaledb", "rabbitmq-server"):
        assert package in stage
    assert machine["command"] in commands
    assert "cluster" in commands
