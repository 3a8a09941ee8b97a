import pytest

from cmp_relay import routing
from functions.receive_webhook import app


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("asset_syned", "asset_synced"),
        ("task_metadata_modifed", "task_metadata_modified"),
        ("external_sub_step_modfied", "external_sub_step_modified"),
        ("asset_published", "asset_published"),
        ("anything_else", "anything_else"),
    ],
)
def test_knows_the_slips_of_cmp(spelling: str, name: str) -> None:
    assert routing.canonical(spelling) == name


def test_each_route_has_a_queue_of_its_own() -> None:
    settings = app.reception.settings

    urls = {routing.queue_url(settings, name) for name in [*routing.ROUTES, "anything_else"]}

    assert len(urls) == len({*routing.ROUTES.values(), "other_event"})
    assert routing.queue_url(settings, "anything_else") == settings.other_event_queue_url


def test_only_publish_events_hold_assets_of_a_publishing_event() -> None:
    assert routing.is_publish("asset_unpublished")
    assert not routing.is_publish("asset_added")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("asset_added", True),
        ("asset_modified", True),
        ("asset_removed", True),
        ("asset_renditions_created", True),
        ("asset_published", False),
    ],
)
def test_library_events_share_a_route(name: str, *, expected: bool) -> None:
    assert routing.is_library(name) is expected


@pytest.mark.parametrize(
    ("name", "is_external", "is_comment"),
    [
        ("external_sub_step_started", True, False),
        ("external_sub_step_modified", True, False),
        ("external_sub_step_comment_removed", True, True),
        ("workflow_sub_step_comment_added", False, False),
    ],
)
def test_events_of_external_steps_share_a_route(
    name: str, *, is_external: bool, is_comment: bool
) -> None:
    assert routing.is_external(name) is is_external
    assert routing.is_external_comment(name) is is_comment
