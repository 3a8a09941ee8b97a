"""No secret in any log, event, item or message of the stack: searched for by the very values."""

import base64
import json
from collections.abc import Iterator

import pytest

from tests.e2e.relay import Relay

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

IN_A_QUERY = "marker-in-a-query-7f3a"
IN_A_BODY = "marker-in-a-body-91cc"
IN_THE_URL = "marker-in-the-url-d20e"
IN_A_HEADER = "marker-in-a-header-55b1"


def test_nothing_secret_is_written_anywhere_but_where_it_belongs(relay: Relay) -> None:
    ids = [relay.cmp.add_asset(kind)["id"] for kind in ("article", "image", "video", "raw_file")]
    body = relay.cmp.body("publish", ids)
    body["data"]["assets"]["articles"][0]["html_body"] = f"<p>{IN_A_BODY}</p>"
    for kind in ("images", "videos", "raw_files"):
        body["data"]["assets"][kind][0]["url"] += f"?token={IN_A_QUERY}"
    # A link that fails, one that is not trusted and one that is unreadable: errors must not tell.
    body["data"]["assets"]["videos"][0]["links"]["self"] += f"-gone?token={IN_A_QUERY}"
    elsewhere = f"https://user:{IN_A_QUERY}@elsewhere.example/x?token={IN_A_QUERY}"
    body["data"]["assets"]["raw_files"][0]["links"]["self"] = elsewhere
    relay.cmp.add_fault("status", status=500, count=1, path="/v3/images")

    answer = relay.cmp.deliver(body=body)[0]["response"]
    relay.post(json.dumps(body), path=f"?key={IN_THE_URL}", secret=IN_A_HEADER)
    relay.post(f'{{"event_name": "{IN_A_BODY}', secret=relay.stack.webhook_secret)
    outcomes = sorted(str(job.outcome) for job in relay.ended(answer))

    assert outcomes == ["applied", "applied", "applied", "dead_lettered"]
    secrets = set(secret_values(relay))
    assert len(secrets) >= 3
    markers = {IN_A_QUERY, IN_A_BODY, IN_THE_URL, IN_A_HEADER}
    logs = relay.stack.logs()
    assert "job ended" in logs
    assert found(logs, secrets | markers) == set()
    assert found("".join(log_files(relay)), secrets | markers) == set()
    letter = relay.message_of("ASSET_PUBLISHED_DEAD_LETTER", answer["delivery_id"])
    assert found(json.dumps(letter["MessageAttributes"]), secrets | markers) == set()
    events = json.dumps([event for one in ids for event in relay.events(one)])
    assert answer["delivery_id"] in events
    assert found(events, secrets | {IN_A_BODY, IN_THE_URL, IN_A_HEADER}) == set()
    archive = b"".join(archived(relay)).decode()
    assert IN_A_BODY in archive
    assert found(archive, secrets | {IN_THE_URL, IN_A_HEADER}) == set()


def secret_values(relay: Relay) -> Iterator[str]:
    """Yield every secret value of the stack, and the token as the header that carries it."""
    for output in ("WebhookSecretArn", "CredentialsSecretArn", "TokenSecretArn"):
        answer = relay.stack.boto("secretsmanager").get_secret_value(
            SecretId=relay.stack.outputs[output]
        )
        document = json.loads(answer["SecretString"])
        for name in ("current", "client_secret", "access_token"):
            if name in document:
                yield document[name]


def found(text: str, values: set[str]) -> set[str]:
    """Return the values that a text holds, in plain or as base64."""
    return {
        value
        for value in values
        if value in text or base64.b64encode(value.encode()).decode() in text
    }


def log_files(relay: Relay) -> Iterator[str]:
    """Yield what the local AWS, SAM and the stand-in wrote."""
    for file in relay.stack.folder.logs.iterdir():
        yield file.read_text(errors="replace")


def archived(relay: Relay) -> Iterator[bytes]:
    """Yield every archived delivery."""
    for key in relay.archived():
        answer = relay.stack.boto("s3").get_object(
            Bucket=relay.stack.env["ARCHIVE_BUCKET"], Key=key
        )
        yield answer["Body"].read()
