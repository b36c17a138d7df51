"""What tests of the engine share as fixtures."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from asgi_tui.domain.values import Value


@pytest.fixture(scope="session")
def key_pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Value]:
    """The options of a server with a certificate of its own."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command to make a certificate with")
    directory = tmp_path_factory.mktemp("tls")
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout k.pem -out c.pem"
    subprocess.run([openssl, *words.split()], cwd=directory, check=True, capture_output=True)
    return {"tls_cert": str(directory / "c.pem"), "tls_key": str(directory / "k.pem")}
