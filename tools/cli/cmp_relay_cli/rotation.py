"""The rotation of the webhook's secret: who still shows the old one, and when it may go.

CMP sends one secret for each webhook and retries for three days (facts.md 1). Its settings hold the
webhooks with their secrets, but not publishing channels: of those only deliveries tell.
"""

import secrets
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape

from cmp_relay import times
from cmp_relay.errors import CmpRelayError, ForbiddenError, NotFoundError
from cmp_relay.verification import REFRESH_SECONDS
from cmp_relay_cli import cmp, measurements, registration, webhook_secret
from cmp_relay_cli.measurements import Metric
from cmp_relay_cli.output import facts, moment, row, table
from cmp_relay_cli.registration import Registered
from cmp_relay_cli.stack import Stack
from cmp_relay_cli.webhook_secret import Stored

LETTERS_AND_DIGITS = string.ascii_letters + string.digits
LENGTH = 32
"""The most that CMP takes (facts.md 1)."""
SPREAD_SECONDS = REFRESH_SECONDS + 5
"""After so long every receiver has read the secret anew."""
RETRY_DAYS = 3.0
"""For so long CMP retries a delivery (facts.md 1)."""
DAY = 24 * 3_600_000
PERIOD_SECONDS = 300
LATE_SECONDS = 3 * PERIOD_SECONDS
"""So long after it was written a version may become current: two calls of four tries (CONFIG)."""
LOOK_BACK = 60 * DAY
"""CloudWatch keeps five minutes apart for 63 days."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Who has shown which secret since the secret was changed (`since`, ms).

    `shown` tells when by the secret's name (ms), and `unmeasured` of which names CloudWatch does
    not tell all. `webhooks` are CMP's that lead to the stack, None if its settings cannot be seen;
    `failure` is why, unless the app may just not see them.
    """

    since: int
    old: Sequence[str]
    shown: Mapping[str, int]
    webhooks: Sequence[Registered] | None
    failure: str | None = None
    unmeasured: Mapping[str, str] = field(default_factory=dict)


def generate() -> str:
    """Return a new secret as CMP takes it: 32 letters and digits."""
    return "".join(secrets.choice(LETTERS_AND_DIGITS) for _ in range(LENGTH))


def begin(stack: Stack, before: Stored) -> Stored:
    """Make a new secret the current one and accept the former still; raises as `replace` does."""
    return webhook_secret.replace(stack, before, current=generate(), accepted=before.values)


def end(stack: Stack, before: Stored) -> None:
    """Accept the current secret alone; raises as `replace` does."""
    webhook_secret.replace(stack, before, accepted=[])


def examine(stack: Stack, stored: Stored, now: int) -> Evidence:
    """Look at CMP's settings and at the deliveries that came; nothing is changed."""
    shown, unmeasured = _deliveries(stack, stored, now)
    webhooks, failure = _webhooks(stack, stored)
    return Evidence(stored.written_at, stored.old, shown, webhooks, failure, unmeasured)


def obstacles(evidence: Evidence, now: int, days: float) -> Iterator[str]:
    """Tell why the old secrets are still needed, or may be: nothing if they are safe to drop.

    `days` is how long no delivery must have shown them.
    """
    if evidence.failure:
        yield f"CMP does not show which secret its webhooks send ({evidence.failure})"
    for webhook in evidence.webhooks or ():
        if webhook.secret is None:
            yield f"CMP's webhook {webhook.name} sends a secret that is none of ours"
        elif webhook.secret != "current":  # noqa: S105 - a name
            yield f"CMP's webhook {webhook.name} still sends {webhook.secret}"
    quiet = int(days * DAY)
    for name in evidence.old:
        if evidence.shown.get(name, 0) > now - quiet:
            yield f"a delivery still showed {name} at {times.iso(evidence.shown[name])}"
        elif name in evidence.unmeasured:
            why = evidence.unmeasured[name]
            yield f"CloudWatch does not tell whether deliveries still show {name} ({why})"
    if evidence.since > now - quiet:
        until = times.iso(evidence.since + quiet)
        yield f"what was sent before the rotation may be retried until {until}"
    sent = [webhook.secret for webhook in evidence.webhooks or ()]
    if "current" not in evidence.shown and "current" not in sent:
        if "current" in evidence.unmeasured:
            why = evidence.unmeasured["current"]
            yield f"CloudWatch does not tell whether deliveries show the new secret ({why})"
        else:
            yield "neither a delivery nor a webhook of CMP's settings has shown the new secret"


def document(stored: Stored, evidence: Evidence, left: Sequence[str]) -> dict[str, Any]:
    """Return the state as programs read it: secrets by their names alone."""
    webhooks = evidence.webhooks
    return {
        "under_way": stored.under_way,
        "since": moment(stored.written_at),
        "accepted": stored.names,
        "webhooks": None
        if webhooks is None
        else [
            {"name": each.name, "channel": each.channel, "secret": each.secret} for each in webhooks
        ],
        "deliveries": {name: moment(evidence.shown.get(name)) for name in stored.names},
        "unmeasured": sorted(evidence.unmeasured),
        "safe_to_finish": stored.under_way and not left,
        "obstacles": list(left) if stored.under_way else [],
    }


def show(state: Mapping[str, Any], console: Console) -> None:
    """Print the state for a person."""
    names = {
        "rotation": f"under way since {state['since']}" if state["under_way"] else "none under way",
        "accepted": ", ".join(state["accepted"]),
    }
    facts(console, names)
    if state["webhooks"] is None:
        console.print("\nCMP does not show its settings, so only deliveries tell.")
    else:
        made = table("webhook", "channel", "sends", title="\nCMP's webhooks")
        for each in state["webhooks"]:
            row(made, (each["name"], each["channel"], each["secret"] or "none of ours"))
        console.print(made)
    made = table("secret", "shown last", title="\nDeliveries")
    for name, at in state["deliveries"].items():
        row(made, (name, at or ("not known" if name in state["unmeasured"] else "by none")))
    console.print(made)
    if state["safe_to_finish"]:
        console.print("\n[green]✓[/] `cmp-relay rotate-secret finish` may drop the old secret.")
    elif state["under_way"]:
        console.print("\nThe old secret is needed still, or may be:")
        for each in state["obstacles"]:
            console.print(f"[red]✗[/] {escape(each)}", soft_wrap=True)


def _webhooks(stack: Stack, stored: Stored) -> tuple[list[Registered] | None, str | None]:
    """Return what Evidence has of them: `webhooks` and `failure`."""
    try:
        with cmp.connected(stack) as api:
            settings = api.settings.get()
    except (ForbiddenError, NotFoundError):
        return None, None
    except CmpRelayError as error:
        return None, str(error)
    if not registration.legible(settings):
        return None, "settings of a shape that we do not know"
    url, in_url = stack.outputs["WebhookUrl"], stack.takes_secret_in_url
    return registration.ours(settings, url, stored.secrets, in_url=in_url), None


def _deliveries(stack: Stack, stored: Stored, now: int) -> tuple[dict[str, int], dict[str, str]]:
    """Return what Evidence has of them: `shown`, to five minutes, and `unmeasured`."""
    step = PERIOD_SECONDS * 1000
    begin = max(stored.written_at, now - LOOK_BACK) // step * step
    metrics = [
        Metric("CmpRelay", "SecretMatched", {"service": stack.name, "secret": name}, "Sum")
        for name in stored.names
    ]
    found = measurements.read(stack, metrics, begin=begin, end=now + step, period=PERIOD_SECONDS)
    by_name = dict(zip(stored.names, found, strict=True))
    # What receivers had not yet read anew went by the name that it had before.
    spread = stored.written_at + (LATE_SECONDS + SPREAD_SECONDS) * 1000
    shown = {
        name: [
            min(began + step, now)
            for began, count in each.values.items()
            if count and (name != "current" or began >= spread)
        ]
        for name, each in by_name.items()
    }
    unmeasured = {name: each.failure for name, each in by_name.items() if each.failure}
    return {name: max(moments) for name, moments in shown.items() if moments}, unmeasured
