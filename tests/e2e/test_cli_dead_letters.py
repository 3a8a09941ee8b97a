"""Dead letters at the command line: which there are, and what becomes of the chosen ones."""

import pytest

from tests.e2e.operator import Operator, buried, visitor

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


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
    moved = operator.json("dead-letters", "redrive", "--delivery", chosen, "--yes")
    assert sorted(moved["moved"]) == [f"{chosen}.{number}" for number in range(3)]

    assert relay.wait(lambda: all(map(relay.state, assets)), "the redriven assets")
    assert not any(relay.state(asset_id) for asset_id in others)

    gone = operator.json("dead-letters", "discard", "--delivery", other, "--yes")
    assert sorted(gone["discarded"]) == [f"{other}.0", f"{other}.1"]
    assert operator.json("dead-letters", "list", "--delivery", other) == []
    assert relay.item(f"JOB#{other}.0", "JOB")["outcome"] == "dead_lettered"  # type: ignore[index]


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
