"""The answers to a delivery, each over real HTTP, and what each leaves behind."""

import json
from urllib.parse import quote

import pytest

from tests.e2e.relay import Relay
from tests.support import samples

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def test_accepts_a_known_event_with_one_job_for_each_asset(relay: Relay) -> None:
    image, video = (relay.cmp.add_asset(kind)["id"] for kind in ("image", "video"))

    sent = relay.cmp.publish([image, video])

    delivery = sent["deliveries"][0]
    assert (delivery["status"], delivery["response"]["jobs"]) == (202, 2)
    assert relay.outcomes(sent) == ["applied", "applied"]


@pytest.mark.parametrize(
    "headers",
    [{}, {"Callback-Secret": ""}, {"Callback-Secret": "wrong"}, {"X-Secret": "wrong"}],
    ids=["missing", "empty", "wrong", "elsewhere"],
)
def test_refuses_a_caller_without_the_secret_and_stores_nothing(
    relay: Relay, headers: dict[str, str]
) -> None:
    before = relay.archived()

    answer = relay.post(samples.raw("asset_published"), headers=headers)

    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert relay.archived() == before


@pytest.mark.parametrize("name", ["Callback-Secret", "callback-secret", "CALLBACK-SECRET"])
def test_finds_the_secret_however_its_header_is_written(relay: Relay, name: str) -> None:
    body = json.dumps({"event_name": "asset_published", "data": {}})
    body = body.replace("{}", '{"publishing_event": {"id": "e"}}')

    answer = relay.post(body, headers={name: relay.stack.webhook_secret})

    assert answer.status_code == 202


def test_refuses_the_secret_in_the_url_unless_it_is_allowed(relay: Relay) -> None:
    body = samples.raw("asset_unpublished")
    path = f"?key={quote(relay.stack.webhook_secret, safe='')}"

    refused = relay.post(body, path=path)
    with relay.environment("receive_webhook", ALLOW_URL_SECRET="true"):  # noqa: S106 - a switch
        accepted = relay.post(body, path=path)
        wrong = relay.post(body, path="?key=wrong")

    assert (refused.status_code, accepted.status_code, wrong.status_code) == (401, 202, 401)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{not json", "not JSON"),
        ("[]", "not an object"),
        ('{"data": {}}', "event_name"),
        ('{"event_name": "asset_published", "data": {"assets": {}}}', "publishing_event"),
        ('{"event_name": "asset_published", "data": 7}', "publishing_event"),
    ],
)
def test_quarantines_what_it_cannot_read_with_the_reason_and_the_archived_body(
    relay: Relay, body: str, reason: str
) -> None:
    answer = relay.post(body, secret=relay.stack.webhook_secret)

    delivery_id = answer.json()["delivery_id"]
    assert (answer.status_code, answer.json()["jobs"]) == (202, 0)
    message = json.loads(relay.message_of("QUARANTINE", delivery_id)["Body"])
    assert reason in f"{message['reason']} {message['detail']}"
    item = relay.item(f"QUARANTINE#{delivery_id}", "QUARANTINE")
    assert item is not None
    assert item["archive_key"] == message["archive_key"]
    archive = relay.stack.boto("s3").get_object(
        Bucket=relay.stack.env["ARCHIVE_BUCKET"], Key=message["archive_key"]
    )
    assert json.loads(archive["Body"].read())["body"] == body


def test_works_on_the_readable_assets_of_a_delivery_and_quarantines_the_others(
    relay: Relay,
) -> None:
    asset = relay.cmp.add_asset("image")
    body = relay.cmp.body("publish", [asset["id"]])
    body["data"]["assets"]["videos"] = ["no object", {"title": "no id"}]

    answer = relay.cmp.deliver(body=body)[0]["response"]

    assert answer["jobs"] == 1
    assert [job.outcome for job in relay.ended(answer)] == ["applied"]
    message = relay.message_of("QUARANTINE", answer["delivery_id"])["Body"]
    assert "/data/assets/videos/0" in message
    assert "/data/assets/videos/1" in message


def test_accepts_a_publish_event_without_assets(relay: Relay) -> None:
    body = relay.cmp.body("publish", [relay.cmp.add_asset("image")["id"]])
    body["data"]["assets"] = {"articles": [], "images": []}

    answer = relay.cmp.deliver(body=body)[0]

    assert (answer["status"], answer["response"]["jobs"]) == (202, 0)


@pytest.mark.parametrize("action", ["s3:PutObject", "sqs:*"])
def test_lets_cmp_retry_what_it_could_not_store(relay: Relay, action: str) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    body = json.dumps(relay.cmp.body("publish", [asset_id]))

    with relay.denied("receive_webhook", action):
        refused = relay.post(body, secret=relay.stack.webhook_secret)
    accepted = relay.post(body, secret=relay.stack.webhook_secret)

    assert (refused.status_code, accepted.status_code) == (503, 202)
    assert [job.outcome for job in relay.ended(accepted.json())] == ["applied"]


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("PUT", ""), ("POST", "/a/b")])
def test_knows_no_other_method_or_path(relay: Relay, method: str, path: str) -> None:
    answer = relay.post(b"{}", method=method, path=path, secret=relay.stack.webhook_secret)

    assert answer.status_code == 404


def test_reads_the_body_whatever_its_content_type(relay: Relay) -> None:
    asset_id = relay.cmp.add_asset("image")["id"]
    body = json.dumps(relay.cmp.body("publish", [asset_id]))

    answers = [
        relay.post(body, secret=relay.stack.webhook_secret, headers={"Content-Type": kind})
        for kind in ("text/plain", "application/octet-stream", "")
    ]

    assert [answer.json()["jobs"] for answer in answers] == [1, 1, 1]


def test_accepts_every_secret_that_the_operator_lists(relay: Relay) -> None:
    secrets, arn = relay.stack.boto("secretsmanager"), relay.stack.outputs["WebhookSecretArn"]
    before = secrets.get_secret_value(SecretId=arn)["SecretString"]
    document = json.loads(before)
    rotated = {"current": "the-new-one", "accepted": [document["current"], ""]}
    secrets.put_secret_value(SecretId=arn, SecretString=json.dumps(rotated))
    body = '{"event_name": "asset_published", "data": {"publishing_event": {"id": "e"}}}'
    try:
        relay.restart("receive_webhook")
        old = relay.post(body, secret=document["current"])
        new = relay.post(body, secret="the-new-one")  # noqa: S106 - made up here
        empty = relay.post(body, secret="")
    finally:
        secrets.put_secret_value(SecretId=arn, SecretString=before)
        relay.restart("receive_webhook")

    assert [answer.status_code for answer in (old, new, empty)] == [202, 202, 401]
