"""The world that the measured functions see: names, secrets and every answer of AWS and of CMP.

Answers are the least that a function needs to finish: nothing is remembered.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
SAMPLE = PROJECT / "events" / "webhooks" / "asset_published.json"
EVENTS = PROJECT / "events" / "invoke"
CMP = "https://api.cmp.optimizely.com"
ISSUES = "/rest/api/3/issue"
ISSUE: dict[str, Any] = {
    "id": "10000",
    "key": "CMP-1",
    "fields": {
        "summary": "Sample",
        "status": {"name": "To Do", "statusCategory": {"key": "new"}},
        "labels": ["cmp-relay"],
    },
}


def variables(url: str) -> dict[str, str]:
    """Return the environment of every function, with AWS and CMP at this URL.

    What has no meaning here is as in events/env.json, which names all that the template sets.
    """
    functions = json.loads((PROJECT / "events" / "env.json").read_text()).values()
    named = {name: value for function in functions for name, value in function.items()}
    queues = [name for name in named if name.endswith("QUEUE_URL")]
    return {
        **named,
        **{name: f"{url}/queues/{name.lower()}" for name in queues},
        "ARCHIVE_BUCKET": "archive",
        "ASSET_BUCKET": "assets",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "eu-west-1",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "BASELINE_SECRET": webhook_secret(),
        "CMP_API_BASE": f"{url}/v3",
        "CMP_API_ORIGINS": url,
        "CMP_TOKEN_URL": f"{url}/o/oauth2/v1/token",
        "CREDENTIALS_SECRET_ARN": "credentials",
        "FULL_RECONCILE_DAYS": "0",
        "JIRA_BASE_URL": url,
        "JIRA_CREDENTIALS_SECRET_ARN": "jira",
        "JIRA_WEBHOOK_SECRET_ARN": "webhook",
        "POWERTOOLS_METRICS_NAMESPACE": "bench",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "RECONCILE_HOURS": "0",
        "TOKEN_SECRET_ARN": "token",
        "WEBHOOK_SECRET_ARN": "webhook",
    }


def webhook_secret() -> str:
    """Return the secret that the receiver's event shows, which is thereby the accepted one."""
    event = json.loads((EVENTS / "receive_webhook.json").read_text())
    return str(event["headers"]["callback-secret"])


def answer(method: str, path: str, target: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the answer to one request."""
    if target:
        content = _operation(target.split(".")[-1], json.loads(body))
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(content).encode()
    if method == "POST":
        return _json(_posted(path))
    if method == "PUT":
        return 200, {"ETag": '"1"'}, b""
    if path.startswith("/v3/"):
        return _json(_asset(path))
    if path.startswith(ISSUES):
        return _json(ISSUE)
    if path.startswith("/archive/"):
        return _json({"schema": 1, "encoding": "utf-8", "body": SAMPLE.read_text()})
    return 404, {}, b"<Error><Code>NoSuchKey</Code></Error>"


def _operation(name: str, request: dict[str, Any]) -> dict[str, Any]:
    """Answer an operation of the JSON protocols of AWS."""
    if name == "SendMessageBatch":
        taken = [{"Id": entry["Id"], "MessageId": entry["Id"]} for entry in request["Entries"]]
        return {"Successful": taken}
    if name == "PutEvents":
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in request["Entries"]]}
    if name == "GetSecretValue":
        return {"SecretString": json.dumps(_secret(request["SecretId"])), "VersionId": "1"}
    if name == "PutSecretValue":
        return {"VersionId": "2"}
    if name == "UpdateItem":
        return {"Attributes": {"attempts": {"N": "1"}}}
    return {"Items": [], "Count": 0} if name == "Query" else {}


def _secret(name: str) -> dict[str, Any]:
    now = time.time()
    secrets: dict[str, dict[str, Any]] = {
        "webhook": {"current": webhook_secret(), "accepted": []},
        "token": {"access_token": "bench", "obtained_at": now - 60, "expires_at": now + 60 * 60},
        "credentials": {"client_id": "bench", "client_secret": "bench"},
        "jira": {"token": "bench"},
    }
    return secrets[name]


def _posted(path: str) -> dict[str, Any]:
    if path.endswith("/token"):
        return {"access_token": "bench", "expires_in": 3600, "token_type": "Bearer"}
    return ISSUE if path.startswith(ISSUES) else {}


def _asset(path: str) -> dict[str, Any]:
    identifier = path.rsplit("/", 1)[-1]
    return {"id": identifier, "title": "Sample", "modified_at": "2030-01-01T00:00:00Z"}


def _json(document: object) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()
