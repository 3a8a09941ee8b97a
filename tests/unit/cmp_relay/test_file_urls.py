import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay.file_urls import cleared, without_tokens

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi"  # noqa: S105 - no token of anybody
FILE = "http://images.cmp.optimizely.com/Zz0wMQ=="
PRIVATE = f"{FILE}?token={TOKEN}"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
NAMES = st.sampled_from(
    ["url", "thumbnail_url", "html_body", "images", "content", "type", "value", "thumbnail", "id"]
)
SHAPES = st.recursive(
    JSON | st.sampled_from([PRIVATE, "url", "html_body"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "body",
    [
        {"url": PRIVATE},
        {"url": [PRIVATE]},
        {"url": f"{FILE}#{TOKEN}?width=1"},
        {"thumbnail_url": PRIVATE},
        {"images": [{"url": PRIVATE, "thumbnail": PRIVATE}]},
        {"images": {"url": PRIVATE}},
        {"content": {"type": "url", "value": PRIVATE}},
        {"html_body": f'<img src="{PRIVATE}"><a href="{FILE}?width=7&amp;token={TOKEN}">'},
        {"content": {"type": "html_body", "value": f"<img src={PRIVATE}>"}},
    ],
)
@pytest.mark.parametrize("asset_type", ["image", "new_kind"])
def test_no_file_keeps_its_token(asset_type: str, body: dict[str, Any]) -> None:
    cut = str(without_tokens(asset_type, body))

    assert TOKEN not in cut
    assert FILE in cut


@pytest.mark.parametrize(
    ("asset_type", "body"),
    [
        ("article", {"url": "https://blog.example.com/?p=12"}),
        ("article", {"content": {"type": "url", "value": "https://blog.example.com/?p=12"}}),
        ("structured_content", {"content": {"type": "api_url", "value": "https://api/v3/x?a=1"}}),
        ("image", {"links": {"self": "https://api.cmp.optimizely.com/v3/images/1?a=1"}}),
        ("image", {"description": "Is it? https://example.com/?q=1"}),
        ("image", {"thumbnail_url": f"{FILE}?width=75&height=75"}),
        ("article", {"html_body": '<a href="https://example.com/?q=tokens&amp;p=1">token=x</a>'}),
        ("image", {"url": None, "images": ["x?y"], "content": "x?y"}),
    ],
)
def test_everything_else_stays(asset_type: str, body: dict[str, Any]) -> None:
    assert without_tokens(asset_type, body) == body


@given(st.sampled_from(["article", "image"]), st.dictionaries(NAMES, SHAPES, max_size=5))
def test_any_body_is_cut_once_and_for_all(asset_type: str, body: dict[str, Any]) -> None:
    cut = without_tokens(asset_type, body)

    assert without_tokens(asset_type, cut) == cut
    assert cut.keys() == body.keys()


@pytest.mark.parametrize(
    "shown",
    [
        {"attachments": [{"id": "1", "name": "a.pdf", "url": PRIVATE}]},
        {"form_fields": [{"values": [{"value": {"url": PRIVATE}}]}]},
        {"url": f"{FILE}?Signature={TOKEN}"},
        {"url": [f"{FILE}?Signature={TOKEN}"]},
        {"html_body": "", "url": PRIVATE},
        {"thumbnail": f"{FILE}#{TOKEN}"},
        {"value": f"See ![it]({PRIVATE}) and <{PRIVATE}>"},
        {"deep": [[PRIVATE]]},
        {"links": {"self": PRIVATE}},
    ],
)
def test_nothing_that_cmp_shows_keeps_the_token_of_a_file(shown: dict[str, Any]) -> None:
    cut = str(cleared(json.dumps(shown)))

    assert TOKEN not in cut
    assert FILE in cut


@pytest.mark.parametrize(
    "shown",
    [
        {"links": {"web_urls": {"self": "https://cmp.optimizely.com/cloud/taskv3/1?tab=2"}}},
        {"html_body": "<p>", "url": "https://blog.example.com/?p=12"},
        {"value": "Is it? [Yes](https://example.com/?q=1) (token=x)"},
        {"thumbnail": f"{FILE}?width=75&height=75"},
        {"url": {"none": None}},
    ],
)
def test_all_else_that_cmp_shows_stays(shown: dict[str, Any]) -> None:
    assert cleared(json.dumps(shown)) == shown


@given(shown=st.dictionaries(NAMES, SHAPES))
def test_no_shape_of_what_cmp_shows_keeps_a_token(shown: dict[str, Any]) -> None:
    assert TOKEN not in str(cleared(json.dumps(shown)))
