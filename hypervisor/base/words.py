"""Titles of rules, as pages shorten them."""

NBSP = "\N{NO-BREAK SPACE}"
_NAMES = ("{site}", "{device}", "{group}")


def bare(title: str) -> str:
    """A title as a rule writes it, without the name of its subject."""
    for name in _NAMES:
        for joint in (f"{name}{NBSP}: ", f"{name} : ", f"{name}: ", f"{name}, ", name):
            if title.startswith(joint):
                title = title.removeprefix(joint)
                break
    for name in _NAMES:
        title = title.replace(name, "…")
    return title[:1].upper() + title[1:]
