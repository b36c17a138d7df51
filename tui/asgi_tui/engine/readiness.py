"""The console's own request: who answers on the app's address?"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl

from asgi_tui.engine.listener import Address

# Seconds one request may take; the app itself is never called, so this is long.
TIMEOUT = 5.0


class NotAskableError(Exception):
    """The address does not take such a request, for example without a client certificate."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(address: Address, cwd: str) -> http.client.HTTPConnection:
    if address.family == "unix":
        return _UnixConnection(os.path.join(cwd, address.path))  # noqa: PTH118 - may be absolute
    if address.tls:
        # The certificate of a development server is rarely one to verify, and nothing secret is sent.
        context = ssl._create_unverified_context()  # noqa: S323 - as said
        return http.client.HTTPSConnection(
            address.client_host, address.port, timeout=TIMEOUT, context=context
        )
    return http.client.HTTPConnection(address.client_host, address.port, timeout=TIMEOUT)


def ask(address: Address, path: str, cwd: str, host: str = "") -> int | None:
    """The process id of the probe that answers ``path``, None where none did; blocking.

    ``host`` is said in place of the address where the server answers to certain names only. Raises
    ``NotAskableError`` where TLS ends the attempt.
    """
    connection = _connection(address, cwd)
    try:
        headers = {"connection": "close", "user-agent": "asgi-tui"} | ({"host": host} if host else {})
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        data = json.loads(answer.read(1000)) if answer.status == 200 else None
    except ssl.SSLError as error:
        raise NotAskableError(str(error)) from None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    pid = data.get("pid") if isinstance(data, dict) else None
    return pid if isinstance(pid, int) else None
