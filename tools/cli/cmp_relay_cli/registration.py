"""The webhooks that CMP has registered, held against what the stack expects.

Pure: no input, no output. No secret leaves here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from cmp_relay import routing
from cmp_relay.errors import UnverifiedCallerError
from cmp_relay.fields import at, text
from cmp_relay.verification import Secrets, verify

WANTED = frozenset(
    name for name, route in routing.ROUTES.items() if route not in routing.PUBLISH_ROUTES
)
"""Events that have a worker; those of publishing come through channels, which settings lack."""
DEFAULT = "default"
"""The channel of the URL itself."""


@dataclass(frozen=True, slots=True)
class Registered:
    """One registered webhook that leads to this stack; `secret` is the name of the one it sends."""

    name: str
    channel: str
    events: frozenset[str]
    secret: str | None


def ours(
    settings: Mapping[str, Any], url: str, secrets: Secrets, *, in_url: bool
) -> list[Registered]:
    """Return the webhooks of the organization's settings that lead to the stack's URL.

    `in_url` tells whether the receiver takes the secret as the URL's `key`, too (AllowUrlSecret).
    """
    rows = at(settings, "resources", "webhooks")
    found = []
    for row in rows if isinstance(rows, list) else []:
        leads_to = channel(row, url)
        if leads_to is None:
            continue
        names = at(row, "event_names")
        events = frozenset(map(str, names if isinstance(names, list) else []))
        shown = [text(at(row, "secret")) or "", *(_keys(row) if in_url else ())]
        name = text(at(row, "name")) or "-"
        found.append(Registered(name, leads_to, events, _named(shown, secrets)))
    return found


def legible(settings: Mapping[str, Any]) -> bool:
    """Tell whether the settings hold webhooks as we know them: else one of ours may be missed."""
    rows = at(settings, "resources", "webhooks")
    return isinstance(rows, list) and all(text(at(row, "callback_url")) for row in rows)


def channel(webhook: object, url: str) -> str | None:
    """Return the channel of the stack's URL that a webhook leads to, None if it leads elsewhere."""
    target = (text(at(webhook, "callback_url")) or "").partition("?")[0].rstrip("/")
    if target != url and not target.startswith(f"{url}/"):
        return None
    return target.removeprefix(url).strip("/") or DEFAULT


def twice(webhooks: Sequence[Registered]) -> dict[str, list[str]]:
    """Return the events that several webhooks bring, with these webhooks' names."""
    events = {event for webhook in webhooks for event in webhook.events}
    by_event = {
        event: sorted(webhook.name for webhook in webhooks if event in webhook.events)
        for event in sorted(events)
    }
    return {event: names for event, names in by_event.items() if len(names) > 1}


def missing(webhooks: Sequence[Registered]) -> list[str]:
    """Return the events with a worker that no webhook brings."""
    brought = {routing.canonical(event) for webhook in webhooks for event in webhook.events}
    return sorted(WANTED - brought)


def _keys(webhook: object) -> list[str]:
    query = (text(at(webhook, "callback_url")) or "").partition("?")[2]
    return parse_qs(query.partition("#")[0]).get("key", [])


def _named(shown: Sequence[str], secrets: Secrets) -> str | None:
    """Return the name of the secret that the receiver takes these for, None if it refuses them."""
    try:
        return verify(shown, secrets)
    except UnverifiedCallerError:
        return None
