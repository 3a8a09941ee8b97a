"""One name everywhere: who knows the folder knows the function, its queues, samples and tests."""

from pathlib import Path

import pytest

from cmp_relay import announcements, routing, ticket_jobs, work_events
from cmp_relay.file_queue import EVENT_NAME
from cmp_relay.settings import ReceiverSettings
from tests.support import samples
from tests.template import processed, snapshot

PROJECT = snapshot.PROJECT
FUNCTIONS = sorted(path.parent.name for path in (PROJECT / "functions").glob("*/app.py"))
WORKERS = [name for name in FUNCTIONS if name.startswith("on_")]
OWN = {EVENT_NAME, ticket_jobs.CAUSE}
"""What the relay asks of itself: a queue and a worker, but nothing that CMP delivers."""
RUN = {"command"}
"""What others ask of it: a queue and a function that runs what is in it."""
QUEUES = processed.of_type("AWS::SQS::Queue").keys()


def pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def stems(folder: Path, pattern: str) -> set[str]:
    return {path.stem for path in folder.glob(pattern)}


def test_every_folder_is_a_function_and_every_function_a_folder() -> None:
    written = {
        name: resource["Properties"]["CodeUri"]
        for name, resource in snapshot.source()["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }

    assert written == {f"{pascal(name)}Function": f"functions/{name}/" for name in FUNCTIONS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_role_and_a_log_group_of_its_name(name: str) -> None:
    function = processed.functions()[f"{pascal(name)}Function"]

    assert processed.target(function["Role"]) == f"{pascal(name)}Role"
    assert processed.target(function["LoggingConfig"]["LogGroup"]) == f"{pascal(name)}LogGroup"


def test_every_function_has_an_event_to_invoke_it_with() -> None:
    assert stems(PROJECT / "events" / "invoke", "*.json") == set(FUNCTIONS)


def test_every_function_has_unit_tests() -> None:
    tests = stems(PROJECT / "tests" / "unit" / "functions", "test_*.py")

    assert tests == {f"test_{name}" for name in FUNCTIONS}


@pytest.mark.parametrize("name", [*WORKERS, *(f"run_{queue}" for queue in RUN)])
def test_a_worker_has_a_queue_a_dead_letter_queue_and_an_alarm_of_its_name(name: str) -> None:
    event = pascal(name.partition("_")[2])
    variables = processed.functions()[f"{pascal(name)}Function"]["Environment"]["Variables"]

    assert processed.target(variables["QUEUE_URL"]) == f"{event}Queue"
    assert processed.target(variables["DEAD_LETTER_QUEUE_URL"]) == f"{event}DeadLetterQueue"
    assert {f"{event}Queue", f"{event}DeadLetterQueue"} <= QUEUES
    assert f"{event}DeadLetterAlarm" in processed.of_type("AWS::CloudWatch::Alarm")


def test_every_route_has_a_worker_and_every_worker_a_route() -> None:
    routes = {*routing.ROUTES.values(), *OWN, routing.OTHER_EVENT}

    assert {f"on_{route}" for route in routes} == set(WORKERS)


def test_every_route_has_a_queue_and_every_queue_a_route() -> None:
    routes = {*routing.ROUTES.values(), *OWN, *RUN, routing.OTHER_EVENT}

    assert {pascal(route) + "Queue" for route in routes} == processed.work_queues().keys()


def test_every_queue_is_one_that_the_receiver_fills() -> None:
    filled = {name for name in ReceiverSettings.__annotations__ if name.endswith("_queue_url")}
    routes = {*routing.ROUTES.values(), routing.OTHER_EVENT, "quarantine"}

    assert filled == {f"{route}_queue_url" for route in routes}


def test_every_routed_event_has_a_sample() -> None:
    assert {name.removesuffix(".old") for name in samples.names()} >= routing.ROUTES.keys()


def test_an_event_on_the_bus_is_named_as_its_route() -> None:
    named = {name: pascal(name) for name in routing.PUBLISH_ROUTES}

    assert named == announcements.DETAIL_TYPES
    library = pascal(routing.LIBRARY_ROUTE)
    assert f"{library}Changed" == announcements.LIBRARY_CHANGED
    assert f"{library}Removed" == announcements.LIBRARY_REMOVED
    assert {
        name: pascal(name.replace("external_sub_step", routing.EXTERNAL_ROUTE))
        for name in routing.ROUTES
        if routing.is_external(name)
    } == work_events.DETAIL_TYPES
