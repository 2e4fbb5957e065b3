"""How long the database and its clients wait for each other before they give a connection up.

The kernel says nothing when a cable is cut or a machine is gone: an idle connection stays open for
hours, one with data under way for a quarter of an hour. So each side probes, and gives up, itself.
"""

from psycopg.conninfo import conninfo_to_dict, make_conninfo

CONNECT_SECONDS = 10  # until a server has let us in
SILENCE_SECONDS = 20  # that a peer may leave a probe, or data, without an acknowledgement
ABANDONED = "15min"  # that a transaction may stay open in which nobody does anything
_PROBE = {"idle": 5, "interval": 3, "count": 5}  # s, s, probes: 20 s in all

# Of the server, for each connection: what our own sessions ask for, wherever the server is.
SERVER_SETTINGS = {
    **{f"tcp_keepalives_{name}": str(value) for name, value in _PROBE.items()},
    "tcp_user_timeout": f"{SILENCE_SECONDS}s",
    "client_connection_check_interval": "5s",  # while a statement runs
    "idle_in_transaction_session_timeout": ABANDONED,
}
CLIENT_SETTINGS = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives": 1,
    **{f"keepalives_{name}": value for name, value in _PROBE.items()},
    "tcp_user_timeout": SILENCE_SECONDS * 1000,
}


def guarded(url: str, *, options: str = "", abandoned: str = ABANDONED) -> str:
    """The connection string of a session in UTC that neither side keeps when the other is gone.

    What `url` says itself comes first, its `options` included.

    Raises:
        psycopg.ProgrammingError: `url` cannot be understood.
    """
    written = conninfo_to_dict(url)
    session = {**SERVER_SETTINGS, "idle_in_transaction_session_timeout": abandoned}
    settings = [f"-c {name}={value}" for name, value in {"timezone": "UTC", **session}.items()]
    ours = {key: value for key, value in CLIENT_SETTINGS.items() if key not in written}
    words = [*settings, options, str(written.get("options") or "")]
    return make_conninfo(url, **ours, options=" ".join(filter(None, words)))
