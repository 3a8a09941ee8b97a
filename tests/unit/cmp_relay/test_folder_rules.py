from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import folder_rules
from cmp_relay.errors import SettingsError
from cmp_relay.file_sources import WITH_FILES, Source
from cmp_relay.folder_rules import Facts, Rule
from tests.support import samples

APPROVED = 'kind=image label="Review/Approved" when=published -> website/images/'
SOURCE = Source("file", "https://x/y", "Spring.jpg", "image/jpeg", 1, "1")
FACTS = Facts(
    type="image",
    labels=frozenset({("Review", "Approved"), ("Size/Format", "A4")}),
    folder="/Marketing/Campaigns/2026/",
    in_library=True,
    published=True,
    expired=False,
)
WORDS = st.text(min_size=1).filter(lambda text: text.strip("/ "))
FOLDERS = st.lists(st.text("abcXYZ019_-", min_size=1, max_size=9), min_size=1, max_size=4).filter(
    lambda names: names[0] not in folder_rules.RESERVED
)
RULES = st.builds(
    Rule,
    prefix=FOLDERS.map(lambda names: "/".join(names) + "/"),
    kind=st.none() | st.sampled_from(WITH_FILES),
    type=st.none() | st.sampled_from(["image/*", "image/png", "application/vnd.ms-excel"]),
    label=st.none() | WORDS,
    folder=st.none() | WORDS.map(lambda text: f"/{text}"),
    when=st.sampled_from(["in_library", "published"]),
)
FRAGMENTS = st.lists(
    st.sampled_from(
        ["kind=", "image", "label=", "when=", "published", "->", ";", " ", "'", '"', "\\", "a/"]
    ),
    max_size=12,
).map("".join)


def place(rules: str, facts: Facts = FACTS, source: Source = SOURCE) -> str | None:
    return folder_rules.place(folder_rules.parse(rules), facts, "asset-1", source)


def test_approved_images_go_to_their_folder_is_one_line() -> None:
    assert place(APPROVED) == "website/images/asset-1.jpg"


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, type="video"),
        replace(FACTS, labels=frozenset({("Review", "Rejected")})),
        replace(FACTS, published=False),
        replace(FACTS, expired=True),
    ],
)
def test_a_file_has_to_meet_every_condition(facts: Facts) -> None:
    assert place(APPROVED, facts) is None


@pytest.mark.parametrize(
    ("condition", "matches"),
    [
        ("", True),
        ("type=IMAGE/*", True),
        ("type=image/jpeg", True),
        ("type=image/png", False),
        ("type=video/*", False),
        ("label=Review", True),
        ("label=Size/Format", True),
        ("label=Size/Format/A4", True),
        ("label=Size", False),
        ("label=review/approved", False),
        ("folder=/Marketing/Campaigns", True),
        ("folder=/Marketing/Campaigns/2026/", True),
        ("folder=/Marketing/Camp", False),
        ("folder=/Campaigns", False),
        ("folder=/marketing", False),
        ("when=in_library", True),
    ],
)
def test_each_condition_matches_what_it_names(condition: str, matches: bool) -> None:
    assert (place(f"{condition} -> a") == "a/asset-1.jpg") == matches


def test_what_is_published_and_not_in_the_library_is_found_by_a_rule_for_it_alone() -> None:
    facts = replace(FACTS, in_library=False)

    assert place("-> a", facts) is None
    assert place("when=published -> a", facts) == "a/asset-1.jpg"


def test_a_file_without_a_type_matches_no_type() -> None:
    assert place("type=image/* -> a", source=replace(SOURCE, mime_type=None)) is None


def test_the_first_rule_that_matches_decides() -> None:
    rules = "kind=video -> videos; label=Review -> reviewed; kind=image -> images"

    assert place(rules) == "reviewed/asset-1.jpg"
    assert place(rules, replace(FACTS, labels=frozenset())) == "images/asset-1.jpg"
    assert place("") is None


def test_images_of_an_article_get_a_folder_of_their_own() -> None:
    facts = replace(FACTS, type="article")
    source = replace(SOURCE, slot="image-0123", name="image-0123.png")

    assert place("kind=article -> news/", facts, source) == "news/asset-1/image-0123.png"


def test_no_id_leads_out_of_the_folder() -> None:
    rules = folder_rules.parse("-> a")

    assert folder_rules.place(rules, FACTS, "../b", SOURCE) == "a/%2E%2E%2Fb.jpg"


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ("-> a; kind=image", "rule 2: it has to end in one ->"),
        ("kind=image -> a b", "rule 1: it has to end in one ->"),
        ("-> a -> b", "rule 1: it has to end in one ->"),
        (
            "kind = image -> a",
            "rule 1: 'kind' is no condition such as kind=image: there are no spa",
        ),
        ("label=In progress -> a", "rule 1: 'progress' is no condition such as kind=image"),
        ("=image -> a", "rule 1: '=image' is no condition"),
        ("kind=images -> a", "rule 1: kind is not one of article, image, raw_file, video"),
        ("kind=structured_content -> a", "rule 1: kind is not one of"),
        ("colour=red -> a", "rule 1: 'colour' is not one of kind, type, label, folder, when"),
        ("kind=image kind=video -> a", "rule 1: kind is there twice"),
        ("type=image -> a", "rule 1: type is no MIME type"),
        ("label= -> a", "rule 1: label names no group"),
        ("folder=Marketing -> a", "rule 1: folder is no place in CMP"),
        ("folder=/ -> a", "rule 1: folder is no place in CMP"),
        ("when=approved -> a", "rule 1: when is not one of in_library, published"),
        ("-> /a", "rule 1: '/a' is no folder"),
        ("-> a/../b", "rule 1: 'a/../b' is no folder"),
        ("-> a//b", "rule 1: 'a//b' is no folder"),
        ("-> /", "rule 1: '/' is no folder"),
        ("-> für/uns", "rule 1: 'für/uns' is no folder"),
        ("-> assets/images", "rule 1: assets/ is the relay's own"),
        ("-> reconcile", "rule 1: reconcile/ is the relay's own"),
        (f"-> {'a' * 201}", "rule 1: the folder is longer than 200 characters"),
        ("-> a; label='x -> b", "rule 2: no closing quotation"),
        ("-> /a; -> b; when=no -> c", "rule 1: '/a' is no folder such as website/images/; rule 3"),
    ],
)
def test_what_is_wrong_is_told_with_the_number_of_the_rule(rules: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        folder_rules.parse(rules)

    assert str(caught.value).startswith(f"FOLDER_RULES: {problem}")


@pytest.mark.parametrize(
    ("rules", "hint"),
    [
        ("kind=image -> a kind=video -> b", "a ; separates it from the next rule"),
        ("label=In progress -> a", "a value that has some is quoted"),
    ],
)
def test_what_people_get_wrong_is_told_with_what_is_right(rules: str, hint: str) -> None:
    with pytest.raises(SettingsError, match=f"{hint}$"):
        folder_rules.parse(rules)


def test_rules_may_be_spread_over_lines_and_end_in_a_semicolon() -> None:
    rules = folder_rules.parse("\n kind=image -> a/ ;\n\n ;kind=video   -> b;\n")

    assert rules == (Rule("a/", kind="image"), Rule("b/", kind="video"))


@given(st.lists(RULES, max_size=4))
def test_rules_that_are_printed_are_read_as_the_same(rules: list[Rule]) -> None:
    assert folder_rules.parse(";".join(map(str, rules))) == tuple(rules)


@given(st.text() | FRAGMENTS)
def test_any_text_is_rules_or_a_settings_error(rules: str) -> None:
    try:
        parsed = folder_rules.parse(rules)
    except SettingsError:
        return

    assert folder_rules.parse("; ".join(map(str, parsed))) == parsed


@given(st.lists(RULES, max_size=4), st.booleans(), st.booleans())
def test_what_has_expired_is_nowhere(rules: list[Rule], in_library: bool, published: bool) -> None:
    facts = replace(FACTS, in_library=in_library, published=published, expired=True)

    assert folder_rules.place(rules, facts, "asset-1", SOURCE) is None


def test_facts_are_taken_from_the_documented_details() -> None:
    entry = samples.sample("asset_published")["data"]["assets"]["images"][0]

    facts = folder_rules.facts(
        "image",
        {**entry, "file_location": "/all assets/"},
        in_library=True,
        published=False,
        expired=False,
    )

    assert facts == Facts(
        "image",
        frozenset({("Content Format", "content format 1")}),
        "/all assets/",
        True,
        False,
        False,
    )


@pytest.mark.parametrize(
    ("labels", "read"),
    [
        (None, set()),
        ("Review", set()),
        ([{"group": {"name": "G"}}, {"values": [{"name": "V"}]}, None], set()),
        ({"group": {"name": "G"}, "values": {"name": "V"}}, {("G", "V")}),
        ([{"group": {"name": "G"}, "values": [{"name": "V"}, {"name": 7}, "W"]}], {("G", "V")}),
    ],
)
def test_labels_are_read_tolerantly(labels: object, read: set[tuple[str, str]]) -> None:
    facts = folder_rules.facts(
        "image", {"labels": labels}, in_library=True, published=True, expired=False
    )

    assert (set(facts.labels), facts.folder) == (read, "")
