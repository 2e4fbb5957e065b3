"""How a terminal starts our commands, as pages and messages show them."""

import shlex
import shutil
import sys
from pathlib import Path

from hypervisor.base.settings import default_data_folder


def program(data: Path) -> str:
    """The program as a shell finds it, with the instance's folder unless that is the usual one."""
    beside = Path(sys.executable).with_name("hypervisor")
    named = shutil.which("hypervisor") or not beside.exists()
    words = ["hypervisor" if named else str(beside)]
    if data != default_data_folder():
        words += ["--data", str(data)]
    return shlex.join(words)
