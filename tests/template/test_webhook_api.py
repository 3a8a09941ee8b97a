"""CMP and Jira reach three routes, no caller exhausts the account, the log keeps no secret."""

import json
import re

from tests.template import processed

ALLOWED_IN_LOG = {
    "identity.sourceIp",
    "integrationErrorMessage",
    "requestId",
    "requestTime",
    "responseLatency",
    "routeKey",
    "status",
}


def _stage() -> processed.Properties:
    (stage,) = processed.of_type("AWS::ApiGatewayV2::Stage").values()
    return stage


def test_the_webhooks_have_three_routes() -> None:
    paths = processed.properties("WebhookApi")["Body"]["paths"]

    assert {path: list(methods) for path, methods in paths.items()} == {
        "/webhooks/cmp": ["post"],
        "/webhooks/cmp/{channel}": ["post"],
        "/webhooks/jira": ["post"],
    }


def test_routes_are_throttled() -> None:
    settings = _stage()["DefaultRouteSettings"]

    assert settings["ThrottlingRateLimit"] > 0
    assert settings["ThrottlingBurstLimit"] > 0


def test_the_access_log_holds_neither_path_nor_query_nor_headers() -> None:
    log_format = _stage()["AccessLogSettings"]["Format"]

    assert set(re.findall(r"\$context\.([\w.]+)", log_format)) == ALLOWED_IN_LOG
    assert log_format.count("$") == len(ALLOWED_IN_LOG)


def test_the_access_log_is_json_that_its_filter_can_read() -> None:
    settings = _stage()["AccessLogSettings"]

    assert json.loads(settings["Format"])["status"] == "$context.status"
    assert processed.target(settings["DestinationArn"]) == "WebhookAccessLogGroup"


def test_only_the_webhooks_may_invoke_the_receivers() -> None:
    permissions = processed.of_type("AWS::Lambda::Permission").values()

    invoked = sorted(processed.target(permission["FunctionName"]) for permission in permissions)
    assert invoked == ["ReceiveTicketFunction", *["ReceiveWebhookFunction"] * 2]
    for permission in permissions:
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert "WebhookApi" in json.dumps(permission["SourceArn"])
