import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import file_sources
from cmp_relay.file_sources import Source
from tests.support import samples

GUID = "65f3d7d45b2411ecb01f0242ac12001a"
PICTURE = "http://images.cmp.optimizely.com/Zz02NWYzZDdkNDViMjQxMWVjYjAxZjAyNDJhYzEyMDAxYQ=="
FILE = "https://ohclbk.files.cmp.optimizely.com/download/03d8584cff6a11eb99ad11d217c3001b"
IMAGE = {
    "title": "Spring",
    "url": FILE,
    "mime_type": "image/png",
    "file_extension": "png",
    "file_size": 11244,
    "version_id": "v-1",
    "version_number": 3,
    "modified_at": "2019-10-07T13:15:30Z",
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*IMAGE, "images", "content", "type", "value"]), inner)
    ),
    max_leaves=12,
)


def image(**fields: object) -> Source:
    (source,) = file_sources.of("image", {**IMAGE, **fields})
    return source


@pytest.mark.parametrize("kind", ["image", "video", "raw_file"])
def test_such_an_asset_is_its_own_file(kind: str) -> None:
    sources = file_sources.of(kind, IMAGE)

    assert sources == (Source("file", FILE, "Spring.png", "image/png", 11244, "v-1"),)
    assert sources[0].extension == ".png"


@pytest.mark.parametrize("name", ["asset_published", "asset_published.old"])
def test_every_file_of_a_documented_delivery_is_found(name: str) -> None:
    assets = samples.sample(name)["data"]["assets"]

    found = {
        kind: [source.slot for asset in assets[plural] for source in file_sources.of(kind, asset)]
        for plural, kind in {"images": "image", "videos": "video", "raw_files": "raw_file"}.items()
    }
    (picture,) = file_sources.of("article", assets["articles"][0])

    assert found == {"image": ["file"], "video": ["file"], "raw_file": ["file"]}
    assert re.fullmatch(r"image-[0-9a-f]{16}", picture.slot)
    assert (picture.name, picture.mime_type, picture.size) == (
        f"{picture.slot}.jpg",
        "image/jpeg",
        None,
    )


def test_the_images_of_an_article_are_told_apart_by_their_urls_alone() -> None:
    images = [{"url": PICTURE}, {"url": f"{PICTURE}?token=1"}, {"url": FILE}, {"url": None}, 7]
    first, second = file_sources.of("article", {"url": "https://blog/?p=1", "images": images})
    (moved,) = file_sources.of("article", {"version_id": "another", "images": {"url": FILE}})

    assert first.slot != second.slot
    assert (moved.slot, moved.version) == (second.slot, second.version)


@pytest.mark.parametrize("kind", ["structured_content", "new_kind"])
def test_other_kinds_have_no_files(kind: str) -> None:
    assert file_sources.of(kind, {**IMAGE, "images": [{"url": FILE}]}) == ()


@pytest.mark.parametrize("url", [None, "", [], [None], {"href": FILE}])
def test_without_a_url_there_is_no_file(url: object) -> None:
    assert file_sources.of("image", {**IMAGE, "url": url}) == ()


def test_what_a_page_of_the_list_tells_has_its_url_elsewhere() -> None:
    row = {"title": "Spring", "mime_type": "image/png", "content": {"type": "url", "value": FILE}}
    api = {"content": {"type": "api_url", "value": FILE}}

    assert [source.url for source in file_sources.of("image", row)] == [FILE]
    assert file_sources.of("image", api) == ()


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"file_size": "11244"}, 11244),
        ({"file_size": 0}, 0),
        ({"file_size": -1}, None),
        ({"file_size": True}, None),
        ({"file_size": "11 kB"}, None),
        ({"url": [FILE], "file_size": None}, None),
    ],
)
def test_documented_and_undocumented_ways_to_write_a_field_are_read(
    told: dict[str, object], read: int | None
) -> None:
    source = image(**told)

    assert (source.url, source.size) == (FILE, read)


def test_the_version_is_the_most_exact_that_is_told() -> None:
    anew = image(version_id="a/b..")
    numbered = image(version_id=None)
    hashed = image(version_id=None, version_number=None)

    assert anew.version == "a%2Fb%2E%2E"
    assert numbered.version == "3"
    assert re.fullmatch(r"[0-9a-f]{16}", hashed.version)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"url": f"{FILE}?token=1"}, True),
        ({"title": "Autumn"}, True),
        ({"url": PICTURE}, False),
        ({"file_size": 11245}, False),
        ({"modified_at": "2019-10-08T13:15:30Z"}, False),
    ],
)
def test_without_any_version_the_file_itself_tells(change: dict[str, Any], same: bool) -> None:
    unversioned = {"version_id": None, "version_number": None}

    before, after = image(**unversioned), image(**unversioned, **change)

    assert (before.version == after.version) == same


@given(st.sampled_from([*file_sources.WITH_FILES, "x"]), ANYTHING)
def test_whatever_cmp_says_names_and_versions_are_safe_in_a_key(kind: str, told: object) -> None:
    body = told if isinstance(told, dict) else {"url": FILE, "title": told, "version_id": told}

    for source in file_sources.of(kind, body):
        assert re.fullmatch(r"[A-Za-z0-9._%~-]+/[A-Za-z0-9._-]+", f"{source.version}/{source.name}")
        assert "." not in source.version


@pytest.mark.parametrize(
    ("url", "guids"),
    [
        (PICTURE, ("asset", PICTURE.rpartition("/")[2], GUID)),
        (PICTURE.replace("=", "%3D") + "/?a=/b", ("asset", PICTURE.rpartition("/")[2], GUID)),
        (PICTURE.rstrip("="), ("asset", PICTURE.rpartition("/")[2].rstrip("="), GUID)),
        (FILE, ("asset", FILE.rpartition("/")[2])),
        ("https://files.cmp.optimizely.com/asset", ("asset",)),
        ("https://files.cmp.optimizely.com", ("asset",)),
        ("https://files.cmp.optimizely.com/" + "x" * 300, ("asset",)),
        ("https://files.cmp.optimizely.com/é", ("asset", "é")),
    ],
)
def test_cmp_is_asked_for_every_guid_that_may_be_the_one(url: str, guids: tuple[str, ...]) -> None:
    assert file_sources.guids("asset", url) == guids


def test_the_image_of_an_article_is_not_asked_for_by_the_articles_id() -> None:
    assert file_sources.guids(None, FILE) == (FILE.rpartition("/")[2],)


@pytest.mark.parametrize(
    ("told", "same"),
    [
        ({}, True),
        ({"url": None}, True),
        ({"url": [FILE]}, True),
        ({"url": FILE, "file_size": "11244"}, True),
        ({"url": f"http://files.cmp.optimizely.com/{FILE.rpartition('/')[2]}?token=1"}, True),
        ({"url": FILE, "file_size": 11245}, False),
        ({"url": PICTURE}, False),
        ({"url": "https://files.cmp.optimizely.com"}, False),
    ],
)
def test_what_is_known_of_a_file_holds_for_that_file_alone(
    told: dict[str, object], same: bool
) -> None:
    told = {"title": "Autumn", **told}

    known = IMAGE if same else {"url": FILE, "title": "Spring", "modified_at": "-"}

    assert file_sources.laid_over("image", {**IMAGE, "modified_at": "-"}, told) == {
        **known,
        "modified_at": "-",
        **told,
    }


def test_an_asset_whose_file_is_not_known_yet_has_the_one_that_is_told() -> None:
    assert file_sources.laid_over("image", {"tags": []}, IMAGE) == {"tags": [], **IMAGE}


def test_an_article_has_a_version_whatever_its_pictures_are() -> None:
    known = {"version_id": "v-1", "images": [{"url": FILE}]}
    told = {"images": [{"url": PICTURE}]}

    assert file_sources.laid_over("article", known, told) == {"version_id": "v-1", **told}
