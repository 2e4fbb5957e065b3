"""Debian's nginx before the console, with the site of docs/deployment.md."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypervisor.broker.child import stop, wait_until
from hypervisor.broker.ports import is_free
from tests.ports import reserve_port

PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
NAME = "console.example.fr"
_MAIN = """\
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site;
}}
"""


@contextmanager
def proxy(site: str, folder: Path, papers: Path, web_port: int) -> Iterator[tuple[int, int]]:
    """nginx with this site, on other ports and with other papers: those of https and of http."""
    assert PROGRAM is not None
    https, http = reserve_port(), reserve_port()
    here = {"443": str(https), "80": str(http), "8000": str(web_port)}
    site = re.sub(r"(?<=listen )\d+|(?<=:)8000", lambda port: here[port[0]], site)
    site = site.replace("/etc/ssl/hypervisor/chain.pem", str(papers / "broker.crt"))
    site = site.replace("/etc/ssl/hypervisor/key.pem", str(papers / "broker.key"))
    folder.mkdir()
    (folder / "site").write_text(site)
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder))
    with (folder / "log").open("wb") as log:
        words = [PROGRAM, "-p", str(folder), "-c", f"{folder}/nginx.conf", "-e", "stderr"]
        process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        listens = wait_until(lambda: not is_free(https) or process.poll() is not None, seconds=30)
        assert listens, "nginx listens nowhere"
        assert process.poll() is None, (folder / "log").read_text()
        yield https, http
    finally:
        stop(process)
