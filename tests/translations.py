"""French of every page text and message, none that nothing says: `python -m tests.translations`.

`make check` runs it. Page texts are what Babel finds by the keywords below; messages are the
templates of errors (`raise LogError("no entry {number}", number)`) and of `Message(…)`.
"""

import ast
import io
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import Any, BinaryIO

from babel.messages.extract import extract_from_dir, extract_python
from babel.messages.frontend import parse_mapping_cfg

from hypervisor.base.translation import read_messages
from sensors._errors import field_names

ROOT = Path(__file__).parents[1]
KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "mark": None,
    "mark_plural": (1, 2),
    "translate": None,
    "translate_plural": (1, 2),
}
_MACHINES = {
    *(
        "AmqpError",
        "AssertionError",
        "CursorError",
        "NoResourceError",
        "QueryError",
        "SpanError",
        "TypeError",
    ),
    "ValueError",
}
_PAGE_FIELD = re.compile(r"%\((\w+)\)s")
_STORED = "stored.po"  # matches what the database holds as text, also of earlier versions
Extracted = tuple[int, str | None, str | tuple[str, ...], list[str]]


def extract_code(
    file: BinaryIO,
    keywords: Mapping[str, Any],
    comment_tags: Collection[str],
    options: Mapping[str, Any],
) -> Iterator[Extracted]:
    """Page texts and messages of a module, as Babel calls it."""
    content = file.read()
    yield from extract_python(io.BytesIO(content), keywords, comment_tags, dict(options))  # type: ignore[arg-type,misc]
    for call, template, _values in find_messages(ast.parse(content)):
        yield call.lineno, None, template, []


def find_messages(tree: ast.Module) -> Iterator[tuple[ast.Call, str, int | None]]:
    """(call, template, how many values it is given; None: starred) of each message."""
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        error = name.endswith("Error") and name not in _MACHINES
        if not error and name not in {"Message", "fail", "unusable"}:
            continue
        for place, argument in enumerate(node.args[:2]):  # some begin with a place or a reason
            texts = [argument]
            if isinstance(argument, ast.Name):
                texts = [constants.get(argument.id, argument)]
            elif isinstance(argument, ast.IfExp):
                texts = [argument.body, argument.orelse]
            templates = [
                text.value
                for text in texts
                if isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value
            ]
            values = node.args[place + 1 :]
            starred = any(isinstance(value, ast.Starred) for value in values)
            yield from ((node, text, None if starred else len(values)) for text in templates)
            if templates:
                break


def check_values() -> Iterator[str]:
    """Messages that are given more or fewer values than their template names."""
    for folder in ("hypervisor", "ingest", "rules", "sensors", "simulators", "dashboards"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for call, template, count in find_messages(ast.parse(path.read_text("utf-8"))):
                if count and count != len(field_names(template)):
                    yield f"{path.relative_to(ROOT)}:{call.lineno}: {count} values for {template!r}"


def check_reasons() -> Iterator[str]:
    """Reasons that are stored as a finished sentence, which no page could translate."""
    for path in sorted((ROOT / "hypervisor").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword | ast.Assign):
                named = node.arg if isinstance(node, ast.keyword) else ast.unparse(node.targets[0])
                parts = list(ast.walk(node.value)) if not isinstance(node.value, ast.Call) else []
                if named == "reason" and any(isinstance(each, ast.JoinedStr) for each in parts):
                    where = f"{path.relative_to(ROOT)}:{node.value.lineno}"
                    yield f"{where}: a reason is a Message with a template: pages translate it"


def list_texts() -> Iterator[tuple[str, tuple[str, ...]]]:
    """(where, text and its plural) of everything that a page may show."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    for name, line, text, *_ in extract_from_dir(ROOT, methods, options, KEYWORDS):
        forms = text if isinstance(text, tuple) else (text,)
        if forms[0] and re.search(r"[^\W\d_]{2}", re.sub(r"{.*?}", "", forms[0])):
            yield f"{name}:{line}", tuple(form for form in forms if form)


def list_kinds() -> Iterator[tuple[str, tuple[str]]]:
    """(where, kind) of each act that the audit page names."""
    for path in sorted((ROOT / "hypervisor").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record":
                for keyword in node.keywords:
                    if keyword.arg == "kind" and isinstance(keyword.value, ast.Constant):
                        where = f"{path.relative_to(ROOT)}:{node.lineno}"
                        yield where, (str(keyword.value.value),)


def list_strings() -> Iterator[str]:
    """Every string of the code: words of tables are translated where they are shown."""
    for folder in ("hypervisor", "ingest", "rules", "sensors", "simulators"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield from (node.value, node.value.replace("{", "").replace("}", ""))  # {veh}/h


def check_french() -> Iterator[str]:
    """What lacks its French, and French that nothing needs or that does not fit."""
    texts = [*list_texts(), *list_kinds()]
    french: dict[str, tuple[str, ...]] = {}
    files: dict[str, str] = {}
    used = {forms[0] for _, forms in texts} | set(list_strings())
    for file, message in read_messages("fr"):
        key, *plural = [message.id] if isinstance(message.id, str) else message.id
        forms = (
            (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
        )
        if not all(forms) or message.fuzzy:
            yield f"{file}: {key!r} has no French"
        if key in french:
            yield f"{file}: {key!r} is in {files[key]} already: pages share their French"
        files[key], french[key] = file, forms
        if key not in used and file != _STORED:
            yield f"{file}: nothing says {key!r}"
        wrong = {field for form in forms for field in _fields(form)} - {*_fields(key), "num"}
        if wrong:
            yield f"{file}: {key!r} has no {', '.join(sorted(wrong))}"
        if plural and len(forms) < 2:
            yield f"{file}: {key!r} lacks the plural"
    for where, text in texts:
        if text[0] not in french:
            yield f"{where}: {text[0]!r} has no French"
        elif len(text) > 1 and len(french[text[0]]) < 2:
            yield f"{where}: {text[0]!r} has no French plural"


def _fields(text: str) -> Iterable[str]:
    """What a text is filled with: `%(name)s` of pages, `{name}` of messages."""
    if "%(" in text:
        return _PAGE_FIELD.findall(text)
    try:
        return [name for _, name, _, _ in Formatter().parse(text) if name]
    except ValueError:  # braces of an example
        return []


def main() -> int:
    problems = sorted({*check_values(), *check_reasons(), *check_french()})
    print("\n".join(problems) or "French: complete")
    return min(len(problems), 1)


if __name__ == "__main__":
    sys.exit(main())
