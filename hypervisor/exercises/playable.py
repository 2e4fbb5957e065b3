"""What can be played here: stories that come with us or lie beside, recordings of the instance."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from hypervisor.base.instants import micros, moment
from hypervisor.exercises.playing import ExerciseError
from simulators._recordings import read
from simulators._scenarios import available, load
from simulators._story import Story
from simulators._table import RecordingError
from simulators._yaml import ScenarioError

FOLDER = "recordings"  # of the data folder: files in either layout, and stories (.yaml)
RECORDED = (".csv", ".csv.gz")


@dataclass(frozen=True, kw_only=True)
class Playable:
    """Something to choose. `kind`: 'story' or 'recording'; `source`: the name it is asked for by.

    `wrong`: why it cannot be played; the span is then unknown.
    """

    kind: str
    source: str
    title: str
    title_fr: str = ""
    description: str = ""
    begins: datetime | None = None
    ends: datetime | None = None
    ours: bool = False  # it comes with the software
    wrong: str = ""


def playable(data: Path) -> list[Playable]:
    """All of them: stories first, those that come with us before others; then recordings."""
    playables = [
        _once(file, partial(_story, name, name, ours=True)) for name, file in available().items()
    ]
    folder = data / FOLDER
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    playables += [
        _once(file, partial(_story, file.name, str(file)))
        for file in files
        if file.suffix == ".yaml"
    ]
    recorded = (file for file in files if file.name.endswith(RECORDED))
    return playables + [_once(file, partial(_read, file)) for file in recorded]


def one(data: Path, source: str) -> Playable:
    """The one of that name.

    Raises:
        ExerciseError: there is none.
    """
    for each in playable(data):
        if each.source == source:
            return each
    raise ExerciseError(
        f"no scenario and no recording is called {source!r}; put files of your own into"
        f" {data / FOLDER}"
    )


def story_of(data: Path, source: str) -> Story:
    """The story of that name.

    Raises:
        ScenarioError: there is none, or its file cannot be read.
    """
    return load(source if source in available() else str(file_of(data, source)))


def file_of(data: Path, source: str) -> Path:
    """A file of the folder; nothing beside it can be named.

    Raises:
        ExerciseError: the name is of something else.
    """
    if Path(source).name != source or source.startswith("."):
        raise ExerciseError(f"{source!r} is no name of a file in {data / FOLDER}")
    return data / FOLDER / source


def _story(source: str, name: str, *, ours: bool = False) -> Playable:
    try:
        story = load(name)
    except ScenarioError as error:
        return Playable(kind="story", source=source, title=source, wrong=str(error))
    return Playable(
        kind="story",
        source=source,
        title=story.title,
        title_fr=story.title_fr,
        description=story.description,
        begins=story.begins,
        ends=story.begins + timedelta(hours=story.hours),
        ours=ours,
    )


_READ: dict[tuple[str, float], Playable] = {}  # by path and time of change: a file is read once


def _once(file: Path, made: Callable[[], Playable]) -> Playable:
    key = (str(file), file.stat().st_mtime)
    if key not in _READ:
        _READ[key] = made()
    return _READ[key]


def _read(file: Path) -> Playable:
    try:
        recording = read(file)
    except (RecordingError, OSError, ValueError) as error:
        return Playable(kind="recording", source=file.name, title=file.name, wrong=str(error))
    first, last = recording.rows["time"].iloc[0], recording.rows["time"].iloc[-1]
    devices = ", ".join(recording.devices[:6]) + (" …" if len(recording.devices) > 6 else "")
    return Playable(
        kind="recording",
        source=file.name,
        title=file.name,
        description=f"{len(recording.rows)} · {devices}",
        begins=moment(micros(first.to_pydatetime())),
        ends=moment(micros(last.to_pydatetime())),
    )
