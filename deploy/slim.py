# ruff: noqa: INP001 -- a script of the image's build, of no package
"""Uninstall, from the environment that runs this, whatever a distribution does not need.

requirements.lock holds the tools of development too, so that one file locks both; an image wants
neither them nor pip itself.
"""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution, distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(name: str, found: set[str]) -> set[str]:
    """`name` and all that it needs here, found again for each, extras of requirements included."""
    if name in found:
        return found
    found.add(name)
    base, _, named = name.partition("[")
    extras = [extra.strip() for extra in named.rstrip("]").split(",")]  # of none: ""
    try:
        requires = distribution(base).requires or []
    except PackageNotFoundError:  # for another system or Python, or not wanted here
        return found
    for line in requires:
        one = Requirement(line)
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras):
            wanted = canonicalize_name(one.name)
            needed(wanted, found)
            for each in one.extras:
                needed(f"{wanted}[{each}]", found)
    return found


def main(name: str) -> None:
    kept = {each.partition("[")[0] for each in needed(canonicalize_name(name), set())}
    here = {canonicalize_name(each.metadata["Name"]) for each in distributions()}
    if name.partition("[")[0] not in here:
        sys.exit(f"error: {name} is not installed here")
    goes = sorted(here - kept, key=lambda each: (each == "pip", each))  # the tool itself comes last
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "uninstall", "--yes", "--quiet", *goes], check=True)


if __name__ == "__main__":
    main(sys.argv[1])
