"""What the close codes of WebSockets mean (RFC 6455 7.4 and the registry it made)."""

from __future__ import annotations

from collections.abc import Mapping

MEANINGS: Mapping[int, str] = {
    1000: "normal closure",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    1005: "no code was sent",
    1006: "the connection was lost",
    1007: "invalid data",
    1008: "policy violation",
    1009: "message too big",
    1010: "an extension is missing",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
    1015: "TLS handshake failed",
}


def meaning(code: str) -> str:
    """What a code means in a few words; empty for one that is no number."""
    if not code.isascii() or not code.isdigit():
        return ""
    number = int(code[:5])
    if number in MEANINGS:
        return MEANINGS[number]
    if 3000 <= number <= 3999:
        return "a library's or framework's own"
    return "the app's own" if 4000 <= number <= 4999 else "not defined"
