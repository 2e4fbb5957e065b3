"""A machine of a cluster gets the same programs by the document and in a container."""

import re
from pathlib import Path

from tests.documents import examples

ROOT = Path(__file__).parents[3]
# Of the container: its base image, the clock of its host, and what `make setup` installs.
BY_DOCUMENT_ALONE = {"git", "make", "systemd-timesyncd"}
BY_SETUP = {"postgresql-17-timescaledb"}


def test_the_document_and_the_image_name_the_same_packages() -> None:
    lines = [
        line
        for example in examples(ROOT / "docs/several-machines.md")
        for line in example.text.splitlines()
        if line.startswith("apt-get install ")
    ]
    (documented,) = ({*line.split()[2:]} for line in lines)
    machine = (ROOT / "Dockerfile").read_text().split("AS machine")[1]
    installed = re.search(r"--no-install-recommends([^&]*)&&", machine)
    assert installed is not None
    assert documented - BY_DOCUMENT_ALONE == {*installed[1].replace("\\", "").split()} - BY_SETUP
    assert {*re.findall(r"[\w-]+", (ROOT / "setup.sh").read_text())} >= BY_SETUP
