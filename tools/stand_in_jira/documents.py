"""Documents of Jira (Atlassian Document Format): which ones it takes, and what they say."""

from __future__ import annotations

from typing import Any

LONGEST = 32_767
_CONTROLS = set(map(chr, range(32))) - {"\t"}
NODES = {
    "doc",
    "paragraph",
    "text",
    "hardBreak",
    "bulletList",
    "orderedList",
    "listItem",
    "heading",
    "codeBlock",
    "blockquote",
    "mention",
    "inlineCard",
    "rule",
}


def document(text: str) -> dict[str, Any]:
    """Return the document that a person's text becomes: a paragraph for each line."""
    lines = [line for line in text.split("\n") if line]
    return {
        "type": "doc",
        "version": 1,
        "content": [
            {"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in lines
        ],
    }


def is_document(value: object) -> bool:
    """Tell whether Jira takes this as a text."""
    if not isinstance(value, dict) or (value.get("type"), value.get("version")) != ("doc", 1):
        return False
    return _is_node(value) and len(said(value)) <= LONGEST


def said(value: object) -> str:
    """Return the words of a document, as webhooks tell them."""
    if not isinstance(value, dict):
        return ""
    if value.get("type") == "text":
        return str(value["text"])
    if value.get("type") == "hardBreak":
        return "\n"
    words = "".join(said(child) for child in value.get("content", ()))
    return f"{words}\n\n" if value.get("type") == "paragraph" else words


def _is_node(value: object) -> bool:
    if not isinstance(value, dict) or value.get("type") not in NODES:
        return False
    if value["type"] == "text":
        text = value.get("text")
        return isinstance(text, str) and text != "" and not _CONTROLS & set(text)
    content = value.get("content", [])
    return isinstance(content, list) and all(map(_is_node, content))
