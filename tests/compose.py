"""docker-compose.yml as an engine reads it: variables filled in, each service with what it says."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docker-compose.yml"
TLS_FILE = ROOT / "docker-compose.tls.yml"
MACHINE_FILE = ROOT / "docker-compose.machine.yml"
# What a person puts into .env: there is no default for these.
DOT_ENV = {
    "DATABASE_PASSWORD": "database-secret",
    "BROKER_PASSWORD": "broker-secret",
    "READER_PASSWORD": "reader-secret",
    "GRAFANA_PASSWORD": "grafana-secret",
    "GRAFANA_SECRET_KEY": "0123456789abcdef0123456789abcdef",
}
_VARIABLE = re.compile(
    r"\$(?:\$|(?P<plain>[A-Z_]+)|\{(?P<name>[A-Z_]+)(?::(?P<how>[-?])(?P<what>[^}]*))?\})"
)


def raw(file: Path = FILE) -> dict[str, Any]:
    """The file with its anchors and merges resolved, variables as they are written."""
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def services(env: Mapping[str, str], file: Path = FILE) -> dict[str, dict[str, Any]]:
    """Each service with its variables filled in.

    Raises:
        KeyError: one that has no default is not set.
    """
    found: dict[str, dict[str, Any]] = _filled(raw(file)["services"], env)
    return found


def with_tls(env: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The same with docker-compose.tls.yml as the second file: what it says is added."""
    found = services(env)
    for name, more in services(env, TLS_FILE).items():
        for key, value in more.items():
            was = found[name][key]
            found[name][key] = {**was, **value} if isinstance(was, dict) else [*was, *value]
    return found


def variables(value: object) -> dict[str, tuple[str, str]]:
    """The variables named anywhere in `value`: how each is given a default, and which."""
    match value:
        case dict():
            return {k: v for each in value.values() for k, v in variables(each).items()}
        case list():
            return {k: v for each in value for k, v in variables(each).items()}
        case str():
            return {
                one["name"] or one["plain"]: (one["how"] or "", one["what"] or "")
                for one in _VARIABLE.finditer(value)
                if one["name"] or one["plain"]
            }
        case _:
            return {}


def _filled(value: Any, env: Mapping[str, str]) -> Any:
    match value:
        case dict():
            return {key: _filled(each, env) for key, each in value.items()}
        case list():
            return [_filled(each, env) for each in value]
        case str():
            return _VARIABLE.sub(lambda one: _value(one, env), value)
        case _:
            return value


def _value(one: re.Match[str], env: Mapping[str, str]) -> str:
    name = one["name"] or one["plain"]
    if not name:  # a dollar, written twice
        return "$"
    if env.get(name):
        return env[name]
    if one["how"] == "-":
        return one["what"]
    raise KeyError(f"{name}: {one['what'] or 'not set'}")
