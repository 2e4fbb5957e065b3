"""Examples of the documents and how each runs; `make check` runs `python -m tests.documents`.

It refuses an example that does not say how it runs, a command or an option in a sentence that does
not exist, a link or a file that is not there, and a part from the code that is out of date,
and a French page that no longer agrees with its English one.
`tests/acceptance/test_documents.py` runs the examples.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import typer

from hypervisor import cli
from tests.generated import check_parts

ROOT = Path(__file__).parents[1]
COMMANDS = "sh"
_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<info>[^`\n]*)$")
_HOW = re.compile(
    r"(?P<long>long )?(?P<how>file|more)=(?P<name>[\w.-]+)"
    r"|(?P<output>output)|in (?P<test>tests/\S+)|not run: (?P<why>.+)"
    r"|(?P<alone>long)?(?: ?with (?P<word>\S+?)=(?P<value>.+))?"
)
_ANY = re.compile(r"…|<[^<>]*>")
_LINK = re.compile(r"\]\((?!\w+:)([^()#\s]*)(?:#([^()\s]+))?\)")
_SPOKEN = re.compile(r"`hypervisor ([^`]+)`")
_FILE = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|csv|yaml|sql|js|css|html|md))`")
_FOLDERS = (
    "",
    "hypervisor",
    "hypervisor/web/templates",
    "tests",
    "tests/integration",
)  # from which documents name files
FRENCH = ROOT / "docs" / "fr"  # a page here translates the one of its name in docs
_COMMENT = re.compile(r"(?:^|\s+)#(?:\s.*)?$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")
_PLACEHOLDER = re.compile(r"^[A-Z]+$|[<…]")


@dataclass(frozen=True, kw_only=True)
class Example:
    """A fenced block. `how`: run, file, more, output, test, shown; `line`: its first, from 1."""

    page: Path
    line: int
    language: str
    text: str
    how: str
    long: bool = False
    name: str = ""  # of the file that it is saved as
    test: str = ""  # that runs it instead
    word: str = ""  # stands for what the command `value` prints when the word is reached
    value: str = ""

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


class UnmarkedError(ValueError):
    """A block that does not say how it runs."""


def pages() -> list[Path]:
    """The documents, in the order of their paths."""
    listed = ["git", "ls-files", "--", "*.md"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return [ROOT / name for name in sorted(names.split())]


def examples(page: Path) -> list[Example]:
    """The examples of a page, in its order.

    Raises:
        UnmarkedError: some do not say how they run.
    """
    read: list[Example] = []
    problems: list[str] = []
    for line, info, text in _blocks(page):
        try:
            read.append(_parse(page, line, info, text))
        except UnmarkedError as error:
            problems.append(f"{page.relative_to(ROOT)}:{line}: {error}")
    if problems:
        raise UnmarkedError("\n".join(problems))
    return read


def find_example(page: str, test: str) -> str:
    """The text of the one example of a page that a test runs. `test`: its `__file__`."""
    here = str(Path(test).relative_to(ROOT))
    (example,) = (each for each in examples(ROOT / page) if each.test == here)
    return example.text


def _blocks(page: Path) -> Iterator[tuple[int, str, str]]:
    """(line, info string, text) of each fenced or indented block."""
    lines = page.read_text(encoding="utf-8").splitlines()
    opened: tuple[int, re.Match[str]] | None = None
    blank = True
    for number, line in enumerate(lines, start=1):
        fence = _FENCE.match(line)
        if opened is not None:
            start, opening = opened
            if fence and fence["fence"] == opening["fence"] and not fence["info"]:
                content = [
                    each.removeprefix(opening["indent"]) for each in lines[start : number - 1]
                ]
                yield start, opening["info"], "\n".join(content) + "\n"
                opened = None
        elif fence:
            opened = number, fence
        elif blank and line.startswith("    ") and line.strip():
            yield number, "", line
        blank = not line.strip()


def _parse(page: Path, line: int, info: str, text: str) -> Example:
    language, _, rest = info.strip().partition(" ")
    match = _HOW.fullmatch(rest.strip())
    if not language or match is None or (not rest and language != COMMANDS):
        raise UnmarkedError(f"```{info} does not say how it runs (CONTRIBUTING.md, house rules)")
    make = partial(Example, page=page, line=line, language=language, text=text)
    if match["how"]:
        return make(how=match["how"], name=match["name"], long=bool(match["long"]))
    if match["test"]:
        _require_test(match["test"], page)
        return make(how="test", test=match["test"])
    if match["why"] or match["output"]:
        return make(how="shown" if match["why"] else "output")
    word, value = match["word"] or "", match["value"] or ""
    return make(how="run", long=bool(match["alone"]), word=word, value=value)


def _require_test(name: str, page: Path) -> None:
    test = ROOT / name
    if not test.is_file() or page.name not in test.read_text(encoding="utf-8"):
        raise UnmarkedError(f"{name} is no test that reads {page.name}")


def split_commands(text: str) -> list[str]:
    """The commands of a block: lines, joined until bash calls them complete."""
    commands: list[str] = []
    lines: list[str] = []
    for line in text.splitlines():
        lines.append(line)
        whole = "\n".join(lines)
        checked = subprocess.run(
            ["bash", "-n", "-c", whole], capture_output=True, text=True, check=False
        )
        if checked.returncode == 0 and not checked.stderr and not line.endswith("\\"):
            commands.append(whole)
            lines = []
    assert not lines, f"an incomplete command: {lines}"
    return [each for each in commands if each.strip() and not each.lstrip().startswith("#")]


def matches(shown: str, printed: str) -> bool:
    """Whether a page's output is in what was printed; `…` and `<…>` stand for anything."""
    parts = [re.escape(" ".join(part.split())) for part in _ANY.split(shown)]
    pattern = ".*?".join(part.replace(r"\ ", " ") for part in parts)
    return re.search(pattern.replace(" ", " ?"), " ".join(printed.split())) is not None


def check_examples(page: Path) -> Iterator[str]:
    """Examples that do not say how they run."""
    try:
        examples(page)
    except UnmarkedError as error:
        yield from str(error).splitlines()


def check_links(page: Path) -> Iterator[str]:
    """Links to files and headings that are not there."""
    for number, line in _prose(page):
        for path, anchor in _LINK.findall(line):
            target = (page.parent / path).resolve() if path else page
            if not target.exists():
                yield f"{page.relative_to(ROOT)}:{number}: no file {path}"
            elif anchor and anchor not in _anchors(target):
                yield f"{page.relative_to(ROOT)}:{number}: no heading #{anchor} in {target.name}"


def check_files(page: Path) -> Iterator[str]:
    """Files of the code in sentences that are not there."""
    for number, line in _prose(page):
        for name in _FILE.findall(line):
            if not any((ROOT / folder / name).exists() for folder in _FOLDERS):
                yield f"{page.relative_to(ROOT)}:{number}: no file {name}"


def check_commands(page: Path) -> Iterator[str]:
    """Commands and options in sentences that the command line does not have."""
    for number, line in _prose(page):
        for words in _SPOKEN.findall(line):
            problem = _find_unknown(words.split())
            if problem:
                yield f"{page.relative_to(ROOT)}:{number}: `hypervisor {words}`: no {problem}"


def is_translation(page: Path) -> bool:
    """Whether the examples of this page run from the English one."""
    return page.parent == FRENCH


def check_translation(page: Path) -> Iterator[str]:
    """Headings, examples and code of a French page that are not those of the English one."""
    if not is_translation(page):
        return
    name = page.relative_to(ROOT)
    original = FRENCH.parent / page.name
    if not original.exists():
        yield f"{name}: no docs/{page.name}, which it translates"
        return
    theirs, ours = _sections(original), _sections(page)
    if [each.level for each in theirs] != [each.level for each in ours]:
        yield f"{name}: other headings than docs/{page.name}"
        return
    for their, our in zip(theirs, ours, strict=True):
        missing, added = their.code - our.code, our.code - their.code
        if missing or added:
            yield f"{name}: under {our.heading!r}: lacks {sorted(missing)}, adds {sorted(added)}"
        if their.rows != our.rows:
            yield f"{name}: under {our.heading!r}: {our.rows} items, not {their.rows}"
    their_blocks, our_blocks = _without_comments(original), _without_comments(page)
    if their_blocks != our_blocks:
        at = next(
            (
                i
                for i, pair in enumerate(zip(their_blocks, our_blocks, strict=False))
                if len({*pair}) > 1
            ),
            min(len(their_blocks), len(our_blocks)),
        )
        yield f"{name}: example {at + 1} is not that of docs/{page.name}"


@dataclass(kw_only=True)
class _Section:
    """What both languages share of a heading's text; `rows`: of its lists and tables."""

    heading: str
    level: int
    code: set[str] = field(default_factory=set)
    rows: int = 0


def _sections(page: Path) -> list[_Section]:
    sections: list[_Section] = []
    for _, line in _prose(page):
        if line.startswith("#"):
            hashes, _, heading = line.partition(" ")
            sections.append(_Section(heading=heading, level=len(hashes)))
        section = sections[-1]
        section.code.update(_CODE.findall(line))
        section.rows += line.startswith(("- ", "| "))
    return sections


def _without_comments(page: Path) -> list[tuple[str, str]]:
    return [(info, _COMMENT.sub("", text)) for _, info, text in _blocks(page)]


def _prose(page: Path) -> Iterator[tuple[int, str]]:
    within = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if _FENCE.match(line):
            within = not within
        elif not within:
            yield number, line


@cache
def _anchors(page: Path) -> frozenset[str]:
    """The headings of a page as GitHub links to them."""
    headings = [line.lstrip("# ") for _, line in _prose(page) if line.startswith("#")]
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return frozenset(heading.replace(" ", "-") for heading in plain)


@cache
def _command_line() -> Any:
    app = typer.Typer()
    app.callback()(cli.instance)
    cli.attach_commands(app)
    return typer.main.get_command(app)


def _find_unknown(words: list[str]) -> str:
    """The first word that is neither a command nor one of its options; empty: all are."""
    command = _command_line()
    options = _options(command)
    for word in words:
        commands = getattr(command, "commands", {})
        if word.startswith("-"):
            name = word.partition("=")[0]
            if name not in options:
                return f"option {name}"
        elif word in commands:
            command = commands[word]
            options = _options(command)
        elif commands and not _PLACEHOLDER.search(word):
            return f"command {word}"
    return ""


def _options(command: Any) -> set[str]:
    named = [(*each.opts, *each.secondary_opts) for each in command.params]
    return {"--help"}.union(*named)


CHECKS: tuple[Callable[[Path], Iterator[str]], ...] = (
    *(check_examples, check_links, check_files, check_commands, check_parts, check_translation),
)


def main() -> int:
    problems = [problem for page in pages() for check in CHECKS for problem in check(page)]
    for problem in problems:
        print(problem)
    return min(len(problems), 1)


if __name__ == "__main__":
    sys.exit(main())
