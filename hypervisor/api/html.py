"""Plain pages: escaped text in a few tags, readable without a style or a script."""

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --edge: #8886; --quiet: #777; --exercise: #b45309;
  --bad: #b91c1c; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem;
  padding: 0 1rem 3rem; }
header { display: flex; flex-wrap: wrap; gap: 1rem; align-items: baseline; padding: 1rem 0; }
h1 { font-size: 1.3rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.mode { font-weight: 700; padding: .1rem .7rem; border: 2px solid; border-radius: .3rem; }
.exercice { background: var(--exercise); color: #fff; border-color: var(--exercise); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--edge);
  vertical-align: top; }
th { font-weight: 600; }
.quiet { color: var(--quiet); }
.bad { color: var(--bad); font-weight: 700; }
.scroll { overflow-x: auto; }
a { color: inherit; }
"""


def page(title: str, banner: str, body: Iterable[str]) -> str:
    """A whole page; the mode comes first, whatever the page is about."""
    exercise = " exercice" if banner == "EXERCICE" else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(banner)} · {escape(title)}</title>"
        '<link rel="stylesheet" href="/style.css"></head><body>'
        f'<header><span class="mode{exercise}">{escape(banner)}</span>'
        f"<h1>{escape(title)}</h1></header><main>{''.join(body)}</main></body></html>"
    )


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are ready HTML: `text` and `link` make them."""
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    return (
        f'<h2>{escape(caption)}</h2><div class="scroll"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def text(words: object, kind: str = "") -> str:
    """Escaped; with `kind` of the style: quiet or bad."""
    said = escape(str(words))
    return f'<span class="{kind}">{said}</span>' if kind else said


def link(address: str, words: str) -> str:
    return f'<a href="{escape(address, quote=True)}">{escape(words)}</a>'


def paragraph(*parts: str) -> str:
    return f"<p>{' '.join(parts)}</p>"
