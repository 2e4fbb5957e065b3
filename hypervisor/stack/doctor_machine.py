"""Checks of the machine: programs, user, folder, disk, clock."""

import ctypes
import platform
import shutil
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from hypervisor.base.findings import Finding, bad, good, warning
from hypervisor.broker import binaries
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import LEAST_FREE_BYTES, SCARCE_BYTES
from hypervisor.broker.server_account import server_account
from sensors._calendar import school_holidays_end

_TIME_ERROR = 5  # of adjtimex: the clock is not synchronised


def check_python() -> Iterator[Finding]:
    """The version only: one that is too old does not get here."""
    yield good("python", f"{platform.python_version()} ({sys.executable})")


def check_programs() -> Iterator[Finding]:
    absent = binaries.list_missing()
    if absent:
        yield bad("programs", f"not installed: {', '.join(absent)}", binaries.HOW_TO_MEND)
    else:
        yield good(
            "programs", f"{binaries.find_broker().mosquitto}, {binaries.find_database().postgres}"
        )


def check_user() -> Iterator[Finding]:
    try:
        account = server_account()
    except StackError as error:
        yield bad("user", str(error), "`make setup`")
        return
    yield good("user", f"the servers run as {account.name!r}")


def check_folder(root: Path) -> Iterator[Finding]:
    """Whether the servers' user can use the data folder."""
    try:
        account = server_account()
    except StackError:
        return
    if not root.exists():
        yield bad("data folder", f"{root} does not exist", "`hypervisor up` creates it")
        return
    barred = account.unreachable(root)
    if barred is not None:
        mend = f"choose another --data, or let {account.name!r} enter {barred}"
        yield bad("data folder", f"{account.name!r} cannot enter {barred}", mend)
    elif root.stat().st_uid != account.uid:
        mend = "start as its owner, or choose another --data"
        yield bad("data folder", f"{root} does not belong to {account.name!r}", mend)
    else:
        yield good("data folder", f"{root}, owned by {account.name!r}")
    yield _check_space(root)


def _check_space(root: Path) -> Finding:
    usage = shutil.disk_usage(root)
    what = f"{usage.free / 1024**3:.1f} GB free ({usage.free / usage.total:.0%})"
    mend = f"free space on the disk of {root}"
    if usage.free < SCARCE_BYTES:
        return bad("disk", what, mend)
    if usage.free < 2 * LEAST_FREE_BYTES:
        return warning("disk", what, mend)
    return good("disk", what)


def check_clock() -> Iterator[Finding]:
    """Whether the machine's clock, which stamps arrival times, is synchronised."""
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))  # all zero: read only
    if state == _TIME_ERROR:
        mend = "install systemd-timesyncd or chrony; a wrong clock makes silence alarms wrong"
        yield warning("clock", "not synchronised, according to the kernel", mend)
    elif state >= 0:
        yield good("clock", "synchronised, according to the kernel")


def check_school_holidays(today: date) -> Iterator[Finding]:
    """Whether the published school calendars reach a year ahead."""
    end = school_holidays_end()
    if end - today > timedelta(days=365):
        yield good("school holidays", f"known until {end}")
    else:
        mend = "install a newer version, or add the next school year to _school_holidays.csv"
        yield warning(
            "school holidays", f"in rules `school_holiday` is unknown from {end} on", mend
        )
