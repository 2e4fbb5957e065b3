"""Where Debian's Chromium is."""

import os
import shutil


def find_chromium() -> str | None:
    """The one without windows, else the whole one, which takes half as long again."""
    programs = map(shutil.which, ("chromium-headless-shell", "chromium"))
    return os.environ.get("CHROMIUM") or next(filter(None, programs), None)
