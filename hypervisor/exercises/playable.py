"""Scenarios and recordings that can be played."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from hypervisor.base.instants import micros, moment
from hypervisor.exercises.model import ExerciseError, Playable
from simulators._recordings import read
from simulators._scenarios import load_scenario, scenario_files
from simulators._story import Story
from simulators._table import RecordingError
from simulators._yaml import ScenarioError

FOLDER = "recordings"  # in the data folder: recordings and scenarios (.yaml)
RECORDED = (".csv", ".csv.gz")


def list_playables(data: Path) -> list[Playable]:
    """All choices: shipped scenarios, own scenarios, recordings."""
    playables = [
        _cached(file, partial(_story_playable, name, name))
        for name, file in scenario_files().items()
    ]
    folder = data / FOLDER
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    playables += [
        _cached(file, partial(_story_playable, file.name, str(file)))
        for file in files
        if file.suffix == ".yaml"
    ]
    recorded = (file for file in files if file.name.endswith(RECORDED))
    return playables + [_cached(file, partial(_recording_playable, file)) for file in recorded]


def get_playable(data: Path, source: str) -> Playable:
    """The choice of that name. Raises ExerciseError: there is none."""
    for playable in list_playables(data):
        if playable.source == source:
            return playable
    raise ExerciseError(
        "no scenario and no recording is called {source!r}; put files of your own into {folder}",
        source,
        data / FOLDER,
    )


def load_story(data: Path, source: str) -> Story:
    """The scenario of that name.

    Raises ScenarioError: there is none, or its file cannot be read.
    """
    return load_scenario(
        source if source in scenario_files() else str(recording_path(data, source))
    )


def recording_path(data: Path, source: str) -> Path:
    """Path of a file in the folder; no other paths are accepted.

    Raises ExerciseError: not a file name.
    """
    if Path(source).name != source or source.startswith("."):
        raise ExerciseError("{source!r} is not a file in {folder}", source, data / FOLDER)
    return data / FOLDER / source


def _story_playable(source: str, name: str) -> Playable:
    try:
        story = load_scenario(name)
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
    )


_READ: dict[str, tuple[float, Playable]] = {}  # by path, with its modification time


def _cached(file: Path, made: Callable[[], Playable]) -> Playable:
    changed = file.stat().st_mtime
    if _READ.get(str(file), (None,))[0] != changed:
        _READ[str(file)] = changed, made()
    return _READ[str(file)][1]


def _recording_playable(file: Path) -> Playable:
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
