"""The stack tells people and programs what it is made of."""

import pytest

from tests.template import processed, snapshot

OUTPUTS = snapshot.processed()["Outputs"]


def _leads_to(output: str) -> str:
    return processed.target(OUTPUTS[output]["Value"])


def test_the_webhook_url_is_what_a_person_enters_in_cmp() -> None:
    assert OUTPUTS["WebhookUrl"]["Value"] == {"Fn::Sub": "${WebhookApi.ApiEndpoint}/webhooks/cmp"}


def test_the_other_url_is_what_a_person_enters_in_jira() -> None:
    value = {"Fn::Sub": "${WebhookApi.ApiEndpoint}/webhooks/jira"}
    assert OUTPUTS["JiraWebhookUrl"]["Value"] == value


@pytest.mark.parametrize(
    ("output", "resource"),
    [
        ("ArchiveBucket", "ArchiveBucket"),
        ("AssetBucket", "AssetBucket"),
        ("CatalogueTable", "CatalogueTable"),
        ("CredentialsSecretArn", "CredentialsSecret"),
        ("EventBus", "EventBus"),
        ("EventBusArn", "EventBus"),
        ("JiraCredentialsSecretArn", "JiraCredentialsSecret"),
        ("JiraWebhookSecretArn", "JiraWebhookSecret"),
        ("TokenSecretArn", "AccessTokenSecret"),
        ("WebhookSecretArn", "WebhookSecret"),
    ],
)
def test_a_store_has_an_output(output: str, resource: str) -> None:
    assert _leads_to(output) == resource


@pytest.mark.parametrize("queue", processed.of_type("AWS::SQS::Queue"))
def test_a_queue_has_an_output(queue: str) -> None:
    assert _leads_to(f"{queue}Url") == queue


@pytest.mark.parametrize("function", processed.functions())
def test_a_function_has_an_output(function: str) -> None:
    assert _leads_to(f"{function}Name") == function


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_output_explains_itself(output: str) -> None:
    assert OUTPUTS[output]["Description"].endswith(".")
