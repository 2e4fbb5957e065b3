"""The rules as they stand, as files that an author edits and applies."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hypervisor.base.errors import RulebookError
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook.service import latest, of
from hypervisor.rulebook.stamps import mark
from hypervisor.rulebook.timeline import standing
from hypervisor.rulebook.writing import pack_text
from rules._errors import nearest


def files(
    known: Mapping[str, Sequence[RecordedRevision]],
    *,
    domain: str | None = None,
    rule: str | None = None,
) -> dict[str, str]:
    """By domain: the text of its file. What is withdrawn is in none.

    Raises:
        RulebookError: nothing is left to write.
    """
    chosen = {rule: of(known, rule)} if rule else known
    found: dict[str, list[str]] = {}
    for key in sorted(chosen):
        last = standing(chosen[key])[-1]
        if last.value is not None:
            found.setdefault(str(last.value.get("domain", "")), []).append(key)
    if domain is not None:
        if domain not in found:
            raise RulebookError(f"no rule of a domain {domain!r} stands{nearest(domain, found)}")
        found = {domain: found[domain]}
    if not found:
        raise RulebookError("no rule stands: start the watch, or `hypervisor rules apply`")
    return {name: _text(keys, chosen) for name, keys in found.items()}


def single(texts: Mapping[str, str]) -> str:
    """For standard output.

    Raises:
        RulebookError: they are rules of several domains, and a file holds those of one.
    """
    if len(texts) > 1:
        raise RulebookError(
            f"a file holds the rules of one domain: say --domain ({', '.join(sorted(texts))}),"
            " or --output FOLDER for all of them"
        )
    return next(iter(texts.values()))


def placed(texts: Mapping[str, str], output: Path) -> dict[Path, str]:
    """Where each text goes: a folder has a file a domain."""
    if output.is_dir() or len(texts) > 1:
        return {output / f"{domain}.yaml": text for domain, text in texts.items()}
    return {output: single(texts)}


def save(path: Path, text: str, *, force: bool) -> None:
    """Write a file.

    Raises:
        RulebookError: it is there already, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise RulebookError(
            f"{path} is there already, perhaps with changes of yours: name another file, or --force"
        ) from error
    except OSError as error:
        raise RulebookError(f"{path} cannot be written: {error.strerror}") from error


def _text(keys: Sequence[str], known: Mapping[str, Sequence[RecordedRevision]]) -> str:
    rules = []
    for key in keys:
        value = standing(known[key])[-1].value
        if value is not None:
            rules.append((value, mark(latest(known[key]))))
    return pack_text(rules)
