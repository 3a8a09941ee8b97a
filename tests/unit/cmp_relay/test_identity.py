import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay.identity import entry_hash
from tests.support import samples

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
HOSTS = st.sampled_from(
    ["https://api.cmp.optimizely.com", "http://API.welcomesoftware.com:8080", "HTTPS://u:p@h"]
)
WORDS = st.text(alphabet="abcäé012-_.%=/", max_size=20)
AROUND = st.text(alphabet="ab <>\"'\\\n{}ä", max_size=10)


@given(JSON)
def test_does_not_depend_on_how_the_json_is_written(value: Any) -> None:  # noqa: ANN401
    spread = json.loads(json.dumps(value, indent=3))

    def reversed_keys(part: Any) -> Any:  # noqa: ANN401
        if isinstance(part, dict):
            return {key: reversed_keys(part[key]) for key in reversed(part)}
        return [reversed_keys(each) for each in part] if isinstance(part, list) else part

    assert entry_hash(reversed_keys(spread)) == entry_hash(value)


@given(AROUND, st.lists(HOSTS, min_size=2, max_size=2), WORDS, st.lists(WORDS, min_size=2), AROUND)
def test_does_not_depend_on_hosts_and_queries(
    before: str, hosts: list[str], path: str, queries: list[str], after: str
) -> None:
    texts = [
        f"{before}{host}/{path}?{query} {after}"
        for host, query in zip(hosts, queries[:2], strict=True)
    ]

    first, second = ({"html_body": text, "links": [text]} for text in texts)

    assert entry_hash(first) == entry_hash(second)


@given(WORDS, WORDS)
def test_depends_on_paths(first: str, second: str) -> None:
    entries = [{"url": f"https://h/{path}"} for path in (first, second)]

    assert (entry_hash(entries[0]) == entry_hash(entries[1])) == (first == second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": "1"}),
        ({"a": "x"}, {"b": "x"}),
        ({"a": "https://h/p#one"}, {"a": "https://h/p#two"}),
        ({"a": "is it? https://h/p yes"}, {"a": "is it? https://h/p no"}),
    ],
)
def test_depends_on_everything_else(first: object, second: object) -> None:
    assert entry_hash(first) != entry_hash(second)


def test_a_tokenised_link_in_html_is_the_same_link() -> None:
    plain = '<img src="http://images.newscred.com/a==">'
    tokenised = '<img src="https://images.cmp.optimizely.com/a==?token=eyJ&amp;width=75">'

    assert entry_hash({"html_body": plain}) == entry_hash({"html_body": tokenised})


@pytest.mark.parametrize("kind", ["articles", "images", "videos", "raw_files"])
def test_both_generations_of_the_documentation_show_the_same_assets(kind: str) -> None:
    current, old = (
        samples.sample(name)["data"]["assets"][kind][0]
        for name in ("asset_published", "asset_published.old")
    )

    assert entry_hash(current) == entry_hash(old)


def test_half_of_a_surrogate_pair_has_a_hash_too() -> None:
    assert len(entry_hash({"title": "\ud800"})) == 64
