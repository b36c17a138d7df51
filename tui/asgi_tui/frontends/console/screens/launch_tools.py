"""What the Launch screen does beside its form: paste, presets, variables, interpreters, installing, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.frontends.console.draft import Draft, pasted
from asgi_tui.frontends.console.screens.launch_lookups import LaunchLookups

if TYPE_CHECKING:
    from asgi_tui.domain.command_line import Parsed
    from asgi_tui.domain.environment import Variable
    from asgi_tui.engine.ambient import Ambient
    from asgi_tui.engine.presets import Where
    from asgi_tui.engine.project import Project
    from asgi_tui.frontends.console.screens.install import Part


class LaunchTools(LaunchLookups):
    """Opens the dialogs and puts what they give into the draft; the form itself is the subclass's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "paste", "Paste", tooltip="Fill the form from a command", id="launch.paste", show=False),
        Binding(
            "l", "presets", "Presets", tooltip="Presets and last launches", id="launch.presets", show=False
        ),
        Binding(
            "v",
            "environment",
            "Variables",
            tooltip="The app's environment variables",
            id="launch.environment",
            show=False,
        ),
        Binding(
            "y",
            "interpreters",
            "Python",
            tooltip="Choose the interpreter of the app",
            id="launch.interpreters",
            show=False,
        ),
        Binding(
            "i",
            "install",
            "Install",
            tooltip="Install the server or parts of it",
            id="launch.install",
            show=False,
        ),
        Binding("f", "file", "File", tooltip="Choose the app's file", id="launch.file", show=False),
        Binding(
            "u",
            "trust",
            "Ask Python",
            tooltip="Read the options from the project's own interpreter, which runs it",
            id="launch.trust",
        ),
    ]

    def take_draft(self, draft: Draft, said: Sequence[str] = ()) -> None:
        """Puts another draft into the form; ``said`` is what was made of it. For the subclass to do."""
        raise NotImplementedError

    # -- paste -------------------------------------------------------------------------------------

    def action_paste(self) -> None:
        """Fills the form from a native command."""
        from asgi_tui.frontends.console.screens.paste import PasteDialog

        self.app.push_screen(PasteDialog(), self._pasted)

    def _pasted(self, parsed: Parsed | None) -> None:
        if parsed is not None:
            typed = self._state.draft
            draft, said = pasted(parsed, typed.base)
            self.take_draft(replace(draft, python=typed.python, reloading=typed.reloading), said)

    # -- presets -----------------------------------------------------------------------------------

    def action_presets(self) -> None:
        """Loads a preset or a last launch, or saves the form."""
        from asgi_tui.frontends.console.screens.presets import PresetsDialog

        knowledge, cwd = self._knowledge, self._state.draft.base.cwd

        def save(name: str, where: Where) -> Sequence[str]:
            reading = self._state.draft.read()
            if reading.plan is None:
                raise Problem(f"Preset {name}", "the form cannot start yet", "mend what it complains about")
            return knowledge.save_preset(reading.plan, name, where)

        def delete(name: str, where: Where) -> None:
            knowledge.delete_preset(name, where, cwd)

        dialog = PresetsDialog(lambda: knowledge.presets(cwd), save, delete, cwd=cwd)
        self.app.push_screen(dialog, self._take_plan)

    def _take_plan(self, plan: LaunchPlan | None) -> None:
        if plan is None:
            return
        old = self._state.draft
        self.take_draft(Draft.of(plan))
        if (plan.cwd, plan.python or "") != (old.base.cwd, old.python):
            self.post_message(self.Look(plan.cwd, plan.python or ""))

    # -- variables ---------------------------------------------------------------------------------

    def action_environment(self) -> None:
        """Shows and edits the app's environment."""
        from asgi_tui.frontends.console.screens.environment import EnvironmentDialog

        plan, outlook, knowledge = self.draft_plan(), self._state.outlook, self._knowledge

        def read(
            env: Mapping[str, str], files: Sequence[str]
        ) -> tuple[Sequence[Variable], Mapping[str, Ambient]]:
            changed = replace(plan, env=dict(env), env_files=tuple(files))
            variables = knowledge.environment(changed)
            return variables, knowledge.ambient(changed, outlook) if outlook else {}

        def files() -> Sequence[str]:
            return knowledge.environment_files(plan.cwd)

        base = self._state.draft.base
        self.app.push_screen(EnvironmentDialog(base.env, base.env_files, read, files), self._take_environment)

    def _take_environment(self, result: tuple[Mapping[str, str], tuple[str, ...]] | None) -> None:
        if result is not None:
            env, files = result
            base = replace(self._state.draft.base, env=dict(env), env_files=files)
            self.take_draft(replace(self._state.draft, base=base))

    # -- interpreters ------------------------------------------------------------------------------

    def action_interpreters(self) -> None:
        """Chooses the interpreter."""
        from asgi_tui.frontends.console.screens.interpreters import InterpretersDialog

        cwd, knowledge = Path(self._state.draft.base.cwd), self._knowledge

        dialog = InterpretersDialog(
            partial(knowledge.interpreters, cwd),
            knowledge.servers_in,
            current=self._state.draft.python.strip(),
            home=str(Path.home()),
        )
        self.app.push_screen(dialog, self._take_python)

    def _take_python(self, python: str | None) -> None:
        if python is not None:
            self.take_draft(replace(self._state.draft, python=python))
            self.post_message(self.Look(self._state.draft.base.cwd, python))

    # -- installing --------------------------------------------------------------------------------

    def action_install(self) -> None:
        """Installs the server, or parts of it."""
        from asgi_tui.frontends.console.screens.install import InstallDialog

        project = self._state.project
        if project is None:
            return
        knowledge, title = self._knowledge, get_server(self._state.draft.server).title
        dialog = InstallDialog(
            f"Install for {title}",
            self._parts(project),
            lambda requirements: knowledge.install_command(project, tuple(requirements)),
            knowledge.installation,
            home=str(Path.home()),
        )
        self.app.push_screen(dialog, self._installed)

    def _parts(self, project: Project) -> list[Part]:
        from asgi_tui.domain.extras import missing_extras
        from asgi_tui.frontends.console.screens.install import Part

        info = project.server(self._state.draft.server)
        parts = [Part(name, "needed to run it", chosen=True) for name in info.missing]
        installed = self._state.outlook.installed if self._state.outlook is not None else {}
        wanted = {part.requirement for part in parts}
        extras = missing_extras(info.name, installed)
        return parts + [
            Part(item.requirement, item.unlocks) for item in extras if item.requirement not in wanted
        ]

    def _installed(self, ran: bool | None) -> None:
        if ran:
            self.post_message(self.Look(self._state.draft.base.cwd, self._state.draft.python.strip()))

    # -- files -------------------------------------------------------------------------------------

    def action_file(self) -> None:
        """Chooses the app's file."""
        from asgi_tui.frontends.console.screens.files import FileDialog

        cwd = str(Path(self._state.draft.base.cwd).resolve())
        self.app.push_screen(FileDialog(cwd, home=str(Path.home())), self._take_file)

    def _take_file(self, path: str | None) -> None:
        if path is not None:
            values = {name: text for name, text in self._state.draft.values.items() if name != "app_dir"}
            self.take_draft(replace(self._state.draft, target=path, values=values))

    # -- trust -------------------------------------------------------------------------------------

    def action_trust(self) -> None:
        """Asks whether the project's interpreter may be run to read its servers' options."""
        from asgi_tui.frontends.console.screens.trust import TrustDialog

        outlook = self._state.outlook
        if outlook is not None and outlook.asks is not None:
            self.app.push_screen(TrustDialog(outlook.asks), self._trusted)

    def _trusted(self, yes: bool | None) -> None:
        if yes and self._state.outlook is not None and self._state.outlook.asks is not None:
            self._trust(self._state.outlook.asks)

    @work(thread=True, group="trust", exit_on_error=False)
    def _trust(self, python: Path) -> None:
        try:
            self._knowledge.trust(python)
        except Problem as problem:
            self.app.call_from_thread(self.notify, str(problem), severity="warning", markup=False)
        self.app.call_from_thread(
            self.post_message, self.Look(self._state.draft.base.cwd, self._state.draft.python.strip())
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What means something now."""
        match action:
            case "trust":
                return self._state.outlook is not None and self._state.outlook.asks is not None
            case "install":
                return self._state.project is not None
            case _:
                return super().check_action(action, parameters)
