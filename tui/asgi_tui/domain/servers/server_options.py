"""What a server's options are: the common ones, its own, and how the two stand to each other."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.options import Option, OptionTable, with_value
from asgi_tui.domain.values import Kind, Spec, Value


@dataclass(frozen=True, slots=True)
class Flag:
    """How one concept becomes native arguments.

    ``off`` is the argument that turns a switch off; ``choices`` are the server's own where they are not
    the concept's; ``values`` renames values; ``default`` is what the server does when nothing is given.
    """

    flag: str
    off: str = ""
    choices: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    default: Value | None = None
    note: str = ""

    def arguments(self, value: Value) -> list[str]:
        """The native arguments for ``value``."""
        if isinstance(value, bool):
            chosen = self.flag if value else self.off
            return chosen.split() if chosen else []
        return with_value(self.flag, self.values.get(str(value), str(value)))

    def says(self, value: Value) -> bool:
        """Whether there are words for ``value``: many a switch has none for off."""
        return not isinstance(value, bool) or bool(self.flag if value else self.off)


class ServerOptions:
    """The options of one server; a subclass is data, and code where the server is unlike the others."""

    name: ClassVar[str]
    # `python -m MODULE` runs it; its overlay has the module's name in `asgi_tui.domain.servers.overlays`.
    module: ClassVar[str]
    flags: ClassVar[Mapping[str, Flag]]
    # Values at which a concept that the server lacks is accepted all the same.
    neutral: ClassVar[Mapping[str, tuple[Value, ...]]] = {}
    # Why the server lacks a concept, in a few words.
    lacks: ClassVar[Mapping[str, str]] = {}
    # What ends the directory of the app where more may follow it.
    splits_directory_at: ClassVar[str] = ""

    _NEUTRAL: ClassVar[Mapping[str, tuple[Value, ...]]] = {
        "workers": (1,),
        "lifespan": ("auto",),
        "factory": (False,),
        "http": ("auto",),
        "ws": ("auto",),
        "proxy_headers": (False,),
    }

    @cached_property
    def overlay(self) -> tuple[Option, ...]:
        """Every native option as far as it is known here; imported when first asked for."""
        module = f"asgi_tui.domain.servers.overlays.{self.module}"
        options: tuple[Option, ...] = importlib.import_module(module).OPTIONS
        return options

    @cached_property
    def table(self) -> OptionTable:
        """The overlay alone, for where the installed version has not been asked."""
        return OptionTable(self.name, self.overlay)

    @cached_property
    def _own(self) -> dict[str, Option]:
        return {option.name: option for option in self.overlay if option.key not in CONCEPTS}

    @cached_property
    def flag_names(self) -> frozenset[str]:
        """Every spelling of every option."""
        return frozenset(flag for option in self.overlay for flag in (*option.flags, *option.off))

    def own(self, key: str) -> Option | None:
        """The native option that a plan holds under ``key``; None for a concept or an unknown name."""
        return None if key in CONCEPTS else self._own.get(key)

    def spec(self, key: str) -> Spec | None:
        """What a value under ``key`` may be on this server; None where there is no such option."""
        if key in CONCEPTS:
            choices = self.choices(key)
            return CONCEPTS[key].with_choices(choices) if choices else CONCEPTS[key]
        return self.own(key)

    def show(self, key: str, value: Value) -> str:
        """An option's value as a person reads it; a secret is masked."""
        spec = self.spec(key)
        return spec.show(value) if spec else str(value)

    def for_form(self, table: OptionTable) -> OptionTable:
        """The table with its common options in the concepts' terms, as a plan holds them."""
        return replace(table, options=tuple(map(self._in_concepts, table.options)))

    def _in_concepts(self, option: Option) -> Option:
        concept = CONCEPTS.get(option.key)
        if concept is None:
            return option
        choices = option.choices if option.kind is concept.kind is Kind.CHOICE else self.choices(option.key)
        return replace(
            option,
            kind=concept.kind,
            choices=choices,
            minimum=concept.minimum,
            maximum=concept.maximum,
            unit=concept.unit,
            paths=concept.paths,
            multiple=False,
            default=self.default(option.key),
        )

    def native_parts(self, option: Option, text: str) -> list[tuple[str, str]]:
        """What one native option with its value says, as (key, text): concepts where they can say it.

        ``text`` is "on" or "off" for an option without a value. Where the server renames a concept's
        values, the last of those with the same native one stands for all.
        """
        flag = self.flags.get(option.key)
        if flag is not None and flag.values:
            names = [name for name, native in flag.values.items() if native == text]
            return [(option.key, names[-1] if names else text)]
        return [(option.key, text)]

    def read_back(self, given: Mapping[str, str]) -> dict[str, str]:
        """What the native options of one command say together: their names and texts to keys and texts."""
        texts: dict[str, str] = {}
        for name, text in given.items():
            option = self.table.named(name)
            assert option is not None
            texts |= dict(self.native_parts(option, text))
        return texts

    def read_target(self, text: str) -> tuple[str, str]:
        """The target that a command names, and the directory it is in where that is written with it."""
        return text, ""

    def canonical(self, options: Mapping[str, Value]) -> dict[str, Value]:
        """The options less what the native command has no word for, each value as it is read back."""
        kept: dict[str, Value] = {}
        for key, value in options.items():
            option, flag = self.own(key), self.flags.get(key)
            if option is not None:
                kept |= self._read_back_own(option, value)
            elif flag is not None and (flag.says(value) or (key == "factory" and value)):
                kept[key] = self._read_back_renamed(flag, value)
        return kept

    def _read_back_own(self, option: Option, value: Value) -> dict[str, Value]:
        if not option.arguments(value):
            return {}
        if option.multiple:
            return {option.key: value}
        parts = [(key, text, self.spec(key)) for key, text in self.native_parts(option, option.spell(value))]
        return {key: spec.read(text) for key, text, spec in parts if spec is not None}

    def _read_back_renamed(self, flag: Flag, value: Value) -> Value:
        native = flag.values.get(str(value))
        return next((name for name in reversed([*flag.values]) if flag.values[name] == native), value)

    def supports(self, concept: str) -> bool:
        """Whether the server has an option for the concept."""
        return concept in self.flags

    def choices(self, concept: str) -> tuple[str, ...]:
        """The values a choice may take on this server; empty where any text will do."""
        flag = self.flags.get(concept)
        return (flag.choices if flag else ()) or CONCEPTS[concept].choices

    def default(self, concept: str) -> Value | None:
        """What the server does when the concept is left out; None where it has no such option."""
        flag = self.flags.get(concept)
        return flag.default if flag else None

    def is_neutral(self, concept: str, value: Value) -> bool:
        """Whether a concept that the server lacks changes nothing at this value."""
        return value in self.neutral.get(concept, self._NEUTRAL.get(concept, ()))

    def why_not(self, concept: str, value: Value) -> str | None:
        """Why the server cannot do this option, or None where it can."""
        if concept not in self.flags:
            if self.is_neutral(concept, value):
                return None
            return self.lacks.get(concept, f"{self.name} has no such option")
        choices = self.choices(concept)
        if CONCEPTS[concept].kind is Kind.CHOICE and choices and value not in choices:
            return f"{self.name} knows {', '.join(choices)}"
        if concept == "app_dir" and self.splits_directory_at and self.splits_directory_at in str(value):
            return f"{self.name} splits it at each {self.splits_directory_at}"
        return None

    def why_not_option(self, key: str, value: Value) -> str | None:
        """Why the server cannot do this option, common or its own; None where it can."""
        if key in CONCEPTS:
            return self.why_not(key, value)
        option = self.own(key)
        if option is None:
            return f"{self.name} has no such option"
        if isinstance(value, bool) and value is not bool(option.default) and not option.arguments(value):
            return f"{self.name} has no argument that turns it {'on' if value else 'off'}"
        return option.refused or None

    def default_of(self, key: str) -> Value | None:
        """What the server does where the option, common or its own, is left out."""
        option = self.own(key)
        return option.default if option is not None else self.default(key)
