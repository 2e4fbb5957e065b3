"""Patroni: keeps one of the three databases the primary, and the two others its copies.

A commit is acknowledged when one of the copies has it on its disk too (`synchronous_mode`); so
whichever machine is lost, one of the two that are left has every commit, and is promoted.
"""

import json
import subprocess
from collections.abc import Mapping
from http.client import HTTPException
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import yaml

from hypervisor.broker.binaries import find_database, find_program
from hypervisor.broker.child import run_as, spawn
from hypervisor.broker.errors import StackError
from hypervisor.broker.ports import LOOPBACK
from hypervisor.broker.server_account import Account
from hypervisor.cluster.etcd import name, trust
from hypervisor.cluster.patroni_start import CHECK
from hypervisor.cluster.plan import USER, Member, SecretFiles, host
from hypervisor.cluster.server import Server, environment, prefer
from hypervisor.cluster.version import code_version
from hypervisor.database.connect import CLUSTER

LEASE_SECONDS = 7  # that the primary's machine may be silent; then another one is promoted
_LOOP_SECONDS = 1
_RETRY_SECONDS = 3  # then a primary that cannot renew its lease steps down, before it ends
_START = "patroni_start.py"
VERSION_TAG = "hypervisor"  # tells the other machines the version of our code

# Of all machines, kept in etcd from the first start on; `patronictl edit-config` changes them.
SHARED: Mapping[str, Any] = {
    "ttl": LEASE_SECONDS,
    "loop_wait": _LOOP_SECONDS,
    "retry_timeout": _RETRY_SECONDS,
    "synchronous_mode": "quorum",
    "synchronous_mode_strict": True,  # a primary without a copy waits; it promises nothing alone
    "synchronous_node_count": 1,
    "primary_start_timeout": 0,  # a crashed primary is not waited for: a copy takes over
    "primary_stop_timeout": 3,
    "failsafe_mode": True,  # without etcd the primary goes on while it reaches both others
    "maximum_lag_on_failover": 16 * 1024**2,  # bytes
    "postgresql": {
        "use_pg_rewind": True,
        "use_slots": True,
        "parameters": {
            "max_connections": 240,  # every part of three machines speaks to one primary
            "max_wal_senders": 10,
            "max_replication_slots": 10,
            "max_worker_processes": 16,
            "wal_log_hints": "on",  # for pg_rewind
        },
    },
}
_TLS = {"sslmode": "require", "channel_binding": "require"}
_PARAMETERS: Mapping[str, object] = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "superuser_reserved_connections": 120,  # our parts': readers cannot take them all
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "max_slot_wal_keep_size": "4GB",  # kept for a machine that is away; later it is copied afresh
    "wal_keep_size": "256MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "logging_collector": "off",
    "unix_socket_directories": "",
    "synchronous_commit": "on",
    "authentication_timeout": "5s",  # a client that vanishes in between holds up a shutdown
    "wal_sender_timeout": "5s",
    "wal_receiver_timeout": "5s",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "200ms",  # a copy that lost its primary looks for it again
    "password_encryption": "scram-sha-256",
    "restart_after_crash": "off",  # what was not yet copied must not become visible by a restart
    "ssl": "on",
    **CLUSTER.server_settings(),
}


def start_patroni(member: Member, *, shared: Mapping[str, Any] = SHARED) -> Server:
    """Patroni with the database of this machine. `shared`: of a new cluster.

    Raises StackError: it, its library for etcd, or the version that we know is not installed.
    """
    files = member.secret_files()
    folder, context = member.folder, trust(files)
    config, script = files.key.with_name("patroni.yml"), files.key.with_name(_START)
    data = folder.database
    folder.write(script, _read_script())
    _require(script, folder.account)

    def start() -> "subprocess.Popen[bytes]":
        folder.write(config, yaml.safe_dump(configuration(member, files, shared)))
        folder.write(script, _read_script())
        child = spawn(
            [_interpreter(), script, config, data],
            account=folder.account,
            log=folder.log("patroni"),
            env=environment(("PATRONI_", "PG"), HOME=str(config.parent)),
        )
        return prefer(child, -10)

    def answers() -> bool:
        """Whether this machine's database runs, as primary or copy."""
        url = f"{rest_url(member)}/health"
        try:
            with urlopen(url, timeout=2, context=context) as answer:  # noqa: S310 -- https
                return bool(json.load(answer)["state"] == "running")
        except (HTTPException, OSError, ValueError, KeyError):
            return False

    return Server(
        name="patroni",
        start=start,
        answers=answers,
        is_mine=lambda words: str(config) in words,
        log=folder.log("patroni"),
        patience=60,  # it stops the database, which saves its memory first
    )


def rest_url(member: Member) -> str:
    return f"https://{host(member.machine.address)}:{member.plan.ports.patroni}"


def configuration(
    member: Member, files: SecretFiles, shared: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The file of Patroni on this machine."""
    plan, own, secrets = member.plan, member.machine, member.plan.secrets
    listening = f"{host(own.address)}:{plan.ports.patroni}"
    others = [host(each.address) for each in member.others]
    trusted = {"certfile": str(files.certificate), "keyfile": str(files.key)}
    return {
        "scope": "hypervisor",
        "name": name(own),
        "restapi": {
            "listen": listening,
            "connect_address": listening,
            **trusted,
            "cafile": str(files.authority),
            "verify_client": "required",
        },
        "ctl": {**trusted, "cacert": str(files.authority)},
        "etcd3": {
            "protocol": "https",
            # Our own member first: it knows the others better. `Etcd` chooses among the others.
            "hosts": [f"{each}:{plan.ports.etcd}" for each in (LOOPBACK, *others)],
            "use_proxies": True,  # these, and no others
            "cacert": str(files.authority),
            "cert": str(files.certificate),
            "key": str(files.key),
        },
        "tags": {VERSION_TAG: code_version()},
        "watchdog": {"mode": "required", "safety_margin": 1},
        "bootstrap": {
            "dcs": dict(shared),
            "initdb": [
                {"encoding": "UTF8"},
                {"locale": "C.UTF-8"},
                {"auth-local": "reject"},
                {"auth-host": "scram-sha-256"},
                "data-checksums",
            ],
        },
        "postgresql": {
            "listen": f"{host(own.address)},{LOOPBACK}:{plan.ports.database}",
            "connect_address": f"{host(own.address)}:{plan.ports.database}",
            "data_dir": str(member.folder.database),
            "bin_dir": str(find_database().postgres.parent),
            "pgpass": str(files.key.with_name("pgpass")),
            "authentication": {  # pg_rewind is the superuser's: others may not reach "postgres"
                "superuser": {"username": USER, "password": secrets.database, **_TLS},
                "replication": {"username": "replicator", "password": secrets.replication, **_TLS},
            },
            "parameters": {
                **_PARAMETERS,
                "ssl_cert_file": str(files.certificate),
                "ssl_key_file": str(files.key),
                "ssl_ca_file": str(files.authority),
            },
            "pg_hba": _admissions(member),
            "basebackup": [{"checkpoint": "fast"}],  # else a copy begins minutes later
            "remove_data_directory_on_rewind_failure": True,
            "remove_data_directory_on_diverged_timelines": True,
        },
    }


def _admissions(member: Member) -> list[str]:
    """Lines of pg_hba.conf: the three machines, by password, over TLS."""
    addresses = [LOOPBACK, *member.plan.addresses]
    masked = [f"{address}/{128 if ':' in address else 32}" for address in addresses]
    return [
        f"hostssl {database} all {address} scram-sha-256"
        for address in masked
        for database in ("all", "replication")
    ]


def _read_script() -> str:
    return resources.files("hypervisor.cluster").joinpath(_START).read_text()


def _require(script: Path, account: Account) -> None:
    """Raises StackError: Patroni cannot be started as we change it."""
    done = run_as([_interpreter(), script, CHECK], account)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise StackError("{problem}", lines[-1] if lines else "Patroni cannot be started")


def _interpreter() -> str:
    """The Python that Debian's Patroni runs under. Raises StackError: it is not installed."""
    with find_program("patroni").open() as script:
        first = script.readline()
    return first.removeprefix("#!").split()[0]
