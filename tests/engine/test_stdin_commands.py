"""Commands on standard input that act on a running server."""

from __future__ import annotations

from pathlib import Path

from tests.support import Running, get, write_app


def test_reload_pause_exclude_and_switch_back(tmp_path: Path) -> None:
    write_app(tmp_path)
    with Running(tmp_path, "app:app", "--set", "port=0", "--server", "uvicorn", "--no-standby") as running:
        url = running.ready()
        since = running.mark()
        running.send(do="reload")
        reload = running.wait("reload", since=since)
        assert (reload["outcome"], reload["changes"], reload["start"]) == ("ok", [], "cold")

        running.send(do="pause")
        running.send(do="exclude", glob="app.py")
        running.send(do="resume")
        running.send(do="end_streams")
        running.send(do="switch", server="hypercorn")
        assert running.wait("switch")["to"] == "hypercorn"
        since = running.mark()
        running.send(do="switch_back")
        assert running.wait("switch", since=since)["to"] == "uvicorn"
        assert get(url) == (200, "version 0")
        assert [event for event in running.events if event["type"] == "error"] == []
        assert running.stop()["code"] == 0
