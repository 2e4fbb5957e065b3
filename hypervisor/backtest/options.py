"""Where question, registry and readings meet: of an instance's store, or of a file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypervisor.backtest import registries
from hypervisor.backtest.errors import BacktestError
from hypervisor.backtest.evaluate import Span, Tick
from hypervisor.backtest.events import Entry
from hypervisor.backtest.registries import Trial
from hypervisor.backtest.service import Answer, Question, ask
from hypervisor.backtest.sources import Recorded, Stored
from hypervisor.backtest.worker_process import InProcess
from hypervisor.base.instants import moment
from hypervisor.database.connect import Connection
from hypervisor.registry import queries as registry_store
from hypervisor.registry.model import Registry
from sensors._domain import Catalogue
from simulators import _recordings

_LONG = 200 * 366 * 86_400_000_000  # µs: a recording may be as old as it likes


@dataclass(frozen=True, kw_only=True)
class BacktestOptions:
    """What was asked, in a person's words.

    `rules`: by id or domain; with none, and none tried, all in force. `trial`: judged in the place
    of what is in force. `against`: what this is compared with; None: with nothing.
    """

    rules: Sequence[str] = ()
    trial: Trial = field(default_factory=Trial)
    sites: Sequence[str] = ()
    span: Span = field(default_factory=Span)
    events: Sequence[Entry] = ()
    against: Trial | None = None


def in_words(words: Sequence[str]) -> tuple[list[str], Trial]:
    """Rules by id or domain, and packs by file, told apart.

    Raises:
        RuleError: a pack has a slip.
    """
    files = [word for word in words if Path(word).is_file()]
    return [word for word in words if word not in files], registries.trial_of(files)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A file, and how it is to be read."""

    file: Path
    stations: Sequence[str] | None = None
    columns: Sequence[str] | None = None


def of_store(  # noqa: PLR0913  what is asked, and of which instance
    connection: Connection,
    options: BacktestOptions,
    catalogue: Catalogue,
    *,
    retention: int,
    tick: Tick,
    folder: Path | None = None,
    load: Callable[[Connection], Registry] = registry_store.load,
    url: str | None = None,
) -> Answer:
    """Judge what is stored, in one snapshot: the connection's transaction must be new.

    `folder`: where the columnar copy of an instance is, if it has one. `load`: how the registry is
    come by. `url`: of the database, where a process of its own may help.

    Raises:
        BacktestError: what was asked cannot be.
        RuleError: a pack has a slip.
    """
    source = Stored.of(connection, folder)
    registry = load(connection)
    question = _question(registry, options, catalogue, retention=retention)
    share = None if url is None else InProcess(url=url, source=source)
    return ask(registry, source, catalogue, question, tick, share=share)


def of_file(
    recording: Recording,
    registry: Registry,
    options: BacktestOptions,
    catalogue: Catalogue,
    tick: Tick,
) -> tuple[Answer, list[str]]:
    """Judge a recording at the sites that it is of; and what of it was left out, in words.

    Raises:
        BacktestError: what was asked cannot be, or nothing of the file is in the inventory.
        RecordingError: the file cannot be read.
        RuleError: a pack has a slip.
    """
    read = _recordings.read(recording.file, stations=recording.stations, columns=recording.columns)
    source = Recorded.of(read.rows, registry, catalogue)
    if not source.by_series:
        raise BacktestError(f"{recording.file}: {'; '.join(source.notes)}")
    registry = _begun(registry, source)
    here = {registry.devices[device].site for device in read.devices if device in registry.devices}
    question = _question(registry, options, catalogue, retention=_LONG)
    sites = frozenset(here if question.sites is None else here & question.sites)
    if not sites:
        raise BacktestError(f"{recording.file} holds nothing of {', '.join(options.sites)}")
    answer = ask(registry, source, catalogue, replace(question, sites=sites), tick)
    return answer, [*read.notes, *source.notes]


def _begun(registry: Registry, source: Recorded) -> Registry:
    """Nothing is expected of a device before the recording has its first word."""
    first: dict[str, int] = {}
    for series in registry.series.values():
        rows = source.by_series.get(series.id or 0)
        if rows is not None:
            begins = int(rows["time"][0])
            first[series.device] = min(begins, first.get(series.device, begins))
    devices = {
        name: replace(device, commissioned=moment(first[name])) if name in first else device
        for name, device in registry.devices.items()
    }
    return replace(registry, devices=devices)


def _question(
    registry: Registry, options: BacktestOptions, catalogue: Catalogue, *, retention: int
) -> Question:
    tried = [rule.id for rule in options.trial.rules]
    new = [] if options.against is None else [rule.id for rule in options.against.rules]
    rules = list(tried)
    if options.rules:
        rules += registries.choose_rules(registry, options.rules, catalogue)
    elif not tried and new and options.against and not options.against.thresholds:
        rules = new  # what a changed pack says, against what its rules say now
    elif not tried:
        rules = registries.choose_rules(registry, (), catalogue)
    rules = list(dict.fromkeys([*rules, *new]))
    return Question(
        rules=tuple(rules),
        trial=options.trial,
        against=options.against,
        sites=frozenset(options.sites) or None,
        span=options.span,
        events=tuple(options.events),
        retention=retention,
    )
