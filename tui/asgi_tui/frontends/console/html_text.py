"""HTML as text with its structure: title, headings, lists, links and paragraphs. Pure."""

from __future__ import annotations

import re
from html.parser import HTMLParser

WIDTH = 88  # characters of a paragraph's line
MAX_TAG = 4_000  # characters of a tag that is read
MAX_DEPTH = 30  # lists in lists that are still indented further

_SPACE = re.compile(r"[ \t\r\n\f]+")
_LONG_TAG = re.compile(rf"<[^<>]{{{MAX_TAG},}}>")
_OPEN_TAG = re.compile(r"<(?![^<>]*>)")
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "dd", "details", "dialog", "div", "dl", "dt"),
        *(
            "fieldset",
            "figcaption",
            "figure",
            "footer",
            "form",
            "header",
            "hr",
            "html",
            "legend",
            "li",
            "main",
        ),
        *("nav", "ol", "option", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr"),
        *("ul", "h1", "h2", "h3", "h4", "h5", "h6"),
    }
)
_HIDDEN = frozenset({"script", "style", "template", "noscript", "svg"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}


def html_text(source: str) -> str:
    """The text of a page; links are numbered in it and listed below."""
    reader = _Reader()
    reader.feed(_tame(source))
    reader.close()
    return reader.finish()


def _tame(source: str) -> str:
    """The page without comments and endless tags, and with what is no tag escaped.

    The standard library's parser takes more than the square of the time for tags that are left open.
    """
    parts, at = [], 0
    while (start := source.find("<!--", at)) >= 0 and (end := source.find("-->", start + 4)) >= 0:
        parts.append(source[at:start])
        at = end + 3
    page = _LONG_TAG.sub(" ", "".join([*parts, source[at:]]))
    return _OPEN_TAG.sub("&lt;", page)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._title = ""
        self._in_title = False
        self._hidden: list[str] = []
        self._blocks: list[str] = []
        self._text: list[str] = []
        self._lead = ""
        self._lists: list[int] = []  # the number of the next item, 0 where items have none
        self._pre = 0
        self._links: dict[str, int] = {}  # number by target
        self._open_links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if self._hidden or tag in _HIDDEN:
            if tag in _HIDDEN:
                self._hidden.append(tag)
            return
        if tag in _BLOCKS:
            self._break()
        match tag:
            case "title":
                self._in_title = True
            case "br":
                self._text.append("\n")
            case "hr":
                self._blocks.append("─" * 20)
            case "ul" | "ol" if len(self._lists) < MAX_DEPTH:
                self._lists.append(1 if tag == "ol" else 0)
            case "li":
                self._item()
            case "pre":
                self._pre += 1
            case "td" | "th":
                if self._text:
                    self._text.append(" │ ")
            case "img":
                self._text.append(f"[image {_plain(values.get('alt', '') or values.get('src', ''))}]")
            case "input":
                self._text.append(f"[{_plain(values.get('name', '') or values.get('type', 'input'))}]")
            case "a":
                self._open_links.append(_plain(values.get("href", "")))
            case _ if tag in _HEADINGS:
                self._lead = "#" * _HEADINGS[tag] + " "

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            if tag == self._hidden[-1]:
                self._hidden.pop()
            return
        if tag in _BLOCKS:
            self._break()
        match tag:
            case "title":
                self._in_title = False
            case "ul" | "ol" if self._lists:
                self._lists.pop()
            case "pre" if self._pre:
                self._pre -= 1
            case "a" if self._open_links:
                self._end_link(self._open_links.pop())

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._in_title:
            self._title += data
        else:
            self._text.append(data if self._pre else _SPACE.sub(" ", data))

    def finish(self) -> str:
        """All of it."""
        self._break()
        title = [f"{_plain(self._title)}\n"] if self._title.strip() else []
        links = [f"  [{number}] {target}" for target, number in self._links.items()]
        return "\n".join([*title, *self._blocks, *(["", "Links", *links] if links else [])])

    def _item(self) -> None:
        number = self._lists[-1] if self._lists else 0
        if number:
            self._lists[-1] += 1
        self._lead = "  " * max(len(self._lists), 1) + (f"{number}. " if number else "• ")

    def _end_link(self, target: str) -> None:
        if target:
            number = self._links.setdefault(target, len(self._links) + 1)
            self._text.append(f" [{number}]")

    def _break(self) -> None:
        text = "".join(self._text)
        text = text.strip("\n") if self._pre else "\n".join(line.strip() for line in text.split("\n")).strip()
        self._text.clear()
        if not text:
            return
        lead, self._lead = self._lead, ""
        if lead.startswith("#") and self._blocks:
            self._blocks.append("")
        if self._pre:
            self._blocks.append(text)
        else:
            self._blocks += _wrapped(text, lead)


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _wrapped(text: str, lead: str) -> list[str]:
    """Lines of at most ``WIDTH`` characters where words allow; those after the first are indented."""
    lines: list[str] = []
    current = lead
    for part in text.split("\n"):
        for word in _SPACE.sub(" ", part).split(" "):
            if len(current) + len(word) > WIDTH and current.strip():
                lines.append(current.rstrip())
                current = " " * len(lead)
            current += word + " "
        lines.append(current.rstrip())
        current = " " * len(lead)
    return lines
