"""A delivery as CMP would send it, and what becomes of it."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from rich.console import Console

from cmp_relay.errors import StorageError, UnavailableError
from cmp_relay.verification import Secrets
from cmp_relay_cli import job_items
from cmp_relay_cli.errors import OperatorError, UsageError, owning_up
from cmp_relay_cli.job_items import JobItem
from cmp_relay_cli.output import facts, row, table
from cmp_relay_cli.samples import Body
from cmp_relay_cli.stack import Stack

ANSWER_SECONDS = 10  # as CMP waits, by its older documentation
PAUSE_SECONDS = 0.5


def url(stack: Stack, channel: str | None) -> str:
    """Return where CMP sends the deliveries of a channel."""
    return stack.outputs["WebhookUrl"] + (f"/{channel}" if channel else "")


def send(stack: Stack, body: Body, channel: str | None) -> dict[str, Any]:
    """Send a body and return the relay's answer; raises OperatorError.

    The secret is read for it, and shown to nobody but the webhook.
    """
    shown = secret(stack)
    if not (shown.isascii() and shown.isprintable()):
        what = "the webhook's secret holds what no header can carry"
        raise OperatorError(f"{what}: put another one in its place with `cmp-relay rotate-secret`")
    headers = {"Content-Type": "application/json", "Callback-Secret": shown}
    with owning_up("the delivery was received", "look at `cmp-relay status`"):
        answer = _post(url(stack, channel), body, headers)
    if answer.status_code != httpx.codes.ACCEPTED:
        message = f"the webhook answered {answer.status_code}: the log of receive_webhook says why"
        raise OperatorError(message)
    return _receipt(answer)


def follow(
    stack: Stack,
    delivery_id: str,
    count: int,
    seconds: float,
    step: Callable[[int], None],
    sleep: Callable[[float], None] = time.sleep,
) -> list[JobItem]:
    """Return a delivery's jobs once all have ended, or as they are when the time is over."""
    names = [f"{delivery_id}.{number}" for number in range(count)]
    deadline, ended = time.monotonic() + seconds, 0
    while True:
        found = job_items.get(stack, names)
        now = sum(1 for job in found.values() if job.outcome)
        step(now - ended)
        ended = now
        if ended == count or time.monotonic() > deadline:
            return [found[name] for name in names if name in found]
        sleep(PAUSE_SECONDS)


def show(document: Mapping[str, Any], console: Console) -> None:
    """Print what was sent and what became of it."""
    names = ("event_name", "url", "delivery_id")
    facts(console, {name: document[name] for name in names if name in document})
    if document["dry_run"]:
        console.print("Nothing was sent.")
        return
    made = table("job", "asset", "#attempts", "outcome", "reason")
    for job in document["jobs"]:
        outcome = job["outcome"] or f"in flight {job['waits_for'] or ''}"
        row(made, (job["job_id"], job["asset_id"], job["attempts"], outcome, job["reason"]))
    console.print(made)


def secret(stack: Stack) -> str:
    """Return the webhook's current secret, to be shown to nobody; raises OperatorError.

    An empty one, too: the receiver takes it from nobody.
    """
    answer = stack.secrets.get_secret_value(SecretId=stack.outputs["WebhookSecretArn"])
    try:
        secrets = Secrets.of(answer.get("SecretString", ""))
    except StorageError as error:
        raise OperatorError(f"the webhook's secret cannot be read: {error}") from None
    current = dict(secrets.named)["current"]
    if not current:
        message = (
            "the webhook's secret has no current one: `cmp-relay rotate-secret start` makes it"
        )
        raise OperatorError(message)
    return current


def _post(place: str, body: Body, headers: Mapping[str, str]) -> httpx.Response:
    """Post a body; raises UnavailableError if it may have come although no answer did."""
    try:
        return httpx.post(place, content=body.text, headers=headers, timeout=ANSWER_SECONDS)
    except httpx.InvalidURL:
        raise UsageError(f"{place} is no URL: name another --channel") from None
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        message = f"the webhook cannot be reached: {type(error).__name__}"
        raise OperatorError(message) from None
    except httpx.HTTPError as error:
        raise UnavailableError(f"no answer came: {type(error).__name__}") from None


def _receipt(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    match found:
        case {"delivery_id": str(), "jobs": int()}:
            return dict(found)
    message = "the webhook answered 202, but not as the relay does: see where its URL leads"
    raise OperatorError(message)
