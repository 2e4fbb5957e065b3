"""The whole description, tried: schemathesis asks what the API says of itself; nothing breaks."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from hypervisor.access import queries as access_queries
from hypervisor.access import queries_tokens, secrets
from hypervisor.base.duties import Duty
from hypervisor.database.connect import connect
from tests.integration.evaluation.world import World
from tests.integration.web.filled import fill
from tests.integration.web.served import NOW, server, session

pytestmark = pytest.mark.integration

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
)
# Never ends; says what it says in tests of its own.
ENDLESS = r"^/api/v1/events$"


@pytest.fixture
def token(world: World) -> str:
    """Of an administrator whom no example names, so that nobody disables or revokes it."""
    fill(world)
    session(world.url, "schemathesis-administrator")
    secret = secrets.generate_token()
    with connect(world.url) as connection:
        connection.execute("ALTER TABLE api_token ALTER COLUMN id RESTART WITH 987654321")
        queries_tokens.insert_token(
            connection,
            account=access_queries.get_account(connection, "schemathesis-administrator").id,
            secret=secrets.digest(secret),
            prefix=secret[:8],
            name="test",
            scopes=tuple(Duty),
            created_at=NOW,
            ends_at=NOW + timedelta(days=1),
        )
    return secret


@pytest.fixture
def base_with_token(world: World, token: str) -> Iterator[tuple[str, str]]:
    with server(world.url) as found:
        yield found, token


def tried(base: str, token: str, folder: Path, *options: str) -> None:
    """Run it; what it says is the failure's text."""
    described = folder / "openapi.json"  # it waits ten seconds for one, whatever else runs here
    described.write_text(httpx.get(f"{base}/openapi.json", timeout=120).text)
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "schemathesis"), "--no-color", "run"),
            *(str(described), "--url", base, "--header", f"Authorization: Bearer {token}"),
            *("--checks", ",".join(CHECKS), "--exclude-path-regex", ENDLESS),
            *("--seed", "5", "--request-timeout", "30", "--warnings", "off", *options),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=1_500,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]


def test_a_few_of_every_operation(base_with_token: tuple[str, str], tmp_path: Path) -> None:
    tried(
        *base_with_token, tmp_path, "--phases", "examples,fuzzing", "--max-examples", "1",
        "--workers", "2",
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_many_of_every_operation(base_with_token: tuple[str, str], tmp_path: Path) -> None:
    tried(
        *base_with_token, tmp_path, "--phases", "examples,coverage,fuzzing",
        "--max-examples", "10", "--workers", "2", "--continue-on-failure",
    )  # fmt: skip


def test_every_operation_is_described(client: httpx.Client) -> None:
    found: dict[str, Any] = client.get("/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    names: list[str] = []
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            names.append(operation["operationId"])
            assert operation.get("description") or operation.get("summary"), where
            bodies = [operation["requestBody"]] if "requestBody" in operation else []
            for body in [*bodies, *operation["responses"].values()]:
                for kind, part in body.get("content", {}).items():
                    assert "example" in part or "examples" in part, f"{where} {kind}"
            if path.startswith("/api/"):
                assert operation["tags"], where
                assert "HTTPValidationError" not in str(operation), where
    assert len(names) == len(set(names))
    assert all(tag["description"] != tag["name"] for tag in found["tags"])
    assert set(found["components"]["securitySchemes"]) == {"session", "token"}
