"""link_ticket commands that overtake each other leave what was issued last."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cmp_relay import commands
from cmp_relay.external_links import ExternalLinks
from cmp_relay.outcomes import Attempt
from cmp_relay.told_links import ToldLinks
from tests.support.clock import NOON
from tests.support.external_steps import WORK
from tests.support.worker_stack import CONTEXT, WorkerStack, clients

FIELDS = st.dictionaries(
    st.sampled_from(["identifier", "title", "status"]), st.sampled_from("abc"), min_size=1
)


def message(number: int, **fields: str) -> str:
    """Return a command that is issued so many seconds after noon."""
    issued_at = datetime.fromtimestamp(NOON / 1000 + number, UTC)
    arguments = commands.LinkTicket(external_work_link=WORK, **fields)
    return json.dumps(commands.message("link_ticket", f"link-{number}", issued_at, arguments))


def run(stack: WorkerStack, body: str) -> None:
    told = ToldLinks(clients("workers").table, "catalogue", now=stack.clock)
    worker = stack.command_worker({"link_ticket": ExternalLinks(stack.desk(), told)})
    worker.handle(stack.event(body), CONTEXT)


def shown(stack: WorkerStack) -> dict[str, Any]:
    """Return what CMP shows after all that it was told."""
    fields: dict[str, Any] = {}
    for method, link, body in stack.api.told:
        assert (method, link) == ("PATCH", WORK)
        fields |= body
    return fields


@hypothesis_settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(FIELDS, min_size=1, max_size=4), order=st.randoms(use_true_random=False))
def test_in_any_order_the_newest_value_of_each_field_stays(
    stack: WorkerStack,
    told: list[dict[str, str]],
    order: Any,  # noqa: ANN401
) -> None:
    stack.empty()
    stack.api.told.clear()
    bodies = [message(number, **fields) for number, fields in enumerate(told)]
    order.shuffle(bodies)

    for body in bodies:
        run(stack, body)

    expected: dict[str, str] = {}
    for fields in told:
        expected |= fields
    assert shown(stack) == expected


def test_a_command_that_comes_too_late_is_superseded(stack: WorkerStack) -> None:
    run(stack, message(2, status="Done"))
    run(stack, message(1, status="In Progress"))

    assert shown(stack) == {"status": "Done"}
    assert stack.outcomes() == {"command.link-1": "superseded", "command.link-2": "applied"}


def test_a_command_that_was_told_is_applied_also_if_it_comes_back_after_a_newer_one(
    stack: WorkerStack,
) -> None:
    """As when the bus has taken its result, and its worker was told of a failure."""
    stack.api.resources[WORK] = {"status": "Done", "external_system": "Jira"}
    told = ToldLinks(clients("workers").table, "catalogue", now=stack.clock)
    hand = ExternalLinks(stack.desk(), told)
    older, newer = (
        commands.read_command_job(message(number, status=status))
        for number, status in enumerate(("In Progress", "Done"))
    )
    for job in (older, newer):
        assert hand.run(job, Attempt(1, "receive")).outcome == "applied"

    ending = hand.run(older, Attempt(2, "receive"))

    assert ending.outcome == "applied"
    assert (ending.result or {})["status"] == "Done"
    assert [body for _, _, body in stack.api.told] == [
        {"status": "In Progress"},
        {"status": "Done"},
    ]


def test_what_cmp_never_heard_makes_nothing_old(stack: WorkerStack) -> None:
    stack.api.is_up = False
    run(stack, message(2, status="Done"))
    stack.api.is_up = True
    stack.empty_budget()

    run(stack, message(1, status="In Progress"))

    assert shown(stack) == {"status": "In Progress"}
