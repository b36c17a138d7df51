"""What to run: the import target of the app."""

from __future__ import annotations

import keyword
from dataclasses import dataclass, replace

from asgi_tui.domain.errors import Problem

_MEND = "write it as module:attribute, for example main:app"


def _is_dotted_name(text: str) -> bool:
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in text.split("."))


@dataclass(frozen=True, slots=True)
class Target:
    """An app: ``module:attribute``, ``module`` alone, or a file with or without an attribute.

    ``path`` is set where a file was named, ``module`` otherwise; the engine turns a file into its
    module (``engine.project``). An empty ``attribute`` means the one found in the source.
    """

    module: str = ""
    attribute: str = ""
    path: str = ""
    factory: bool = False

    @classmethod
    def parse(cls, text: str, *, factory: bool = False) -> Target:
        """Reads a target as every server spells it; ``module:create_app()`` (gunicorn) is a factory.

        Raises ``Problem`` where the text is none.
        """
        text = text.strip()
        if not text:
            raise Problem("Target", "it is empty", _MEND)
        where, colon, attribute = text.rpartition(":")
        if not colon:
            where, attribute = text, ""
        elif not attribute:
            raise Problem(f"Target {text!r}", "nothing follows the colon", _MEND)
        if attribute.endswith("()"):
            attribute, factory = attribute[:-2], True
        if attribute and not _is_dotted_name(attribute):
            raise Problem(f"Target {text!r}", f"{attribute!r} is no attribute name", _MEND)
        if where.endswith(".py") or "/" in where:
            if not where.endswith(".py"):
                raise Problem(f"Target {text!r}", "a path must name a .py file", _MEND)
            return cls(path=where, attribute=attribute, factory=factory)
        if not _is_dotted_name(where):
            raise Problem(f"Target {text!r}", f"{where!r} is no module name", _MEND)
        return cls(module=where, attribute=attribute, factory=factory)

    def with_attribute(self, attribute: str, *, factory: bool = False) -> Target:
        """The same target with its attribute known."""
        return replace(self, attribute=attribute, factory=factory or self.factory)

    def __str__(self) -> str:
        where = self.path or self.module
        return f"{where}:{self.attribute}" if self.attribute else where
