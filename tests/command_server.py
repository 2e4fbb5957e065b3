"""`hypervisor` without its start: a process that has imported everything forks for each command.

`python -m tests.command_server SOCKET` serves; `write_client` makes the program that asks it.
"""

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import hypervisor
from hypervisor.cli import build, main

# Standard input, output and error go along, so that it behaves as the command itself.
_CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    command = {{"words": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}
    socket.send_fds(server, [len(json.dumps(command).encode()).to_bytes(4)], [0, 1, 2])
    server.sendall(json.dumps(command).encode())
    status = server.recv(1)
sys.exit(status[0] if status else 70)
"""


def write_client(program: Path, path: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(_CLIENT.format(python=sys.executable, path=str(path)), encoding="utf-8")
    program.chmod(0o755)


def serve(path: Path) -> None:
    """Serve commands until terminated."""
    for module in pkgutil.walk_packages(hypervisor.__path__, "hypervisor."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    command_line = build()
    gc.freeze()  # children do not look through what they share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    signal.signal(signal.SIGTERM, _leave)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        while True:
            client, _ = listener.accept()
            with client:
                if os.fork() == 0:
                    listener.close()
                    _answer(client, command_line)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit


def _answer(client: socket.socket, command_line: Callable[[], Any]) -> None:
    size, streams, _, _ = socket.recv_fds(client, 4, 3)
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)  # a pipe, where a file may have been
    status = 70
    try:
        with client.makefile("rb") as request:
            status = _run(json.loads(request.read(int.from_bytes(size))), command_line)
    finally:
        client.sendall(bytes([status]))
        os._exit(status)


def _run(command: dict[str, object], command_line: Callable[[], Any]) -> int:
    """Run it as the program would; its exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    environment, words = command["environment"], command["words"]
    assert isinstance(environment, dict)
    assert isinstance(words, list)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(command["folder"]))
    sys.argv = ["hypervisor", *words]
    try:
        main(command_line)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001  as the interpreter would
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
