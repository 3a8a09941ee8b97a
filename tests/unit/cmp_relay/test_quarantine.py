import json
from typing import Any

from cmp_relay import quarantine
from cmp_relay.deliveries import Problem, Receipt

RECEIPT = Receipt("id", 1_700_000_000_123, "default", "deliveries/2023/11/14/id.json")
PLACE = quarantine.Place("url", "catalogue")


class Store:
    """A table and a queue of one each."""

    def put_item(self, table: str, item: dict[str, dict[str, Any]]) -> None:
        self.item = item

    def send_messages(self, queue_url: str, entries: list[dict[str, str]]) -> set[str]:
        self.message = json.loads(entries[0]["MessageBody"])
        return set()


def quarantined(problems: list[Problem], event_name: str | None = None) -> Store:
    store = Store()
    quarantine.put(
        store, PLACE, RECEIPT, event_name=event_name, reason="because", problems=problems
    )
    return store


def test_an_item_outlives_the_message_by_far() -> None:
    store = quarantined([Problem("/data", "why")], "asset_synced")

    assert store.item["expires_at"] == {"N": str(1_700_000_000 + 90 * 86_400)}
    assert store.item["received_at"] == {"N": "1700000000123"}
    assert store.item["event_name"] == {"S": "asset_synced"}


def test_the_message_says_where_the_body_is_and_why() -> None:
    store = quarantined([Problem("/data", "why")])

    assert store.message == {
        "schema": 1,
        "delivery_id": "id",
        "received_at": 1_700_000_000_123,
        "channel": "default",
        "archive_key": RECEIPT.archive_key,
        "reason": "because",
        "problems": 1,
        "detail": [{"pointer": "/data", "reason": "why"}],
    }


def test_many_long_and_strange_pointers_still_fit_a_message() -> None:
    store = quarantined([Problem(f"/data/\ud800{'x' * 100_000}", "why")] * 50)

    assert store.message["problems"] == 50
    assert len(store.message["detail"]) == 20
    assert len(json.dumps(store.message)) < 20_000
    json.dumps(store.item, ensure_ascii=False).encode()
