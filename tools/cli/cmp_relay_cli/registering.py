"""The registration of the stack's webhook in CMP, whose settings are Experimental (facts.md 4).

CMP finds webhooks by name and merges their events: it cannot be told to drop one, and makes a new
webhook if several share the name. So the difference is shown first, and what is left for people.
No secret is shown.
"""

import hmac
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from cmp_relay.cmp_v3 import OrganizationSettings
from cmp_relay.fields import at, text
from cmp_relay_cli import registration
from cmp_relay_cli.errors import OperatorError, owning_up
from cmp_relay_cli.output import facts


@dataclass(frozen=True, slots=True)
class Plan:
    """What CMP has under the name, None for nothing, and what it is to have."""

    before: Mapping[str, Any] | None
    after: Mapping[str, Any]

    @property
    def added(self) -> list[str]:
        """Return the events that CMP will send in addition."""
        return sorted(set(self.after["event_names"]) - set(self._events()))

    @property
    def left_over(self) -> list[str]:
        """Return the events that CMP sends and goes on sending, though nobody asked for them."""
        return sorted(set(self._events()) - set(self.after["event_names"]))

    @property
    def changes(self) -> list[str]:
        """Name what will be different."""
        if self.before is None:
            return ["new"]
        url = text(self.before.get("callback_url"))
        secret = text(self.before.get("secret")) or ""
        found = {
            "url": url != self.after["callback_url"],
            "secret": not hmac.compare_digest(secret.encode(), self.after["secret"].encode()),
            "events": bool(self.added),
        }
        return [name for name, differs in found.items() if differs]

    def document(self) -> dict[str, Any]:
        """Return the plan as programs read it: secrets not at all, URLs without their query."""
        before = text(at(self.before, "callback_url")) or ""
        return {
            "name": self.after["name"],
            "changes": self.changes,
            "url_before": before.partition("?")[0] or None,
            "url": self.after["callback_url"],
            "events_added": self.added,
            "by_hand": list(self._by_hand()),
        }

    def _events(self) -> list[str]:
        names = at(self.before, "event_names")
        return [*map(str, names)] if isinstance(names, list) else []

    def _by_hand(self) -> Iterator[str]:
        if self.left_over:
            yield f"drop at Apps & Webhooks what nobody asked for: {', '.join(self.left_over)}"
        yield (
            "for what is published, add a channel of the type webhook with the secret and a URL "
            f"as {self.after['callback_url'].rstrip('/')}/website: settings do not hold channels"
        )


def plan(
    settings: OrganizationSettings, *, name: str, url: str, secret: str, events: Sequence[str]
) -> Plan:
    """Hold what is wanted against what CMP has.

    Raises OperatorError if CMP's answer is not as we know it, if several share the name, or if one
    of another name leads here already: with a second one every event would come twice.
    """
    found = settings.get()
    if not registration.legible(found):
        message = (
            "CMP tells of its webhooks in a shape that we do not know, so nothing was changed: "
            "register the webhook by hand at Apps & Webhooks, and tell us"
        )
        raise OperatorError(message)
    rows = found["resources"]["webhooks"]
    same = [row for row in rows if at(row, "name") == name]
    if len(same) > 1:
        message = (
            f"CMP has {len(same)} webhooks called {name} and would make another one: delete all "
            "but one of them at Apps & Webhooks, or choose another --name"
        )
        raise OperatorError(message)
    before = same[0] if same else None
    here = [row for row in rows if registration.channel(row, url) == registration.DEFAULT]
    if here and before not in here:
        other = text(at(here[0], "name")) or "-"
        message = (
            f"CMP delivers here already, by its webhook {other}: bring that one up to date with "
            f"--name {shlex.quote(other)}, or delete it at Apps & Webhooks"
        )
        raise OperatorError(message)
    description = text(at(before, "description")) or "Delivers to CMP Relay"
    after = {
        "name": name,
        "description": description,
        "callback_url": url,
        "secret": secret,
        "event_names": sorted(events),
    }
    return Plan(before, after)


def carry_out(settings: OrganizationSettings, wanted: Plan) -> None:
    """Register it; raises OperatorError, before anything is changed, if CMP would do else.

    Also if the answer is lost: then it says that nobody knows.
    """
    change = {"webhooks": [wanted.after]}
    told = settings.preview(change)
    kind = "update" if wanted.before else "create"
    if at(told, "changeset", kind, "webhooks") != [wanted.after["name"]]:
        raise OperatorError(f"CMP would not {kind} the webhook, so nothing was changed")
    name = wanted.after["name"]
    with owning_up(f"the webhook {name} is registered", "see `cmp-relay register --dry-run`"):
        settings.apply(change)


def show(document: Mapping[str, Any], console: Console) -> None:
    """Print the plan for a person."""
    if not document["changes"]:
        console.print(f"CMP has {document['name']} as it should be.")
    show_difference(document, console)
    if document["dry_run"]:
        console.print("Nothing was changed.")
    console.print("\n[bold]Left to do in CMP[/]")
    for each in document["by_hand"]:
        console.print(f"- {each}", soft_wrap=True, markup=False)


def show_difference(document: Mapping[str, Any], console: Console) -> None:
    """Print what is different, before somebody is asked and in the result."""
    facts(
        console,
        {
            "webhook": document["name"],
            "changes": ", ".join(document["changes"]),
            "url before": document["url_before"],
            "url": document["url"],
            "events added": ", ".join(document["events_added"]),
        },
    )
