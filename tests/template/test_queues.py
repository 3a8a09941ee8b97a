"""No queue loses a job: what fails goes to a dead-letter queue that keeps it long enough."""

import pytest

from tests.template import processed

DAY = 24 * 3600
MAPPINGS = processed.of_type("AWS::Lambda::EventSourceMapping")


def test_every_work_queue_has_a_dead_letter_queue_of_its_own() -> None:
    for name, queue in processed.work_queues().items():
        dead_letters = processed.target(queue["RedrivePolicy"]["deadLetterTargetArn"])

        assert dead_letters == name.removesuffix("Queue") + "DeadLetterQueue"
        assert dead_letters in processed.dead_letter_queues()


def test_waiting_does_not_use_up_a_message() -> None:
    received = {
        name: queue["RedrivePolicy"]["maxReceiveCount"]
        for name, queue in processed.work_queues().items()
    }

    assert received == dict.fromkeys(received, 1000)


def test_jobs_are_kept_for_ten_days_and_dead_letters_for_fourteen() -> None:
    for queue in processed.work_queues().values():
        assert queue["MessageRetentionPeriod"] == 10 * DAY
    for queue in processed.dead_letter_queues().values():
        assert queue["MessageRetentionPeriod"] == 14 * DAY
    assert processed.properties("QuarantineQueue")["MessageRetentionPeriod"] == 14 * DAY


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_a_message_stays_hidden_six_times_as_long_as_its_function_may_run(mapping: str) -> None:
    queue = processed.properties(processed.target(MAPPINGS[mapping]["EventSourceArn"]))
    function = processed.properties(processed.target(MAPPINGS[mapping]["FunctionName"]))

    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_only_what_failed_of_a_batch_comes_back(mapping: str) -> None:
    assert MAPPINGS[mapping]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_a_queue_runs_at_most_as_many_workers_as_the_parameter_says(mapping: str) -> None:
    limit = processed.target(MAPPINGS[mapping]["ScalingConfig"]["MaximumConcurrency"])

    # Lambda takes no less than two
    assert processed.parameters()[limit]["MinValue"] == 2


def test_a_function_reads_its_own_queue() -> None:
    read = {
        processed.target(mapping["FunctionName"]): processed.target(mapping["EventSourceArn"])
        for mapping in MAPPINGS.values()
    }

    assert read
    for function, queue in read.items():
        verb = "Run" if queue == "CommandQueue" else "On"
        assert function == f"{verb}{queue.removesuffix('Queue')}Function"
