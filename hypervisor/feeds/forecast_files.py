"""A folder into which forecast files are laid: each is stored, then put aside.

A file in a subfolder is of the issuer that the subfolder is named after.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypervisor.base.failures import make_storable
from hypervisor.feeds.model import Feed, FeedError, Page, Unusable
from hypervisor.feeds.poll import PollContext
from hypervisor.forecast import service_experts
from hypervisor.forecast.experts import ExpertFile, ExpertFileError
from ingest.message import Reason
from sensors._errors import Message

FEED = Feed(
    name="forecast-files",
    title="Forecast files",
    address="",
    path="forecast_files",
    source="their issuers",
    licence="as agreed with their issuers",
    every=timedelta(minutes=1),
    of="hubeau",
)
STORED, REFUSED = "stored", "refused"
_SETTLED = timedelta(seconds=5)  # without a change, after which a file counts as complete
_MOST = 200  # files of one poll
_EXCERPT = 2_000  # bytes


def needs_folder(context: PollContext) -> str:
    """Why it is not read: no folder is set."""
    if not context.settings.forecast_folder:
        return Message("HYPERVISOR_FORECAST_FOLDER is not set")
    return ""


def poll(context: PollContext) -> Iterator[Page]:
    """Store what lies there, file by file."""
    folder = Path(context.settings.forecast_folder)
    try:
        files = _list_files(folder, context)
        refused_before = _count(folder / REFUSED)
    except OSError as error:
        raise FeedError("{folder}: {error}", folder, error.strerror) from error
    refused = []
    for file in files:
        try:
            read = _read(file, folder)
        except ExpertFileError as error:
            refused.append(file.name)
            yield Page(unusable=[_describe(file, error)])
            _put_aside(file, folder / REFUSED)
        else:
            yield Page(forecasts=[read])
            _put_aside(file, folder / STORED)
    count = refused_before + len(refused)
    warning = Message("{count} files lie in {folder}: they cannot be read", count, folder / REFUSED)
    yield Page(
        summary=f"{len(files)} files, {len(refused)} refused", warning=str(warning) if count else ""
    )


def _list_files(folder: Path, context: PollContext) -> list[Path]:
    """Complete files, of the folder and of issuers' subfolders."""
    before = (context.now - _SETTLED).timestamp()
    folders = [folder, *(each for each in folder.iterdir() if each.is_dir())]
    return [
        file
        for own in sorted(folders)
        if own.name not in {STORED, REFUSED} and not own.name.startswith(".")
        for file in sorted(own.iterdir())
        if file.is_file() and not file.name.startswith(".") and file.stat().st_mtime <= before
    ][:_MOST]


def _count(folder: Path) -> int:
    return sum(1 for _file in folder.iterdir()) if folder.is_dir() else 0


def _read(file: Path, folder: Path) -> ExpertFile:
    read = service_experts.read_file(service_experts.load(file), make_storable(file.name))
    issuer = read.issuer if file.parent == folder else make_storable(file.parent.name)
    if not issuer:
        raise ExpertFileError("the file does not say whose forecast it is: name the issuer")
    return replace(read, issuer=issuer)


def _describe(file: Path, error: ExpertFileError) -> Unusable:
    try:
        with file.open("rb") as opened:
            excerpt = opened.read(_EXCERPT).decode("utf-8", "replace")
    except OSError:
        excerpt = ""
    name = make_storable(file.name)
    detail = Message("{file}: {error}", name, error)
    return Unusable(reason=Reason.WRONG_SHAPE, detail=detail, part={name: excerpt})


def _put_aside(file: Path, folder: Path) -> None:
    """Move it, beside an older one of its name. Raises FeedError: the folder is not ours."""
    try:
        folder.mkdir(exist_ok=True)
        target = folder / file.name
        number = 1
        while target.exists():
            number += 1
            target = folder / f"{file.stem}-{number}{file.suffix}"
        file.rename(target)
    except OSError as error:
        raise FeedError("{file} cannot be moved: {error}", file, error.strerror) from error
