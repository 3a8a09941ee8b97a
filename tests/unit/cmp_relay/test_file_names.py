import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmp_relay import file_names

ANYTHING = st.text() | st.none() | st.integers() | st.lists(st.text())


@given(ANYTHING, ANYTHING, st.none() | st.sampled_from(["image/jpeg", "no/such"]))
def test_a_name_is_safe_whatever_cmp_says(
    title: object, extension: object, mime_type: str | None
) -> None:
    name = file_names.safe(title, extension, mime_type)

    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name)
    assert len(name) <= file_names.LONGEST
    assert not name.endswith(".")
    assert file_names.safe(name, extension, mime_type) == name


@pytest.mark.parametrize(
    ("title", "extension", "mime_type", "name"),
    [
        ("Café at  night!", "jpg", None, "Cafe-at-night.jpg"),
        ("photo.JPG", ".JPG", None, "photo.jpg"),
        ("photo.png", None, "image/jpeg", "photo.png.jpg"),
        ("notes", None, "text/plain", "notes.txt"),
        ("report.v2", "../sh", None, "report.v2"),
        ("../../etc/passwd", None, None, "etc-passwd"),
        ("日本", "pdf", None, "file.pdf"),
        (".jpg", "jpg", None, "file.jpg"),
        ("photo.jpg!", "jpg", None, "photo.jpg"),
        ("0:.0:", None, None, "0.0"),
        ("", None, None, "file"),
        ("x" * 200, "jpeg", None, "x" * 115 + ".jpeg"),
        ("x" * 115 + ".Abcdefghijklmno", None, None, "x" * 115 + ".abcd"),
    ],
)
def test_a_name_is_the_title_with_the_extension(
    title: str, extension: str | None, mime_type: str | None, name: str
) -> None:
    assert file_names.safe(title, extension, mime_type) == name


@pytest.mark.parametrize(
    ("told", "mime_type"),
    [
        ("Image/JPEG; charset=binary", "image/jpeg"),
        ("image/svg+xml", "image/svg+xml"),
        ("image/*", None),
        ("jpeg", None),
        (None, None),
        (7, None),
    ],
)
def test_a_mime_type_is_read_without_its_parameters(told: object, mime_type: str | None) -> None:
    assert file_names.mime_type(told) == mime_type
