from base64 import b64encode
from dataclasses import replace

import pytest

from cmp_relay.errors import AppointmentError, FileGuidUnknownError
from cmp_relay.leases import Lease
from cmp_relay.private_links import PrivateLinks
from tests.support.worker_stack import WorkerStack

HIDDEN = b64encode(b"g=guid-1").decode()
URL = f"https://images.cmp.optimizely.com/assets/{HIDDEN}?token=planted"
LINK = "https://images.cmp.optimizely.com/assets/1?token=2"


@pytest.fixture
def links(stack: WorkerStack) -> PrivateLinks:
    return PrivateLinks(stack.api, stack.permits("bulk"))


def lease() -> Lease:
    return Lease("files#image-1", "owner")


@pytest.mark.parametrize("guid", ["image-1", HIDDEN, "guid-1"])
def test_one_request_asks_for_every_guid_that_it_may_be(
    guid: str, links: PrivateLinks, stack: WorkerStack
) -> None:
    stack.api.urls[guid] = LINK

    assert links.link("image-1", URL, lease()) == LINK
    assert stack.api.asked == [f"file-urls/image-1,{HIDDEN},guid-1"]


def test_a_picture_in_an_article_does_not_go_by_the_articles_id(
    links: PrivateLinks, stack: WorkerStack
) -> None:
    stack.api.urls["guid-1"] = LINK

    assert links.link(None, URL, lease()) == LINK
    assert stack.api.asked == [f"file-urls/{HIDDEN},guid-1"]


def test_names_the_guids_that_cmp_does_not_know_and_no_token(links: PrivateLinks) -> None:
    with pytest.raises(FileGuidUnknownError, match=r"image-1, .*, guid-1") as caught:
        links.link("image-1", URL, lease())
    assert "planted" not in str(caught.value)


def test_what_the_budget_has_no_room_for_keeps_its_appointment_in_the_lease(
    stack: WorkerStack,
) -> None:
    stack.limits = replace(stack.limits, per_minute=15)
    links = PrivateLinks(stack.api, stack.permits("bulk"))
    stack.api.urls["image-1"] = LINK
    links.link("image-1", URL, lease())
    held = lease()

    with pytest.raises(AppointmentError):
        links.link("image-1", URL, held)

    assert held.kept is not None
    assert len(stack.api.asked) == 1
