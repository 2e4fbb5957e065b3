"""What people read, in both languages, beside each other."""

from dataclasses import dataclass
from typing import Literal

Lang = Literal["en", "fr"]


@dataclass(frozen=True)
class Text:
    """A title, a label or a sentence."""

    en: str
    fr: str

    def in_(self, lang: Lang) -> str:
        """The words of one language."""
        return self.fr if lang == "fr" else self.en


def words(text: "Text | str", lang: Lang) -> str:
    """Text in `lang`; a plain string says the same in both (a name, a symbol)."""
    return text if isinstance(text, str) else text.in_(lang)
