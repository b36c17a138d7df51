"""What goes wrong by the user's or the environment's doing, told in one sentence."""

from __future__ import annotations


class Problem(Exception):  # noqa: N818 - a problem is told to the user, it is not a fault of ours
    """One clear sentence: the thing, the cause and the mend.

    ``what`` names the thing, ``why`` the cause, ``mend`` what to do. ``usage`` is true where the user
    asked for something impossible (exit code 2), false where running it failed (exit code 1).
    """

    def __init__(self, what: str, why: str, mend: str = "", *, usage: bool = True) -> None:
        self.what = what
        self.why = why
        self.mend = mend
        self.usage = usage
        super().__init__(str(self))

    @property
    def exit_code(self) -> int:
        """The process exit code of the CLI contract: 2 for bad usage, 1 for a failure."""
        return 2 if self.usage else 1

    def __str__(self) -> str:
        sentence = f"{self.what}: {self.why}"
        return f"{sentence}; {self.mend}." if self.mend else f"{sentence}."
