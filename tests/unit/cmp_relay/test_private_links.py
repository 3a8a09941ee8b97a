from base64 import b64encode
from dataclasses import replace

import pytest

from cmp_relay.errors import AppointmentError
from cmp_relay.file_sources import Source
from cmp_relay.leases import Lease
from cmp_relay.private_links import MOST_GUIDS, PrivateLinks
from tests.support.worker_stack import WorkerStack

HIDDEN = b64encode(b"g=guid-1").decode()
URL = f"https://images.cmp.optimizely.com/assets/{HIDDEN}?token=planted"
LINK = "https://images.cmp.optimizely.com/assets/1?token=2"


@pytest.fixture
def links(stack: WorkerStack) -> PrivateLinks:
    return PrivateLinks(stack.api, stack.permits("bulk"))


def lease() -> Lease:
    return Lease("files#image-1", "owner")


def source(slot: str = "file", url: str = URL) -> Source:
    return Source(slot, url, "a.jpg", "image/jpeg", 1, "1")


@pytest.mark.parametrize("guid", ["image-1", HIDDEN, "guid-1"])
def test_one_request_asks_for_every_guid_that_it_may_be(
    guid: str, links: PrivateLinks, stack: WorkerStack
) -> None:
    stack.api.urls[guid] = LINK

    assert links.links("image-1", [source()], lease()) == {"file": LINK}
    assert stack.api.asked == [f"file-urls/image-1,{HIDDEN},guid-1"]


def test_the_pictures_of_an_article_are_asked_for_at_once_and_not_by_its_id(
    links: PrivateLinks, stack: WorkerStack
) -> None:
    stack.api.urls |= {"guid-1": LINK, "2": f"{LINK}2"}
    pictures = [
        source("image-1"),
        source("image-2", "https://images.cmp.optimizely.com/2"),
        source("image-3", "https://images.cmp.optimizely.com/3"),
    ]

    found = links.links("article-1", pictures, lease())

    assert found == {"image-1": LINK, "image-2": f"{LINK}2"}
    assert stack.api.asked == [f"file-urls/{HIDDEN},guid-1,2,3"]


def test_a_request_names_no_more_guids_than_a_hundred(
    links: PrivateLinks, stack: WorkerStack
) -> None:
    names = [str(number) for number in range(MOST_GUIDS + 1)]
    stack.api.urls |= dict.fromkeys(names, LINK)

    found = links.links(
        "article-1", [source(n, f"https://a.example.com/{n}") for n in names], lease()
    )

    assert found.keys() == set(names)
    assert [len(asked.split(",")) for asked in stack.api.asked] == [MOST_GUIDS, 1]


def test_what_the_budget_has_no_room_for_keeps_its_appointment_in_the_lease(
    stack: WorkerStack,
) -> None:
    stack.limits = replace(stack.limits, per_minute=15)
    links = PrivateLinks(stack.api, stack.permits("bulk"))
    stack.api.urls["image-1"] = LINK
    links.links("image-1", [source()], lease())
    held = lease()

    with pytest.raises(AppointmentError):
        links.links("image-1", [source()], held)

    assert held.kept is not None
    assert len(stack.api.asked) == 1
