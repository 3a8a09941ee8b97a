"""Dead letters at the command line: which there are, and what becomes of the chosen ones."""

import pytest

from tests.e2e.operator import Operator, buried, visitor
from tests.e2e.relay import Relay

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

REDRIVE = (
    "cloudformation:DescribeStacks",
    "dynamodb:BatchGetItem",
    "dynamodb:Scan",
    "sqs:ChangeMessageVisibility*",
    "sqs:DeleteMessage*",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:SendMessage*",
)
"""All that who redrives has to be allowed; MiniStack wants the names of batches, AWS does not."""


def test_only_the_chosen_dead_letters_are_sent_back(operator: Operator) -> None:
    relay = operator.relay
    chosen, assets = buried(relay, 3)
    other, others = buried(relay, 2)

    groups = operator.json("dead-letters", "list", "--delivery", chosen, "--delivery", other)
    assert [(each["reason"], each["count"]) for each in groups] == [("untrusted_link", 5)]
    one = operator.json("dead-letters", "show", f"{chosen}.0")
    assert one["asset_id"] == assets[0]
    assert "CmpApiOrigins" in one["advice"]

    asked = operator.complaint("dead-letters", "redrive", "--delivery", chosen, code=2)
    assert "--yes" in asked
    dry = operator.json("dead-letters", "redrive", "--delivery", chosen, "--dry-run")
    assert (len(dry["chosen"]), dry["moved"]) == (3, [])
    with visitor(operator, *REDRIVE) as own:
        moved = own.json("dead-letters", "redrive", "--delivery", chosen, "--yes")
    assert sorted(moved["moved"]) == [f"{chosen}.{number}" for number in range(3)]

    assert relay.wait(lambda: all(map(relay.state, assets)), "the redriven assets")
    assert not any(relay.state(asset_id) for asset_id in others)

    gone = operator.json("dead-letters", "discard", "--delivery", other, "--yes")
    assert sorted(gone["discarded"]) == [f"{other}.0", f"{other}.1"]
    assert operator.json("dead-letters", "list", "--delivery", other) == []
    assert relay.item(f"JOB#{other}.0", "JOB")["outcome"] == "dead_lettered"  # type: ignore[index]


@pytest.mark.long
def test_fifty_of_two_hundred_are_sent_back_once_although_that_is_killed_again_and_again(
    operator: Operator,
) -> None:
    relay = operator.relay
    delivery, assets = buried(relay, 200)
    jobs = {f"{delivery}.{number}": asset_id for number, asset_id in enumerate(assets)}
    chosen = dict(list(jobs.items())[::4])
    words = ["dead-letters", "redrive", *(word for each in chosen for word in ("--job", each))]

    operator.killed("before", "SendMessageBatch", 4, *words, "--yes")
    operator.killed("after", "SendMessageBatch", 3, *words, "--yes")
    operator.killed("before", "DeleteMessageBatch", 2, *words, "--yes")
    operator.killed("after", "DeleteMessageBatch", 2, *words, "--yes")
    report = operator.json(*words, "--yes")

    assert 0 < len(report["moved"]) < 50
    assert {*report["moved"], *report["sent_before"]} == {*report["chosen"]}
    assert report["missing"] == []
    assert relay.wait(lambda: all(map(relay.state, chosen.values())), "the redriven assets")
    items = {job_id: relay.item(f"JOB#{job_id}", "JOB") for job_id in jobs}
    ended = {job_id: item["outcome"] for job_id, item in items.items() if item}
    assert ended == {each: "applied" if each in chosen else "dead_lettered" for each in jobs}
    told = relay.told(
        lambda one: (
            one["detail-type"] == "AssetPublished" and one["detail"]["asset"]["id"] in assets
        )
    )
    assert sorted(each["detail"]["asset"]["id"] for each in told) == sorted(chosen.values())

    url = relay.stack.env["ASSET_PUBLISHED_DEAD_LETTER_QUEUE_URL"]
    assert relay.wait(lambda: hidden(relay, url) == 0, "the end of what was hidden")
    left = operator.json("dead-letters", "discard", "--delivery", delivery, "--yes")
    assert set(left["discarded"]) == {*jobs} - {*chosen}
    assert left["missing"] == []
    assert {*left["leftovers"], *report["leftovers"]} <= {*chosen}


def hidden(relay: Relay, url: str) -> int:
    """Return how many messages of a queue cannot be received now."""
    answer = relay.stack.boto("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"])


def test_dead_letters_have_to_be_chosen_and_known(operator: Operator) -> None:
    assert "--all" in operator.complaint("dead-letters", "redrive", "--yes", code=2)
    assert "no dead letter" in operator.complaint("dead-letters", "show", "nobody.0")
    wrong = operator.complaint("dead-letters", "list", "--since", "yesterday", code=2)
    assert "yesterday is no moment" in wrong


def test_who_may_only_read_changes_nothing(operator: Operator) -> None:
    delivery_id, _ = buried(operator.relay, 1)
    readers = ("cloudformation:*", "dynamodb:Scan", "dynamodb:BatchGetItem", "sqs:GetQueue*")

    with visitor(operator, *readers) as reader:
        redriven = reader.complaint("dead-letters", "redrive", "--all", "--yes")
        discarded = reader.complaint("dead-letters", "discard", "--all", "--yes")

    assert "may not do ReceiveMessage" in redriven
    assert "may not do ReceiveMessage" in discarded
    gone = operator.json("dead-letters", "discard", "--delivery", delivery_id, "--yes")
    assert gone["discarded"] == [f"{delivery_id}.0"]
