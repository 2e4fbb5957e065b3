"""RabbitMQ on a machine of a cluster: its configuration, its process.

Nodes know each other by the plan's certificates and cookie. AMQP and management listen on the
loopback address only, MQTT for devices also on the machine's. Everything is rewritten at each
start; the node's own data lies in `broker/node`.
"""

import json
import resource
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hypervisor.base.settings import load_settings
from hypervisor.broker import passwords, tls
from hypervisor.broker.child import last_lines, run_as, spawn
from hypervisor.broker.errors import StackError
from hypervisor.broker.mosquitto import LARGEST_PACKET
from hypervisor.broker.ports import LOOPBACK
from hypervisor.broker.probe import ACCEPTED, connack
from hypervisor.broker.tls import TlsListener
from hypervisor.cluster import rabbitmq_accounts
from hypervisor.cluster.plan import Machine, Member
from hypervisor.cluster.server import Server, environment

LIMIT_BYTES = 512_000_000  # free on the disk; below it no publisher of the cluster goes on
STOP_SECONDS = 60.0  # a node hands its queues' leadership on before it ends
# A node that says nothing for so long is lost, though its machine answers: it hangs, or is starved.
HANG_SECONDS = 8
# What the other machine leaves unacknowledged for so long was sent by a wire that is cut.
SILENCE_SECONDS = 4
# That connecting to another node may take. A lost one is tried at once by the new leaders of its
# queues, and only when that has failed do their messages go to other consumers.
CONNECT_SECONDS = 3
WAIT_SECONDS = 20  # for a machine that was among the last to run, after all have stopped
SESSION_SECONDS = 7 * 86_400  # that a device's queue of commands outlives its connection
# MQTT connections per listener: all devices of three machines may come to one.
CONNECTIONS = 20_000
_TCP_USER_TIMEOUT = ",".join(str(byte) for byte in (SILENCE_SECONDS * 1_000).to_bytes(4, "little"))
# Of the connections between nodes. Without `linger` what could not be sent keeps a lost node
# connected for some seconds more: its consumers keep their messages.
_SOCKET = f"[{{nodelay,true}},{{linger,{{true,0}}}},{{raw,6,18,<<{_TCP_USER_TIMEOUT}>>}}]"
_PLUGINS = (
    "rabbitmq_mqtt",
    "rabbitmq_consistent_hash_exchange",
    "rabbitmq_auth_backend_http",
    "rabbitmq_management",
)
_SCRIPTS = "lib/rabbitmq_server-*/sbin"
_PLACES = (Path("/usr/lib/rabbitmq"),)
_GAVE_UP = "timeout_waiting_for_tables"
_REMEDY = "apt install rabbitmq-server (4.0, Debian 13), and disable its own service"


def find_scripts() -> Path:
    """The folder of RabbitMQ's scripts. Raises StackError: it is not installed."""
    folders = [folder for place in _PLACES for folder in sorted(place.glob(_SCRIPTS))]
    if not folders:
        raise StackError("not installed: {code}; {remedy}", "rabbitmq-server", _REMEDY)
    return folders[-1]


def is_reachable(address: str, port: int) -> bool:
    """Whether something listens there, within a second."""
    with suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


def node_name(machine: Machine) -> str:
    return f"rabbit@{machine.address}"


@dataclass(frozen=True, kw_only=True)
class BrokerNode:
    """This machine's node. `sparkplug`: whether there is a bridge.

    `secured`: where it listens to devices by TLS; with `secured.only` the plain port is for this
    machine alone.
    """

    member: Member
    scripts: Path
    secured: TlsListener | None = None
    sparkplug: bool = False

    @property
    def folder(self) -> Path:
        return self.member.folder.broker

    @property
    def home(self) -> Path:
        """Of the cookie."""
        return self.folder / "home"

    @property
    def data(self) -> Path:
        """What the node keeps: queues, and who belongs to the cluster."""
        return self.folder / "node"

    def create(self) -> None:
        """Write the configuration."""
        if ":" in self.member.machine.address:
            raise StackError("RabbitMQ's nodes need IPv4 addresses in the plan")
        folder, files = self.member.folder, self.member.secret_files()
        for path in (self.folder, self.home, self.data):
            folder.folder(path)
        cookie = self.home / ".erlang.cookie"
        folder.write(cookie, self.member.plan.secrets.cookie)
        cookie.chmod(0o400)
        folder.write(self.folder / "enabled_plugins", f"[{','.join(_PLUGINS)}].\n")
        sides = [
            f'{{cacertfile,"{files.authority}"}},{{certfile,"{files.certificate}"}},'
            f'{{keyfile,"{files.key}"}},{{verify,verify_peer}},{side}'
            for side in ("{fail_if_no_peer_cert,true}", "{depth,1}")
        ]
        distribution = f"[{{server,[{sides[0]}]}},{{client,[{sides[1]}]}}].\n"
        folder.write(self.folder / "distribution.tls", distribution)
        password = self.member.plan.secrets.broker
        accounts = rabbitmq_accounts.definitions(password, sparkplug=self.sparkplug)
        folder.write(self.folder / "accounts.json", json.dumps(accounts))
        settings = {**self._listeners(), **self._cluster(), **self._limits(), **self._accounts()}
        text = "".join(f"{key} = {value}\n" for key, value in settings.items())
        folder.write(self.folder / "rabbitmq.conf", f"# Written at each start.\n{text}")

    def _listeners(self) -> Mapping[str, str | int]:
        ports, here = self.member.plan.ports, self.member.machine.address
        plain = [LOOPBACK] if self.secured and self.secured.only else [LOOPBACK, here]
        mqtt = [f"{LOOPBACK}:{ports.mqtt_parts}", *(f"{host}:{ports.mqtt}" for host in plain)]
        settings: dict[str, str | int] = {
            "listeners.tcp.1": f"{LOOPBACK}:{ports.amqp}",
            "management.tcp.ip": LOOPBACK,
            "management.tcp.port": ports.management,
            **{f"mqtt.listeners.tcp.{number}": each for number, each in enumerate(mqtt, 1)},
            "distribution.listener.interface": here,
        }
        if self.secured:
            settings |= {
                "mqtt.listeners.ssl.1": f"{self.secured.host}:{self.secured.port}",
                "ssl_options.certfile": str(self.secured.cert),
                "ssl_options.keyfile": str(self.secured.key),
                "ssl_options.verify": "verify_none",
                "ssl_options.fail_if_no_peer_cert": "false",
            }
        return settings

    def _cluster(self) -> Mapping[str, str | int]:
        plan = self.member.plan
        nodes = {
            f"cluster_formation.classic_config.nodes.{machine.number}": node_name(machine)
            for machine in plan.machines
        }
        return {
            "cluster_name": plan.name.replace("\n", " "),
            "cluster_formation.peer_discovery_backend": "classic_config",
            **nodes,
            "cluster_formation.target_cluster_size_hint": len(nodes),
            # A machine cut off from the other two lets its devices go: they are served there.
            "cluster_partition_handling": "pause_minority",
            "net_ticktime": HANG_SECONDS,
            "raft.adaptive_failure_detector.poll_interval": 1_000,
            # After a power cut two of three wait for the third, which may be gone: see `start`.
            "mnesia_table_loading_retry_timeout": WAIT_SECONDS * 1_000,
            "mnesia_table_loading_retry_limit": 1,
            # A machine that was replaced gets its copies of the queues again by itself.
            "quorum_queue.continuous_membership_reconciliation.enabled": "true",
            "quorum_queue.continuous_membership_reconciliation.target_group_size": len(nodes),
            "quorum_queue.continuous_membership_reconciliation.interval": 15_000,
            "quorum_queue.continuous_membership_reconciliation.trigger_interval": 2_000,
            "queue_leader_locator": "balanced",
        }

    def _limits(self) -> Mapping[str, str | int]:
        return {
            "mqtt.max_packet_size_authenticated": LARGEST_PACKET,
            "mqtt.durable_queue_type": "quorum",
            "mqtt.max_session_expiry_interval_seconds": SESSION_SECONDS,
            "mqtt.sparkplug": "true" if self.sparkplug else "false",  # costs each message something
            "mqtt.allow_anonymous": "false",
            "mqtt.login_timeout": 60_000,  # all devices may come at once
            "mqtt.tcp_listen_options.backlog": 4096,
            "mqtt.tcp_listen_options.nodelay": "true",
            "ranch_connection_max": CONNECTIONS,
            "max_message_size": LARGEST_PACKET,
            # Above it publishers wait: readings stay with the devices until there is room.
            "vm_memory_high_watermark.relative": "0.3",
            "disk_free_limit.absolute": LIMIT_BYTES,
            "message_interceptors.incoming.set_header_timestamp.overwrite": "true",
            "log.console": "true",
            "log.console.level": "warning",
            "log.file": "false",
        }

    def _accounts(self) -> Mapping[str, str | int]:
        at = f"http://{LOOPBACK}:{self.member.plan.ports.accounts}"
        return {
            "auth_backends.1": "internal",  # our own parts, whatever else is away
            "auth_backends.2": "http",
            "auth_http.http_method": "get",
            "auth_http.request_timeout": 20_000,
            **{
                f"auth_http.{what}_path": f"{at}/{what}"
                for what in ("user", "vhost", "resource", "topic")
            },
            "load_definitions": str(self.folder / "accounts.json"),
            "loopback_users": "none",
        }

    def environment(self) -> Mapping[str, str]:
        """Of the server, and of RabbitMQ's own tools."""
        ports = self.member.plan.ports
        # The port of the nodes is the same everywhere, so that none asks epmd for it; a tool is a
        # node, too, and listens nowhere.
        distribution = (
            f"-start_epmd false -erl_epmd_port {ports.brokers}"
            f" -proto_dist inet_tls -ssl_dist_optfile {self.folder}/distribution.tls"
            f" -kernel net_setuptime {CONNECT_SECONDS}"
            f" inet_dist_connect_options {_SOCKET} inet_dist_listen_options {_SOCKET}"
        )
        ours = {
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "RABBITMQ_NODENAME": node_name(self.member.machine),
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.data),
            "RABBITMQ_LOG_BASE": str(self.data),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": distribution,
            "RABBITMQ_CTL_ERL_ARGS": f"{distribution} -dist_listen false",
            "RUNNING_UNDER_SYSTEMD": "true",  # no shell between us and the server
            # RabbitMQ starts it all the same, and asks it whether a node of that name runs.
            "ERL_EPMD_PORT": str(ports.epmd),
            "ERL_EPMD_ADDRESS": self.member.machine.address,
        }
        return environment(("RABBITMQ_", "ERL_", "NOTIFY_SOCKET"), **ours)

    def start(self) -> subprocess.Popen[bytes]:
        """Configure and start the server; it answers some seconds later, where a majority runs.

        An empty machine takes the place of the one that the others remember. Where all machines
        had stopped and the last of them does not come back, two go on without it.
        """
        self.create()
        if not self._has_data():
            self._replace_former()
        elif _GAVE_UP in last_lines(self.member.folder.log("broker"), 60) and self._is_first():
            self.run_tool("rabbitmqctl", "force_boot")
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the child's, too
        return spawn(
            [self.scripts / "rabbitmq-server"],
            account=self.member.folder.account,
            log=self.member.folder.log("broker"),
            env=self.environment(),
        )

    def _has_data(self) -> bool:
        return (self.data / node_name(self.member.machine)).is_dir()

    def _replace_former(self) -> None:
        """Have the others forget the node of this name, whose data is gone."""
        for machine in self.member.others:
            if is_reachable(machine.address, self.member.plan.ports.brokers):
                there, here = node_name(machine), node_name(self.member.machine)
                done = self.run_tool("rabbitmqctl", "-n", there, "forget_cluster_node", here)
                if not done.returncode:
                    return

    def _is_first(self) -> bool:
        """Whether another machine is up, too, and this one comes before it.

        There its `up` keeps Patroni running, whatever its broker and database do.
        """
        port = self.member.plan.ports.patroni
        here = [each for each in self.member.others if is_reachable(each.address, port)]
        return bool(here) and all(each.number > self.member.machine.number for each in here)

    def run_tool(self, tool: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of RabbitMQ's own tools on this machine's node, or with `-n` on another's."""
        env = [f"{key}={value}" for key, value in self.environment().items()]
        command = ["env", "-i", *env, str(self.scripts / tool), *words]
        return run_as(command, self.member.folder.account, seconds=60)  # `up` waits for it

    def answers(self) -> bool:
        """Whether it lets our parts in: not while it waits for others, or is paused."""
        plan = self.member.plan
        login = (LOOPBACK, plan.ports.mqtt_parts, passwords.KEEPER, plan.secrets.broker)
        # AMQP's port is the last that it opens.
        return is_reachable(LOOPBACK, plan.ports.amqp) and connack(*login) == ACCEPTED

    def is_mine(self, words: list[str]) -> bool:
        """Whether a command line is this folder's node."""
        ours = f"{self.folder}/distribution.tls"
        return bool(words) and words[0].endswith("beam.smp") and ours in words


def start_rabbitmq(member: Member) -> Server:
    """The node of RabbitMQ on this machine, as its settings have it.

    Raises StackError: it is not installed, or the certificate of its TLS listener is none.
    """
    settings = load_settings(member.folder.root)
    node = BrokerNode(
        member=member,
        scripts=find_scripts(),
        secured=tls.read_options(
            cert=settings.broker_tls_cert,
            key=settings.broker_tls_key,
            port=settings.broker_tls_port,
            host=settings.broker_tls_host,
            only=settings.broker_tls_only,
        ),
        sparkplug=settings.sparkplug,
    )
    return Server(
        name="broker",
        start=node.start,
        answers=node.answers,
        is_mine=node.is_mine,
        log=member.folder.log("broker"),
        patience=STOP_SECONDS,
    )
