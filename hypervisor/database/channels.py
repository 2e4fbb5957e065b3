"""Channels of the database: to be woken by what others commit."""

from psycopg import Connection


def listen(connection: Connection, channel: str) -> None:
    """Be woken from now on by what is told on it."""
    connection.execute(f"LISTEN {channel}".encode())


def wait(connection: Connection, seconds: float) -> None:
    """Sleep until something is told on what one listens to, or so long."""
    for _ in connection.notifies(timeout=seconds, stop_after=1):
        pass
