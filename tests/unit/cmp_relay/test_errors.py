import re
from collections.abc import Iterator

import pytest

from cmp_relay import errors
from cmp_relay.errors import CmpRelayError

IN_VAIN = {
    "ArchiveError",
    "FileGuidUnknownError",
    "FileTooLargeError",
    "ForbiddenError",
    "InvalidCommandError",
    "NotFoundError",
    "ReportRefusedError",
    "RequestRefusedError",
    "UnreadableDeliveryError",
    "UnreadableJobError",
    "UntrustedLinkError",
    "UnverifiedCallerError",
}


def kinds(root: type[CmpRelayError] = CmpRelayError) -> Iterator[type[CmpRelayError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_the_drawing_shows_the_tree_as_it_is() -> None:
    drawn = re.findall(r"^((?:│   |    )*)[├└]── (\w+)", errors.__doc__ or "", re.MULTILINE)

    parents = {}
    above = ["CmpRelayError"]
    for indent, name in drawn:
        del above[len(indent) // 4 + 1 :]
        parents[name] = above[-1]
        above.append(name)

    assert parents == {kind.__name__: kind.__base__.__name__ for kind in kinds() if kind.__base__}


def test_asking_again_is_in_vain_for_these_alone() -> None:
    assert {kind.__name__ for kind in kinds() if not kind.retryable} == IN_VAIN


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_each_has_a_reason_of_its_own(kind: type[CmpRelayError]) -> None:
    assert re.fullmatch("[a-z_]+", kind.reason)
    assert [other for other in kinds() if other.reason == kind.reason] == [kind]
