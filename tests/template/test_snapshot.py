"""A change of what is deployed is seen and reviewed, not stumbled over."""

from tests.template import snapshot


def test_the_processed_template_is_the_reviewed_one() -> None:
    unchanged = snapshot.text() == snapshot.EXPECTED.read_text()

    assert unchanged, "run `make snapshot` and review the diff of tests/template/expected.json"
