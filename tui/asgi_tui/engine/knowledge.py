"""Everything a front end may ask about a project before anything of it runs. Every method blocks.

What a method needs is imported when it is first asked: the console's first paint waits for none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from asgi_tui.domain.errors import Problem

if TYPE_CHECKING:
    from asgi_tui.domain.environment import Variable
    from asgi_tui.domain.plan import LaunchPlan
    from asgi_tui.domain.saved_request import SavedList
    from asgi_tui.domain.sending import Sending
    from asgi_tui.engine.ambient import Ambient
    from asgi_tui.engine.history import Launch
    from asgi_tui.engine.installer import Installation, InstallCommand
    from asgi_tui.engine.interpreters import Interpreter
    from asgi_tui.engine.outlook import Outlook
    from asgi_tui.engine.presets import PresetList, Where
    from asgi_tui.engine.project import Project, ServerInfo


class Knowledge:
    """Looks things up for one console, in the environment it was started with. Raises ``Problem``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def project(self, cwd: Path, python: str | None) -> Project:
        """The project with its interpreter, servers and apps."""
        from asgi_tui.engine.project import load_project

        return load_project(cwd, python, self._environ)

    def outlook(self, plan: LaunchPlan, project: Project) -> Outlook:
        """The options of the plan's server as installed, and what bears on the plan."""
        from asgi_tui.engine.outlook import look_out

        return look_out(plan, project, self._environ)

    def trust(self, python: Path) -> None:
        """Remembers the user's yes to run this interpreter for its servers' options."""
        from asgi_tui.engine.trust import trust
        from asgi_tui.engine.user_files import state_directory

        trust(python, state_directory())

    def complete(self, base: Path, text: str) -> list[str]:
        """Targets that begin with ``text``."""
        from asgi_tui.engine.completion import complete_target

        return complete_target(base, text)

    def presets(self, cwd: str) -> tuple[PresetList, Sequence[Launch]]:
        """The named presets and the last launches."""
        from asgi_tui.engine import history, presets

        return presets.list_presets(cwd), history.recent()

    def save_preset(self, plan: LaunchPlan, name: str, where: Where) -> tuple[str, ...]:
        """Saves a plan; the names of the secrets that were left out."""
        from asgi_tui.engine import presets

        return presets.save_preset(plan, name, where, plan.cwd)

    def delete_preset(self, name: str, where: Where, cwd: str) -> None:
        """Deletes a preset."""
        from asgi_tui.engine import presets

        presets.delete_preset(name, where, cwd)

    def saved_requests(self, cwd: str) -> SavedList:
        """The saved requests of a directory's project."""
        from asgi_tui.engine import saved_requests

        return saved_requests.saved_requests(cwd)

    def save_request(
        self, cwd: str, name: str, sending: Sending, *, keep_body: bool = False
    ) -> tuple[str, ...]:
        """Saves a request less its secrets; what must be filled in before it is sent.

        ``keep_body``: with a body that cannot be searched for secrets.
        """
        from asgi_tui.engine import saved_requests

        return saved_requests.save_request(cwd, name, sending, keep_body=keep_body)

    def delete_request(self, cwd: str, name: str) -> None:
        """Deletes a saved request."""
        from asgi_tui.engine import saved_requests

        saved_requests.delete_request(cwd, name)

    def last_plan(self, cwd: str) -> LaunchPlan | None:
        """What was last started in a directory."""
        from asgi_tui.engine import history

        return history.last_plan(cwd)

    def remember(self, plan: LaunchPlan) -> None:
        """Adds a launch to the history."""
        from asgi_tui.engine import history

        history.remember(plan)

    def environment(self, plan: LaunchPlan) -> list[Variable]:
        """The variables the app gets, with where each comes from."""
        from asgi_tui.engine.environment import app_environment

        return app_environment(plan, self._environ)

    def environment_files(self, cwd: str) -> list[str]:
        """The environment files that lie in a directory."""
        from asgi_tui.engine.environment import dotenv_files

        return dotenv_files(cwd)

    def ambient(self, plan: LaunchPlan, outlook: Outlook) -> Mapping[str, Ambient]:
        """What the server would read by itself under another environment than the outlook's."""
        from asgi_tui.domain.servers import get_server
        from asgi_tui.engine.ambient import ambient_settings
        from asgi_tui.engine.environment import app_environment

        variables = {variable.name: variable.value for variable in app_environment(plan, self._environ)}
        return ambient_settings(get_server(plan.server), outlook.table, plan, variables)

    def interpreters(self, cwd: Path) -> tuple[Interpreter | None, tuple[Interpreter, ...]]:
        """The interpreter that is used where none is named, if there is one, and all that may run the app."""
        from asgi_tui.engine.interpreter_search import find_interpreters
        from asgi_tui.engine.interpreters import find_interpreter

        chosen = None
        with suppress(Problem):  # it is too old
            chosen = find_interpreter(cwd, None, self._environ)
        return chosen, find_interpreters(cwd, self._environ)

    def servers_in(self, interpreter: Interpreter) -> tuple[ServerInfo, ...]:
        """The servers of one interpreter."""
        from asgi_tui.engine.project import list_servers

        return list_servers(interpreter)

    def install_command(self, project: Project, requirements: Sequence[str]) -> InstallCommand:
        """The command that installs them for the project."""
        from asgi_tui.engine.installer import install_command

        return install_command(project.cwd, project.interpreter, requirements, self._environ)

    def installation(self, command: InstallCommand, tell: Callable[[str], None]) -> Installation:
        """The command, ready to run; its ``run`` does not block but is awaited."""
        from asgi_tui.engine.installer import Installation

        return Installation(command, self._environ, tell)
