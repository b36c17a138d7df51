"""The message of a screen that is shown again."""

from __future__ import annotations

from textual.message import Message


class Returned(Message):
    """The screen has missed what happened meanwhile, and is to be told everything."""
