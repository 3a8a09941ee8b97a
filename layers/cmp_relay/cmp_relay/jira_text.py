"""Text as Jira keeps it: the Atlassian Document Format, written from plain text and read as such.

What a document says survives, what it looks like does not: CMP's comments are markdown, Jira's are
trees (developer.atlassian.com/cloud/jira/platform/apis/document/structure).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Node = dict[str, Any]

LONGEST = 32_000
"""UTF-16 units, in which Jira counts: it refuses texts of more than 32,767."""
DEEPEST = 60
_CUT = "\n\n[…]"
_URL = re.compile(r"https?://[^\s<>\"'()\[\]]+[^\s<>\"'()\[\].,;:!?]")
# JSON can hold them, Jira's documents cannot.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")


def document(text: str, last: str = "") -> Node:
    """Return the document of a text whose end, `last`, stays when the text has to be cut."""
    text = _plain(text)
    if text != cut(text, LONGEST - len(last)):
        text = cut(text, LONGEST - len(last) - len(_CUT)).rstrip() + _CUT
    whole = f"{text}{last}".strip("\n")
    parts = [part for part in _PARAGRAPHS.split(whole) if part.strip()]
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": _line_nodes(part)} for part in parts],
    }


def cut(text: str, units: int) -> str:
    """Return as much of a text as fits into so many UTF-16 units (an emoji takes two)."""
    return text.encode("utf-16-le", "replace")[: 2 * units].decode("utf-16-le", "ignore")


def text_of(value: object) -> str:
    """Return what a document says, as markdown where that is simple; a plain text is itself."""
    if isinstance(value, str):
        return value
    return _PARAGRAPHS.sub("\n\n", _render(value, 0)).strip()


def _plain(text: str) -> str:
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _line_nodes(paragraph: str) -> list[Node]:
    nodes: list[Node] = []
    for number, line in enumerate(paragraph.split("\n")):
        if number:
            nodes.append({"type": "hardBreak"})
        nodes += _inline(line)
    return nodes


def _inline(line: str) -> Iterator[Node]:
    position = 0
    for match in _URL.finditer(line):
        if match.start() > position:
            yield {"type": "text", "text": line[position : match.start()]}
        link = {"type": "link", "attrs": {"href": match[0]}}
        yield {"type": "text", "text": match[0], "marks": [link]}
        position = match.end()
    if position < len(line):
        yield {"type": "text", "text": line[position:]}


def _render(node: object, depth: int) -> str:
    if not isinstance(node, Mapping) or depth > DEEPEST:
        return ""
    kind = node.get("type")
    if kind == "text":
        return _linked(node)
    if kind in _LEAVES:
        return _LEAVES[kind](_attributes(node))
    parts = [_render(child, depth + 1) for child in _children(node)]
    return _BLOCKS.get(str(kind), "".join)(parts)


def _children(node: Mapping[str, Any]) -> list[Any]:
    content = node.get("content")
    return content if isinstance(content, list) else []


def _attributes(node: Mapping[str, Any]) -> Mapping[str, Any]:
    attributes = node.get("attrs")
    return attributes if isinstance(attributes, Mapping) else {}


def _linked(node: Mapping[str, Any]) -> str:
    text = node.get("text")
    if not isinstance(text, str):
        return ""
    marks = node.get("marks")
    for mark in marks if isinstance(marks, list) else []:
        if isinstance(mark, Mapping) and mark.get("type") == "link":
            href = _attributes(mark).get("href")
            if isinstance(href, str) and href != text:
                return f"[{text}]({href})"
    return text


def _named(*names: str) -> Callable[[Mapping[str, Any]], str]:
    """Return the reader of the first of these attributes that is a text."""

    def read(attributes: Mapping[str, Any]) -> str:
        found = (attributes.get(name) for name in names)
        return next((text for text in found if isinstance(text, str)), "")

    return read


def _item(parts: list[str]) -> str:
    lines = "".join(parts).strip().splitlines()
    return "- " + "\n  ".join(lines) + "\n"


def _quote(parts: list[str]) -> str:
    lines = "".join(parts).strip().splitlines()
    return "\n".join(f"> {line}".rstrip() for line in lines) + "\n\n"


_LEAVES: Mapping[object, Callable[[Mapping[str, Any]], str]] = {
    "hardBreak": lambda _: "\n",
    "rule": lambda _: "---\n\n",
    "mention": _named("text", "id"),
    "emoji": _named("text", "shortName"),
    "status": _named("text"),
    "inlineCard": _named("url"),
    "blockCard": lambda attributes: _named("url")(attributes) + "\n\n",
    "media": lambda _: "(attachment)\n\n",
}
_BLOCKS: Mapping[str, Callable[[list[str]], str]] = {
    "paragraph": lambda parts: "".join(parts) + "\n\n",
    "heading": lambda parts: "".join(parts) + "\n\n",
    "codeBlock": lambda parts: "```\n" + "".join(parts) + "\n```\n\n",
    "blockquote": _quote,
    "listItem": _item,
    "taskItem": _item,
    "bulletList": lambda parts: "".join(parts) + "\n",
    "orderedList": lambda parts: "".join(parts) + "\n",
    "taskList": lambda parts: "".join(parts) + "\n",
    "tableRow": lambda parts: " | ".join(part.strip() for part in parts) + "\n",
    "table": lambda parts: "".join(parts) + "\n",
}
