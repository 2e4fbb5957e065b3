"""Current rules as pack files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hypervisor.base.errors import RulebookError
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook.service import get_revisions
from hypervisor.rulebook.stamps import mark_of
from hypervisor.rulebook.timeline import effective_revisions, latest
from hypervisor.rulebook.yaml_output import pack_text
from sensors._nearest import did_you_mean


def export_texts(
    histories: Mapping[str, Sequence[RecordedRevision]],
    *,
    domain: str | None = None,
    rule: str | None = None,
) -> dict[str, str]:
    """Pack text by domain, without withdrawn rules.

    Raises:
        RulebookError: there is no rule to export.
    """
    chosen = {rule: get_revisions(histories, rule)} if rule else histories
    keys_by_domain: dict[str, list[str]] = {}
    for key in sorted(chosen):
        last = effective_revisions(chosen[key])[-1]
        if last.value is not None:
            keys_by_domain.setdefault(str(last.value.get("domain", "")), []).append(key)
    if domain is not None:
        if domain not in keys_by_domain:
            raise RulebookError(
                f"no rule of domain {domain!r}{did_you_mean(domain, keys_by_domain)}"
            )
        keys_by_domain = {domain: keys_by_domain[domain]}
    if not keys_by_domain:
        raise RulebookError("there are no rules yet: start the watch, or `hypervisor rules apply`")
    return {name: _domain_text(keys, chosen) for name, keys in keys_by_domain.items()}


def single_text(texts: Mapping[str, str]) -> str:
    """The only text, for standard output.

    Raises:
        RulebookError: the rules are of several domains.
    """
    if len(texts) > 1:
        raise RulebookError(
            f"a file holds the rules of one domain: use --domain ({', '.join(sorted(texts))}),"
            " or --output FOLDER for all of them"
        )
    return next(iter(texts.values()))


def output_paths(texts: Mapping[str, str], output: Path) -> dict[Path, str]:
    """Target path of each text: one file per domain in a folder."""
    if output.is_dir() or len(texts) > 1:
        return {output / f"{domain}.yaml": text for domain, text in texts.items()}
    return {output: single_text(texts)}


def write_file(path: Path, text: str, *, force: bool) -> None:
    """Write a file.

    Raises:
        RulebookError: the file exists, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise RulebookError(
            f"{path} exists and may contain your changes: choose another file, or use --force"
        ) from error
    except OSError as error:
        raise RulebookError(f"{path} cannot be written: {error.strerror}") from error


def _domain_text(keys: Sequence[str], histories: Mapping[str, Sequence[RecordedRevision]]) -> str:
    rules = []
    for key in keys:
        value = effective_revisions(histories[key])[-1].value
        if value is not None:
            rules.append((value, mark_of(latest(histories[key]))))
    return pack_text(rules)
