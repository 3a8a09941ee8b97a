"""Jira's webhooks: whether a request is Jira's, and what it tells of tickets.

An admin webhook with a secret signs the raw body (X-Hub-Signature, the documentation's "secure
admin webhooks"). Of what it tells only the ids are taken: a state and a comment are read from Jira
when the job is worked on, so webhooks may repeat and overtake each other.
"""

import hmac
import json
from typing import Any

from cmp_relay.deliveries import Receipt
from cmp_relay.errors import UnreadableDeliveryError, UnverifiedCallerError
from cmp_relay.fields import at, identifier, without_none
from cmp_relay.verification import Secrets

CHANNEL = "jira"
SIGNATURE = "x-hub-signature"
STATE_FIELDS = frozenset({"resolution", "status"})

Job = dict[str, Any]


def verify(signature: str, raw: bytes, secrets: Secrets) -> str:
    """Return the name of the secret that signed the body; raises UnverifiedCallerError.

    Every secret is tried, also after a match.
    """
    shown = signature.strip().encode("utf-8", "surrogatepass")
    matched = [
        name
        for name, secret in secrets.named
        if hmac.compare_digest(shown, _signature(secret, raw)) & bool(secret)
    ]
    if not matched:
        raise UnverifiedCallerError("no accepted signature")
    return matched[0]


def jobs(raw: bytes, receipt: Receipt) -> list[Job]:
    """Return the jobs that follow from a webhook, none from one that does not concern us.

    Raises UnreadableDeliveryError if it names no event, or none of what it tells of.
    """
    body = _read(raw)
    name = at(body, "webhookEvent")
    if not isinstance(name, str):
        raise UnreadableDeliveryError("there is no usable webhookEvent")
    if name == "comment_created":
        comment_id = identifier(at(body, "comment", "id"))
        if comment_id is None:
            raise UnreadableDeliveryError("there is no usable comment.id")
        job = _job(receipt, "ticket_commented", _ticket(body))
        return [{**job, "comment": {"id": comment_id}}]
    if name == "jira:issue_updated" and _changes_state(body):
        return [_job(receipt, "ticket_changed", _ticket(body))]
    return []


def _signature(secret: str, raw: bytes) -> bytes:
    digest = hmac.new(secret.encode("utf-8", "surrogatepass"), raw, "sha256")
    return f"sha256={digest.hexdigest()}".encode()


def _read(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise UnreadableDeliveryError("the body is not JSON") from None


def _changes_state(body: object) -> bool:
    items = at(body, "changelog", "items")
    listed = items if isinstance(items, list) else []
    # A field may have been given another name on the screens; its id stays.
    names = [at(item, name) for item in listed for name in ("fieldId", "field")]
    if not all(name is None or isinstance(name, str) for name in names):
        raise UnreadableDeliveryError("a field of changelog.items is no name")
    return not STATE_FIELDS.isdisjoint(names)


def _ticket(body: object) -> dict[str, object]:
    ticket_id = identifier(at(body, "issue", "id"))
    if ticket_id is None:
        raise UnreadableDeliveryError("there is no usable issue.id")
    return without_none(id=ticket_id, key=identifier(at(body, "issue", "key")))


def _job(receipt: Receipt, kind: str, ticket: dict[str, object]) -> Job:
    return {
        "schema": 1,
        "job_id": f"{receipt.delivery_id}.0",
        "delivery_id": receipt.delivery_id,
        "received_at": receipt.received_at,
        "event_name": f"ticket.{kind}",
        "channel": receipt.channel,
        "cause": "ticket",
        "archive_key": receipt.archive_key,
        "entry": "",
        "kind": kind,
        "ticket": ticket,
    }
