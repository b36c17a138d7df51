"""Commands as people have them in READMEs, Procfiles, Dockerfiles, units and shells."""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asgi_tui.domain.command_line import parse_command
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.shell_text import MAX_TEXT
from asgi_tui.domain.shell_words import restored, simple_commands
from asgi_tui.domain.values import Value

UVICORN = ("uvicorn", "main:app", {"port": 80})


def read(text: str) -> tuple[str, str, dict[str, Value]]:
    """Server, target and options, where nothing else was said."""
    parsed = parse_command(text)
    assert parsed.native == ()
    return parsed.server, parsed.target, parsed.options()


# -- where it stands ---------------------------------------------------------------------------------

PLACES = {
    "plain": "uvicorn main:app --port 80",
    "joined value": "uvicorn main:app --port=80",
    "options first": "uvicorn --port 80 main:app",
    "prompt": "$ uvicorn main:app --port 80",
    "virtual environment's prompt": "(venv) $ uvicorn main:app --port 80",
    "long prompt": "me@host:~/shop$ uvicorn main:app --port 80",
    "root's prompt": "# uvicorn main:app --port 80",
    "fenced": "```bash\nuvicorn main:app --port 80\n```",
    "inline code": "`uvicorn main:app --port 80`",
    "continued": "uvicorn main:app \\\n    --port 80",
    "continued after a slip": "uvicorn main:app \\ \n    --port 80",
    "Windows line ends": "cd shop\r\nuvicorn main:app \\\r\n  --port 80\r\n",
    "old Mac line ends": "cd shop\ruvicorn main:app --port 80\r",
    "comment at the end": "uvicorn main:app --port 80  # the shop",
    "comment before": "# start it with uvicorn old:app\nuvicorn main:app --port 80",
    "commented out": "# uvicorn old:app\n  uvicorn main:app --port 80",
    "prose before": "Don't use the uvicorn of the system. Run:\n\n    uvicorn main:app --port 80\n",
    "prose after": "uvicorn main:app --port 80\n\nIt's then on port 80.",
    "installed before": "pip install uvicorn gunicorn\nuvicorn main:app --port 80",
    "added before": "uv add uvicorn && uv run uvicorn main:app --port 80",
    "two commands": "uvicorn main:app --port 80\ngunicorn other:app\n",
    "the second names an app": "Install uvicorn\nuvicorn main:app --port 80",
    "quoted words": "'uvicorn' \"main:app\" --port '80'",
    "absolute": "/opt/venv/bin/uvicorn main:app --port 80",
    "relative": ".venv/bin/uvicorn main:app --port 80",
    "module": "python -m uvicorn main:app --port 80",
    "versioned": "python3.12 -m uvicorn main:app --port 80",
    "unbuffered": "/usr/bin/python3 -X dev -u -m uvicorn main:app --port 80",
    "uv run": "uv run uvicorn main:app --port 80",
    "uv run --with": "uv run --with uvicorn --with gunicorn uvicorn main:app --port 80",
    "uv run -m": "uv run python -m uvicorn main:app --port 80",
    "uvx": "uvx --from 'uvicorn[standard]' uvicorn main:app --port 80",
    "uvx --with": "uvx --with fastapi uvicorn main:app --port 80",
    "poetry": "poetry run uvicorn main:app --port 80",
    "pdm": "pdm run uvicorn main:app --port 80",
    "pipenv": "pipenv run uvicorn main:app --port 80",
    "hatch": "hatch run uvicorn main:app --port 80",
    "conda": "conda run -n uvicorn --no-capture-output uvicorn main:app --port 80",
    "exec": "exec uvicorn main:app --port 80",
    "nohup": "nohup uvicorn main:app --port 80 &",
    "nohup with a log": "nohup uvicorn main:app --port 80 > uvicorn.log 2>&1 &",
    "sudo": "sudo -u uvicorn /srv/venv/bin/uvicorn main:app --port 80",
    "cd": "cd uvicorn && uvicorn main:app --port 80",
    "after others": "alembic upgrade head; uvicorn main:app --port 80",
    "pipe": "uvicorn main:app --port 80 | tee log.txt",
    "both to a pipe": "uvicorn main:app --port 80 2>&1 |& tee log.txt",
    "redirections": "uvicorn main:app --port 80 >>out.log 2>/dev/null < /dev/null",
    "redirected both": "uvicorn main:app --port 80 &>> log",
    "docker run": "docker run --rm -p 80:80 -v $PWD:/app --name uvicorn shop:1.2 uvicorn main:app --port 80",
    "bash -c": 'bash -c "cd /app && exec uvicorn main:app --port 80"',
    "sh -c over lines": "sh -c 'cd /app &&\n uvicorn main:app --port 80'",
    "bash -lc": "su www -c \"bash -lc 'uvicorn main:app --port 80'\"",
    "tini": "tini -- uvicorn main:app --port 80",
    "Procfile": "web: uvicorn main:app --port 80",
    "Procfile of several": "release: python m.py migrate\nweb: uvicorn main:app --port 80\nworker: celery",
    "Procfile by the server's name": "uvicorn: uvicorn main:app --port 80",
    "Makefile": "run:\n\tuvicorn main:app --port 80",
    "GitHub": "- run: uvicorn main:app --port 80",
    "CMD": "FROM python:3.12\nRUN pip install uvicorn\nCMD uvicorn main:app --port 80",
    "CMD exec form": 'CMD ["uvicorn", "main:app", "--port", "80"]',
    "CMD with a shell": 'CMD ["sh", "-c", "uvicorn main:app --port 80"]',
    "CMD continued": 'CMD ["uvicorn", "main:app", \\\n     "--port", "80"]',
    "ENTRYPOINT": "ENTRYPOINT uvicorn main:app --port 80",
    "ENTRYPOINT exec form": 'ENTRYPOINT ["uvicorn", "main:app", "--port", "80"]',
    "ENTRYPOINT and CMD": 'ENTRYPOINT ["uvicorn"]\nCMD ["main:app", "--port", "80"]',
    "most in ENTRYPOINT": 'ENTRYPOINT ["/venv/bin/uvicorn", "main:app"]\nCMD ["--port", "80"]',
    "an init as ENTRYPOINT": 'ENTRYPOINT ["tini", "--"]\nCMD uvicorn main:app --port 80',
    "a script as ENTRYPOINT": 'ENTRYPOINT ["/entry.sh"]\nCMD ["uvicorn", "main:app", "--port", "80"]',
    "ExecStart": "[Service]\nExecStart=/srv/venv/bin/uvicorn main:app --port 80\nRestart=always",
    "ExecStart with prefixes": "ExecStart=-!/srv/venv/bin/uvicorn main:app \\\n  --port 80",
    "ExecStart by a shell": "ExecStart=/bin/sh -c 'exec uvicorn main:app --port 80'",
    "supervisor": "[program:shop]\ncommand=/srv/venv/bin/uvicorn main:app --port 80 ; the shop\nuser=www",
    "supervisor with blanks": "command = uvicorn main:app --port 80",
    "Compose": "services:\n  web:\n    image: uvicorn\n    command: uvicorn main:app --port 80\n    tty: on",
    "Compose quoted": 'command: "uvicorn main:app --port 80"',
    "Compose with a shell": "command: sh -c 'alembic upgrade head && uvicorn main:app --port 80'",
    "Compose flow list": 'command: ["uvicorn", "main:app", "--port", "80"]',
    "Compose flow list of YAML": "command: [uvicorn, 'main:app', --port, 80]",
    "Compose flow list over lines": 'command: [\n  "uvicorn",\n  "main:app",\n  "--port", "80"\n]\nports: []',
    "Compose list": '  command:\n    - uvicorn\n    - main:app\n    - --port\n    - "80"\n  ports:\n    - a',
    "Compose list not indented": "command:\n- uvicorn\n- main:app\n- --port\n- '80'\nports:\n- 80:80",
    "Compose folded": "    command: >-\n      uvicorn main:app\n      --port 80\n    ports: []",
    "Compose plain over lines": "    command: uvicorn main:app\n      --port 80\n    ports: []",
    "Compose literal": "    command: |\n      uvicorn main:app --port 80\n",
    "Compose split": "entrypoint: uvicorn\ncommand: main:app --port 80",
    "Compose split in lists": 'entrypoint: ["uvicorn", "main:app"]\ncommand: ["--port", "80"]',
    "env": "env uvicorn main:app --port 80",
}


@pytest.mark.parametrize("text", PLACES.values(), ids=PLACES)
def test_places(text: str) -> None:
    assert read(text) == UVICORN
    assert parse_command(text).env == {}


VARIABLES = {
    "prefix": "A=b DEBUG='1 2' uvicorn main:app --port 80",
    "env": "env A=b DEBUG='1 2' uvicorn main:app --port 80",
    "exported": "export A=b DEBUG='1 2'\nuvicorn main:app --port 80",
    "ENV": 'ENV A=b DEBUG="1 2"\nCMD uvicorn main:app --port 80',
    "ENV with a blank": 'ENV A b\nENV DEBUG="1 2"\nCMD ["uvicorn", "main:app", "--port", "80"]',
    "Environment": 'Environment=A=b\nEnvironment="DEBUG=1 2"\nExecStart=/bin/uvicorn main:app --port 80',
    "Environment after": 'ExecStart=/bin/uvicorn main:app --port 80\nEnvironment=A=b "DEBUG=1 2"',
    "docker run": "docker run -e A=b --env DEBUG='1 2' shop uvicorn main:app --port 80",
    "in a shell": "A=b sh -c \"DEBUG='1 2' uvicorn main:app --port 80\"",
}


@pytest.mark.parametrize("text", VARIABLES.values(), ids=VARIABLES)
def test_variables(text: str) -> None:
    assert read(text) == UVICORN
    assert parse_command(text).env == {"A": "b", "DEBUG": "1 2"}


# -- what it says ------------------------------------------------------------------------------------

COMMANDS: list[tuple[str, str, str, dict[str, Value]]] = [
    (
        "gunicorn -k uvicorn.workers.UvicornWorker -w4 -b:8000 main:app",
        *("gunicorn-uvicorn", "main:app"),
        {"workers": 4, "host": "0.0.0.0", "port": 8000},
    ),
    ("gunicorn -k uvicorn_worker.UvicornWorker main:app", "gunicorn-uvicorn", "main:app", {}),
    ("gunicorn -k asgi main:app", "gunicorn", "main:app", {}),
    ("gunicorn 'app:create()'", "gunicorn", "app:create", {"factory": True}),
    ("gunicorn app:create()", "gunicorn", "app:create", {"factory": True}),
    (
        "gunicorn -w=3 -b=unix:/run/a.sock app:app",
        "gunicorn",
        "app:app",
        {"workers": 3, "uds": "/run/a.sock"},
    ),
    ("gunicorn --thr 3 --access-logfi - app:app", "gunicorn", "app:app", {"threads": 3, "access_log": True}),
    ("gunicorn --reload-eng poll -Rt9 app:app", "gunicorn", "app:app", {}),
    (
        "gunicorn -b 1.2.3.4 -b [::1]:9 app:app",
        "gunicorn",
        "app:app",
        {"host": "1.2.3.4", "bind": ("[::1]:9",)},
    ),
    ("gunicorn -b tcp://0.0.0.0:80 app:app", "gunicorn", "app:app", {"host": "0.0.0.0", "port": 80}),
    ("gunicorn -m 022 app:app", "gunicorn", "app:app", {"umask": 0o22}),
    ("gunicorn -m 18 app:app", "gunicorn", "app:app", {"umask": 0o22}),
    ("gunicorn --pythonpath src app:app", "gunicorn", "app:app", {"app_dir": "src"}),
    ("gunicorn --pythonpath a,b app:app", "gunicorn", "app:app", {"pythonpath": "a,b"}),
    ("gunicorn -c conf.py", "gunicorn", "", {"config": "conf.py"}),
    ("gunicorn --proxy-protocol app:app", "gunicorn", "app:app", {"proxy_protocol": "auto"}),
    ("gunicorn --proxy-protocol v2 app:app", "gunicorn", "app:app", {"proxy_protocol": "v2"}),
    ("hypercorn asgi:main:app", "hypercorn", "main:app", {}),
    ("hypercorn asgi:app", "hypercorn", "asgi:app", {}),
    ("hypercorn asgi:asgi:app", "hypercorn", "asgi:app", {}),
    ("hypercorn src/main:app", "hypercorn", "main:app", {"app_dir": "src"}),
    ("hypercorn -w 0 --umask 18 main:app", "hypercorn", "main:app", {"workers": 1, "umask": 0o22}),
    ("hypercorn --bin localhost:99 main:app", "hypercorn", "main:app", {"host": "localhost", "port": 99}),
    ("hypercorn --access-log - main:app", "hypercorn", "main:app", {"access_log": True}),
    ("hypercorn --access-logfile a.log main:app", "hypercorn", "main:app", {"access_logfile": "a.log"}),
    ("hypercorn --log-level INFO main:app", "hypercorn", "main:app", {"log_level": "info"}),
    (
        r"daphne -e 'ssl:443:privateKey=k.pem:certKey=c\:d.pem' site.asgi:application",
        *("daphne", "site.asgi:application"),
        {"host": "0.0.0.0", "port": 443, "tls_key": "k.pem", "tls_cert": "c:d.pem"},
    ),
    (
        "daphne -e tcp:81:interface=127.0.0.1 -p 80 app:app",
        *("daphne", "app:app"),
        {"port": 80, "endpoint": ("tcp:81:interface=127.0.0.1",)},
    ),
    ("daphne -v2 -u /run/d.sock app:app", "daphne", "app:app", {"log_level": "debug", "uds": "/run/d.sock"}),
    ("daphne -v 3 app:app", "daphne", "app:app", {"verbosity": 3}),
    ("PYTHONPATH=src daphne app:app", "daphne", "app:app", {"app_dir": "src"}),
    ("granian --interface asgi main:app", "granian", "main:app", {}),
    ("granian --interface asginl --no-ws main:app", "granian", "main:app", {"lifespan": "off", "ws": "none"}),
    ("granian --log-level warn main:app", "granian", "main:app", {"log_level": "warning"}),
    ("granian --workers-lifetime 1h30m main:app", "granian", "main:app", {"workers_lifetime": 5400}),
    ("granian --uds-permissions 0660 main:app", "granian", "main:app", {"uds_permissions": 0o660}),
    ("uvicorn --factory --ws none main:create", "uvicorn", "main:create", {"factory": True, "ws": "none"}),
    ("uvicorn main:app --no-access-log", "uvicorn", "main:app", {"access_log": False}),
    (
        "uvicorn main:app --ws-per-message-deflate false",
        "uvicorn",
        "main:app",
        {"ws_per_message_deflate": False},
    ),
    ("uvicorn main:app --header a:b --header=c:d", "uvicorn", "main:app", {"header": ("a:b", "c:d")}),
    ("uvicorn main:app --root-path '/$x'", "uvicorn", "main:app", {"root_path": "/$x"}),
    (
        "uvicorn main:app --reload --reload-dir src",
        "uvicorn",
        "main:app",
        {"reload": True, "reload_dir": ("src",)},
    ),
    ("uvicorn -- main:app", "uvicorn", "main:app", {}),
]


@pytest.mark.parametrize(
    ("text", "server", "target", "options"), COMMANDS, ids=[line[0] for line in COMMANDS]
)
def test_what_it_says(text: str, server: str, target: str, options: dict[str, Value]) -> None:
    found = read(text)
    assert found[:2] == (server, target)
    assert options.items() <= found[2].items()
    assert options or not found[2] or "-Rt9" in text


def test_a_cluster_of_letters() -> None:
    found = read("gunicorn --reload-eng poll -Rt9 app:app")[2]
    assert found == {"reload_engine": "poll", "enable_stdio_inheritance": True, "timeout": 9}


def test_what_no_option_covers_is_kept() -> None:
    parsed = parse_command("uvicorn main:app --new-thing 3 --other=4 rest -x --root-path ''")
    assert parsed.target == "main:app"
    assert parsed.native == ("--new-thing", "3", "--other=4", "rest", "-x", "--root-path", "")
    assert parsed.options() == {}
    # in argparse an ambiguous beginning is an error
    assert parse_command("gunicorn --work 3 main:app").native == ("--work", "3")
    assert parse_command("gunicorn -k gthread main:app").native == ("-k", "gthread")
    assert parse_command("uvicorn --http my.http:Http --ws wsproto a:b").native == ("--http", "my.http:Http")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "pip install uvicorn",
        "RUN pip install gunicorn",
        "systemctl restart gunicorn",
        "cd uvicorn",
    ],
)
def test_no_server_is_run(text: str) -> None:
    with pytest.raises(
        Problem, match="Command: there is no uvicorn, hypercorn, daphne, granian or gunicorn in it"
    ):
        parse_command(text)


def test_an_open_quote_is_said() -> None:
    with pytest.raises(Problem, match="a quote is open; close the quote"):
        parse_command("uvicorn 'main:app")


def test_the_json_contract() -> None:
    """Options by common name where one exists, else by the native option's name."""
    parsed = parse_command("A=b uvicorn --ssl-certfile c --ssl-keyfile k --backlog 9 main:app --x")
    assert parsed.options() == {"tls_cert": "c", "tls_key": "k", "backlog": 9}
    assert json.dumps([dict(parsed.env), parsed.native]) == '[{"A": "b"}, ["--x"]]'


# -- what only a shell knows -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "${PORT:-5000}",
        "$PORT",
        '"$PORT"',
        "$(nproc)",
        "`nproc`",
        "$(nproc --all)",
        "$((8000 + 1))",
        "`cat a b`",
    ],
)
def test_expansions_stay_text(value: str) -> None:
    parsed = parse_command(f"web: uvicorn main:app --port {value} --reload")
    assert parsed.options() == {"port": value.strip('"'), "reload": True}
    assert parsed.native == ()
    with pytest.raises(Problem, match=r"Option port: only a shell can fill in"):
        parsed.plan("/")


def test_expansions_elsewhere() -> None:
    parsed = parse_command("gunicorn -b ${HOST:-0.0.0.0}:${PORT:-80} --env 'A=$b' main:app")
    assert parsed.options() == {"host": "${HOST:-0.0.0.0}", "port": "${PORT:-80}", "env": ("A=$b",)}
    with pytest.raises(Problem, match=r"write 0\.0\.0\.0 in its place"):
        parsed.plan("/")
    for text in ("uvicorn $APP", "URL=$DB uvicorn main:app", "uvicorn main:app $MORE"):
        with pytest.raises(Problem, match="only a shell can fill in"):
            parse_command(text).plan("/")
    # the inner shell fills it in, whatever the outer one keeps from it
    assert parse_command("sh -c 'uvicorn main:app --port $PORT'").options() == {"port": "$PORT"}


def test_what_quotes_keep_from_the_shell_is_a_value() -> None:
    parsed = parse_command(r"A='$x' uvicorn main:app --root-path '/${x}`y`' --loop \$z")
    plan = parsed.plan("/")
    assert dict(plan.options) == {"root_path": "/${x}`y`", "loop": "$z"}
    assert plan.env == {"A": "$x"}


def test_no_secret_is_told() -> None:
    parsed = parse_command("uvicorn main:app --ssl-keyfile-password hunter2$X")
    with pytest.raises(Problem) as caught:
        parsed.plan("/")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a b", [["a", "b"]]),
        ("a '' \"\"", [["a", "", ""]]),
        (r"a\ b c\'d", [["a b", "c'd"]]),
        ("a'b'\"c\"d", [["abcd"]]),
        (r'"a\"b\\c\d"', [['a"b\\c\\d']]),
        ("a#b #c\nd", [["a#b"], ["d"]]),
        ("a;b&&c||d|e&", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("a 2>&1 3 >x b", [["a", "3", "b"]]),
        ("a2>x", [["a2"]]),
        ("$(a b) ${c:-d e} `f g` $(h", [["$(a b)", "${c:-d e}", "`f g`", "$(h"]]),
        ('"$(a b)"c', [["$(a b)c"]]),
        ("", []),
    ],
)
def test_words(line: str, words: list[list[str]]) -> None:
    assert [[restored(word) for word in command] for command in simple_commands(line)] == words


# -- hostile text ------------------------------------------------------------------------------------


def attempt(text: str) -> None:
    """A result or a sentence, and nothing else, ever."""
    try:
        parsed = parse_command(text)
        parsed.options()
        parsed.plan("/")
    except Problem as found:
        problem = found
    else:
        return
    assert problem.what
    assert problem.why
    assert str(problem).endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\n",
        "hello",
        "pip install uvicorn",
        "uvicorn",
        "uvicorn --port",
        "uvicorn main:app --port abc",
        "uvicorn main:app --port 99999999999999999999",
        "uvicorn 'main:app",
        'CMD ["uvicorn", "main:app"',
        "uvicorn " + "x" * MAX_TEXT,
        "uvicorn --port " * 5000,
        "-" * 90_000,
        "uvicorn " + "-" * 90_000,
        "uvicorn " + "--a " * 20_000,
        "uvicorn " + "$(" * 40_000,
        "uvicorn " + "`" * 40_001,
        "'\n" * 30_000,
        "gunicorn '\n" * 5_000,
        "CMD " + "[" * 90_000,
        "CMD " + "[" * 40_000 + "]" * 40_000,
        "command:\n" + "- a\n" * 20_000,
        "command: [\n" * 9_000,
        "sh -c " * 9_000 + "uvicorn a:b",
        "uvicorn main:app\0 --port\0 80",
        "uvicorn \ud800:\udfff --root-path /\udc24",
        "gunicorn -m " + "9" * 9_000,
        "uvicorn main:app --loop \x1b]52;c;eA==\x07",
    ],
    ids=lambda text: repr(text[:24]),
)
def test_hostile_text(text: str) -> None:
    attempt(text)


WORDS = st.sampled_from(
    [
        *(
            "uvicorn",
            "gunicorn",
            "hypercorn",
            "daphne",
            "granian",
            "main:app",
            "-k",
            "-w",
            "-b",
            "--bind",
            "-e",
        ),
        *(
            "--endpoint",
            "--port",
            "--header=",
            "--umask",
            "--ws",
            "--no-ws",
            "--",
            "-",
            "80",
            "sh",
            "-c",
            "\0",
        ),
        *(
            "'",
            '"',
            "\\",
            "\n",
            "$(",
            "${",
            "`",
            ";",
            "&",
            "|",
            ">",
            "#",
            "[",
            "]",
            "{",
            "}",
            "/",
            "()",
            "asgi:",
        ),
        *("command:", "entrypoint:", "CMD", "ENTRYPOINT", "ENV", "ssl:1:a=b", "tcp:", "unix:", "fd://"),
        *("\ud800", "\x85", "\u2028"),
    ]
)


@given(st.text() | st.lists(WORDS, max_size=12).map(" ".join) | st.lists(WORDS, max_size=12).map("".join))
@settings(max_examples=400, deadline=None, database=None)
@example('ENTRYPOINT ["sh", "-c", "it\'s uvicorn"]')
@example("daphne -e : a:b")
@example("hypercorn /")
def test_any_text(text: str) -> None:
    attempt(text)


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None, database=None)
def test_any_value(value: str) -> None:
    attempt(shlex.join(["uvicorn", "main:app", "--root-path", value, "--header", value, "--port", value]))
    attempt(shlex.join(["daphne", "-e", value, "-v", value, value]))
    attempt(shlex.join(["gunicorn", "-b", value, "-m", value, "-k", value, value]))
    attempt(shlex.join(["hypercorn", "-w", value, "--umask", value, value]))
