"""Patroni is changed while it runs: whatever is not as we know it is refused with a sentence."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hypervisor.cluster import patroni_start
from hypervisor.cluster.patroni_start import CHANGED, CHECK, TESTED


def write_patroni(
    folder: Path, *, version: str = TESTED, changed: dict[str, str] = CHANGED
) -> None:
    """A stand-in with the parts that are changed, and its library for etcd."""
    (folder / "etcd.py").write_text("")
    modules: dict[str, dict[str, list[str]]] = {"patroni.version": {}}
    for where, words in changed.items():
        module, _, path = where.partition(":")
        owner, name = path.split(".")
        line = f"    def {name}({', '.join(words.split())}): ..."
        modules.setdefault(module, {}).setdefault(owner, []).append(line)
    for module, classes in modules.items():
        file = folder / f"{module.replace('.', '/')}.py"
        if module in {"patroni.watchdog", "patroni.dcs"}:
            file = file.with_suffix("") / "__init__.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(
            f"class {name}:\n" + "\n".join(lines) + "\n" for name, lines in classes.items()
        )
        file.write_text(text)
    (folder / "patroni/version.py").write_text(f"__version__ = {version!r}\n")


def check(folder: Path) -> tuple[int, str]:
    script = Path(shutil.copy(Path(patroni_start.__file__), folder))
    done = subprocess.run(
        [sys.executable, "-E", script, CHECK], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("version", [TESTED, "4.0.99"])
def test_the_tested_version_and_its_repairs_are_taken(tmp_path: Path, version: str) -> None:
    write_patroni(tmp_path, version=version)
    assert check(tmp_path) == (0, "")


@pytest.mark.parametrize("version", ["3.3.2", "4.1.0", "5.0", "", "4", "next"])
def test_another_version_is_refused(tmp_path: Path, version: str) -> None:
    write_patroni(tmp_path, version=version)
    assert check(tmp_path) == (
        1,
        f"Patroni {version} is installed: tested is {TESTED} (Debian 13); install it\n",
    )


@pytest.mark.parametrize("where", CHANGED)
@pytest.mark.parametrize("spoil", [lambda words: f"{words} more", lambda _: ""])
def test_what_is_changed_must_be_as_we_know_it(
    tmp_path: Path, where: str, spoil: Callable[[str], str]
) -> None:
    write_patroni(tmp_path, changed={**CHANGED, where: spoil(CHANGED[where])})
    status, sentence = check(tmp_path)
    assert (status, where in sentence, TESTED in sentence) == (1, True, True)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    write_patroni(tmp_path, changed=dict([*CHANGED.items()][1:]))
    assert check(tmp_path)[0] == 1
    (tmp_path / "etcd.py").unlink()
    assert check(tmp_path) == (
        1,
        "Patroni cannot speak to etcd (No module named 'etcd'): apt install python3-etcd\n",
    )
