"""YAML as its version 1.2 has it: `on`, `12:30`, `1_000` and a date are texts, `07` is seven.

So that what an author writes is what is compared, and files that other tools read mean the same.
"""

import re

import yaml

_LONGEST = 400  # digits of a whole number


class Loader(yaml.SafeLoader):
    """The safe loader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  as PyYAML declares it; filled below


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), [*"~nN", ""]
)
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), [*"tTfF"]
)
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"),
    [*"-+0123456789"],
)
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^(?:[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    [*"-+.0123456789"],
)


def _int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    """PyYAML's own takes `010` for eight."""
    text = str(loader.construct_scalar(node))
    if len(text) > _LONGEST:
        raise yaml.constructor.ConstructorError(
            problem=f"a number of {len(text)} digits", problem_mark=node.start_mark
        )
    return int(text, 16 if text[:2] == "0x" else 8 if text[:2] == "0o" else 10)


def _float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    """PyYAML's own takes `1e3` for a text."""
    text = str(loader.construct_scalar(node)).lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


Loader.add_constructor("tag:yaml.org,2002:int", _int)
Loader.add_constructor("tag:yaml.org,2002:float", _float)
