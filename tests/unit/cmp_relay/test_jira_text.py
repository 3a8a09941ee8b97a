"""Jira's documents: what is said survives both ways, whatever shape a document has."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import jira_text, marks
from tools.stand_in_jira import documents

WORDS = st.text(st.characters(codec="utf-8"), max_size=200)
KINDS = ["doc", "paragraph", "text", "bulletList", "listItem", "table", "media", "emoji", "odd", 7]
TREES = st.recursive(
    st.none() | st.text(max_size=5) | st.integers(),
    lambda inner: st.fixed_dictionaries(
        {"type": st.sampled_from(KINDS)},
        optional={
            "text": inner,
            "content": st.lists(inner, max_size=3) | inner,
            "attrs": inner | st.dictionaries(st.sampled_from(["text", "href", "url"]), inner),
            "marks": st.lists(inner, max_size=2) | inner,
        },
    ),
    max_leaves=20,
)


def paragraph(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(content)}


def text(words: str, href: str | None = None) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "text", "text": words}
    return {**node, "marks": [{"type": "link", "attrs": {"href": href}}]} if href else node


def doc(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


@given(WORDS)
def test_jira_takes_any_text_and_says_the_same_words(words: str) -> None:
    document = jira_text.document(words)

    assert documents.is_document(document)
    kept = jira_text._CONTROLS.sub("", words.replace("\r\n", "\n").replace("\r", "\n"))
    assert jira_text.text_of(document).split() == kept.split()


def test_line_breaks_and_paragraphs_come_back_as_they_were() -> None:
    words = "One line,\nanother one.\n\nA second paragraph: https://example.com/a?b=1, and more."

    document = jira_text.document(words)

    assert jira_text.text_of(document) == words
    links = [node for part in document["content"] for node in part["content"] if "marks" in node]
    assert links == [text("https://example.com/a?b=1", "https://example.com/a?b=1")]


def test_a_text_that_is_too_long_is_cut_and_keeps_its_end() -> None:
    last = marks.add("", "0123456789abcdef")

    document = jira_text.document("word " * 10_000, last=last)

    assert documents.is_document(document)
    assert marks.mark_of(jira_text.text_of(document)) == "0123456789abcdef"
    assert "[…]" in jira_text.text_of(document)


def test_an_emoji_takes_two_of_the_characters_that_jira_counts() -> None:
    kept = jira_text.text_of(jira_text.document("🎬" * 20_000))

    assert jira_text.LONGEST - 2 <= len(kept.encode("utf-16-le")) / 2 <= jira_text.LONGEST
    assert jira_text.cut("a🎬🎬", 4) == "a🎬"


def test_a_link_may_be_all_there_is() -> None:
    assert jira_text.text_of(jira_text.document("https://example.com/a")) == "https://example.com/a"


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"type": "text"}, ""),
        ({"type": "text", "text": "a", "marks": [{"type": "strong"}, 7]}, "a"),
        ({"type": "text", "text": "a", "marks": [{"type": "link", "attrs": {}}]}, "a"),
    ],
)
def test_what_is_odd_about_a_text_is_left_out(node: dict[str, Any], said: str) -> None:
    assert jira_text.text_of(doc(paragraph(node))) == said


@given(TREES)
def test_no_shape_of_a_document_is_too_much(tree: object) -> None:
    assert isinstance(jira_text.text_of(tree), str)


def test_nodes_nested_too_deep_are_left_out() -> None:
    node = text("deep")
    for _ in range(5_000):
        node = {"type": "blockquote", "content": [node]}

    assert jira_text.text_of(doc(paragraph(text("Up here.")), node)).startswith("Up here.")


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (paragraph(text("Fine", "https://example.com")), "[Fine](https://example.com)"),
        (paragraph({"type": "mention", "attrs": {"id": "7", "text": "@Ada"}}), "@Ada"),
        (paragraph({"type": "emoji", "attrs": {"shortName": ":+1:"}}), ":+1:"),
        (paragraph({"type": "inlineCard", "attrs": {"url": "https://a.b"}}), "https://a.b"),
        ({"type": "blockCard", "attrs": {"url": "https://a.b"}}, "https://a.b"),
        (paragraph({"type": "status", "attrs": {"text": "DONE"}}), "DONE"),
        ({"type": "mediaSingle", "content": [{"type": "media"}]}, "(attachment)"),
        ({"type": "codeBlock", "content": [text("a = 1")]}, "```\na = 1\n```"),
        ({"type": "blockquote", "content": [paragraph(text("So"))]}, "> So"),
        ({"type": "rule"}, "---"),
        ({"type": "heading", "content": [text("Title")]}, "Title"),
        (
            {
                "type": "bulletList",
                "content": [
                    {"type": "listItem", "content": [paragraph(text("one"))]},
                    {"type": "listItem", "content": [paragraph(text("two"))]},
                ],
            },
            "- one\n- two",
        ),
        (
            {
                "type": "table",
                "content": [
                    {
                        "type": "tableRow",
                        "content": [
                            {"type": "tableCell", "content": [paragraph(text("a"))]},
                            {"type": "tableCell", "content": [paragraph(text("b"))]},
                        ],
                    }
                ],
            },
            "a | b",
        ),
        ({"type": "panelOfTomorrow", "content": [paragraph(text("new"))]}, "new"),
    ],
)
def test_what_people_write_reads_as_markdown(node: dict[str, Any], said: str) -> None:
    assert jira_text.text_of(doc(node)) == said


def test_a_plain_text_is_itself() -> None:
    assert jira_text.text_of("as webhooks tell it") == "as webhooks tell it"
