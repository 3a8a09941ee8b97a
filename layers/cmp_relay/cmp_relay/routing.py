"""Which queue an event belongs to, by its name alone."""

from cmp_relay.settings import ReceiverSettings

OTHER_EVENT = "other_event"
ROUTES = {
    "asset_published": "asset_published",
    "asset_synced": "asset_synced",
    "asset_unpublished": "asset_unpublished",
    "asset_added": "library_asset",
    "asset_modified": "library_asset",
    "asset_removed": "library_asset",
    "asset_renditions_created": "library_asset",
    "external_sub_step_started": "external_work",
    "external_sub_step_modified": "external_work",
    "external_sub_step_completed": "external_work",
    "external_sub_step_comment_added": "external_work",
    "external_sub_step_comment_modified": "external_work",
    "external_sub_step_comment_removed": "external_work",
}
PUBLISH_ROUTES = frozenset({"asset_published", "asset_synced", "asset_unpublished"})
LIBRARY_ROUTE = "library_asset"
EXTERNAL_ROUTE = "external_work"
# CMP's own slips, each from a page of its documentation that contradicts its example
SPELLINGS = {
    "asset_syned": "asset_synced",
    "external_sub_step_modfied": "external_sub_step_modified",
    "task_metadata_modifed": "task_metadata_modified",
}


def canonical(event_name: str) -> str:
    """Return the right spelling of an event's name."""
    return SPELLINGS.get(event_name, event_name)


def route(event_name: str) -> str:
    """Return the route of an event, `other_event` for every name that has none of its own."""
    return ROUTES.get(event_name, OTHER_EVENT)


def queue_url(settings: ReceiverSettings, event_name: str) -> str:
    """Return the URL of the queue that takes this event's jobs."""
    url: str = getattr(settings, f"{route(event_name)}_queue_url")
    return url


def is_publish(event_name: str) -> bool:
    """Tell whether an event concerns the assets of a publishing event."""
    return route(event_name) in PUBLISH_ROUTES


def is_library(event_name: str) -> bool:
    """Tell whether an event concerns one asset of the library."""
    return route(event_name) == LIBRARY_ROUTE


def is_external(event_name: str) -> bool:
    """Tell whether an event concerns an external step of a workflow."""
    return route(event_name) == EXTERNAL_ROUTE


def is_external_comment(event_name: str) -> bool:
    """Tell whether an event concerns a comment on an external step."""
    return is_external(event_name) and "_comment_" in event_name
