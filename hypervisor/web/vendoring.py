"""`python -m hypervisor.web.vendoring`: puts what npm fetched where it is served."""

import shutil
import sys
from pathlib import Path

from sensors._errors import TerritoryError

HERE = Path(__file__).parent
VENDOR = HERE / "static" / "vendor"
_SANS = "@fontsource/ibm-plex-sans/files/ibm-plex-sans-latin"
_MONO = "@fontsource/ibm-plex-mono/files/ibm-plex-mono-latin"
# From node_modules, to static/vendor. The map's build for strict content policies has its worker
# in a file of its own.
FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "maplibre-gl/dist/maplibre-gl-csp.js": "maplibre-gl.js",
    "maplibre-gl/dist/maplibre-gl-csp-worker.js": "maplibre-gl-worker.js",
    "maplibre-gl/dist/maplibre-gl.css": "maplibre-gl.css",
    "maplibre-gl/LICENSE.txt": "maplibre-gl.LICENSE.txt",
    "pmtiles/dist/pmtiles.js": "pmtiles.js",  # its licence: static/pmtiles.LICENSE.txt
    "fflate/LICENSE": "fflate.LICENSE.txt",  # it is within
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "@fontsource/ibm-plex-sans/LICENSE": "ibm-plex.LICENSE.txt",
    f"{_SANS}-400-normal.woff2": "plex-sans-400.woff2",
    f"{_SANS}-600-normal.woff2": "plex-sans-600.woff2",
    f"{_MONO}-400-normal.woff2": "plex-mono-400.woff2",
}


class VendoringError(TerritoryError):
    """A library is not there: says which file, and what to run."""


def vendor(modules: Path) -> list[Path]:
    """Copy from `modules` (a node_modules) what is served.

    Raises VendoringError: a file is missing.
    """
    VENDOR.mkdir(parents=True, exist_ok=True)
    copied = []
    for source, name in FILES.items():
        path = modules / source
        if not path.is_file():
            raise VendoringError("{path} is missing; `npm ci` fetches it (package-lock.json)", path)
        shutil.copyfile(path, VENDOR / name)
        copied.append(VENDOR / name)
    return copied


if __name__ == "__main__":
    try:
        vendor(Path(sys.argv[1] if len(sys.argv) > 1 else "node_modules"))
    except VendoringError as error:
        sys.exit(f"error: {error}")
