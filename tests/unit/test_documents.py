"""An example that does not say how it runs is refused, and so is what no longer exists."""

from pathlib import Path

import pytest

from tests import documents, generated

PAGE = """
# A page

See [there](#a-page), [nowhere](#none), `hypervisor alarms --log` and `hypervisor alarms --loud`.
Files are `tests/documents.py` and `rules/none.yaml`.

```sh
hypervisor up
```

```yaml
sites: []
```

    hypervisor down

```yaml file=a.yaml
sites: []
```

<!-- devices -->12<!-- / -->
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(documents, "ROOT", tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "documents.py").touch()
    file = tmp_path / "page.md"
    file.write_text(PAGE, encoding="utf-8")
    return file


def test_what_is_wrong_with_a_page(page: Path) -> None:
    problems = [problem for check in documents.CHECKS for problem in check(page)]
    assert problems == [
        "page.md:11: ```yaml does not say how it runs (CONTRIBUTING.md, house rules)",
        "page.md:15: ``` does not say how it runs (CONTRIBUTING.md, house rules)",
        "page.md:4: no heading #none in page.md",
        "page.md:5: no file rules/none.yaml",
        "page.md:4: `hypervisor alarms --loud`: no option --loud",
        "page.md: 'devices' is out of date: python -m tests.generated",
    ]
    page.write_text(generated.rewrite(PAGE), encoding="utf-8")
    assert list(generated.check_parts(page)) == []


@pytest.mark.parametrize(
    ("info", "how"),
    [
        ("sh", {"how": "run"}),
        ("sh long", {"how": "run", "long": True}),
        ("sh with 12=echo 3", {"how": "run", "word": "12", "value": "echo 3"}),
        ("sql file=a.sql", {"how": "file", "name": "a.sql"}),
        ("yaml more=a.yaml", {"how": "more", "name": "a.yaml"}),
        ("text output", {"how": "output"}),
        ("sh not run: needs Docker", {"how": "shown"}),
        ("python in tests/reader.py", {"how": "test", "test": "tests/reader.py"}),
    ],
)
def test_how_an_example_runs(page: Path, info: str, how: dict[str, object]) -> None:
    (page.parent / "tests" / "reader.py").write_text("page.md", encoding="utf-8")
    page.write_text(f"```{info}\n  text\n```\n", encoding="utf-8")
    (example,) = documents.examples(page)
    assert {name: getattr(example, name) for name in how} == how
    assert example.text == "  text\n"


def test_a_test_that_does_not_read_the_page_runs_nothing(page: Path) -> None:
    (page.parent / "tests" / "reader.py").write_text("another.md", encoding="utf-8")
    page.write_text("```sh in tests/reader.py\n```\n", encoding="utf-8")
    with pytest.raises(documents.UnmarkedError, match=r"no test that reads page\.md"):
        documents.examples(page)


def test_commands_are_joined_until_they_are_complete() -> None:
    text = "# first\na=1   # one\ncurl \\\n  x\necho '{\n}'\ncat <<E\n1\nE\n"
    assert documents.split_commands(text) == [
        "a=1   # one",
        "curl \\\n  x",
        "echo '{\n}'",
        "cat <<E\n1\nE",
    ]


@pytest.mark.parametrize(
    ("shown", "same"),
    [("level  4.3", True), ("level … m", True), ("<name> 4.3", True), ("level 4.4", False)],
)
def test_output_is_compared_with_wildcards(shown: str, same: bool) -> None:  # noqa: FBT001  a case
    assert documents.matches(shown, "time   level\n 4.3 m") is same


ENGLISH = """# Trying

Write `rules try`.

- one
- two

```sh
hypervisor doctor    # how it is
```
"""
FRENCH = """# Essayer

Écrivez `rules try`.

- un
- deux

```sh
hypervisor doctor    # son état
```
"""


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("# Essayer", "# Essayer", ""),
        ("# Essayer", "# Essayer\n\n## Encore", "other headings than docs/page.md"),
        ("rules try", "rules test", "under 'Essayer': lacks ['rules try'], adds ['rules test']"),
        ("- deux\n", "", "under 'Essayer': 1 items, not 2"),
        ("hypervisor doctor", "hypervisor status", "example 1 is not that of docs/page.md"),
        ("```sh", "```sh long", "example 1 is not that of docs/page.md"),
    ],
)
def test_a_french_page_agrees_with_the_english_one(
    page: Path, monkeypatch: pytest.MonkeyPatch, *, old: str, new: str, problem: str
) -> None:
    folder = page.parent / "docs" / "fr"
    folder.mkdir(parents=True)
    monkeypatch.setattr(documents, "FRENCH", folder)
    (folder.parent / "page.md").write_text(ENGLISH, encoding="utf-8")
    french = folder / "page.md"
    french.write_text(FRENCH.replace(old, new), encoding="utf-8")
    expected = [f"docs/fr/page.md: {problem}"] if problem else []
    assert list(documents.check_translation(french)) == expected
    assert list(documents.check_translation(folder.parent / "page.md")) == []


def test_a_french_page_translates_a_page(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = page.parent / "docs" / "fr"
    folder.mkdir(parents=True)
    monkeypatch.setattr(documents, "FRENCH", folder)
    french = folder / "page.md"
    french.write_text(FRENCH, encoding="utf-8")
    (problem,) = documents.check_translation(french)
    assert problem == "docs/fr/page.md: no docs/page.md, which it translates"
