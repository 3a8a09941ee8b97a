"""The routes of the HTTP API, which MiniStack's CloudFormation leaves out.

It ignores `Body` of AWS::ApiGatewayV2::Api. The routes are read from the processed template, so
that they are the deployed ones; on AWS this file has no counterpart.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tools.local_stack.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.local_stack.aws import Aws
    from tools.local_stack.resources import Resources

METHODS = {"get", "put", "post", "delete", "options", "head", "patch"}
ANY_METHOD = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
FUNCTION = re.compile(r"\$\{(\w+)\.(?:Arn|Alias)\}")


def add_routes(aws: Aws, resources: Resources, template: Mapping[str, Any]) -> str:
    """Give the stack's HTTP API the routes of its body and return its base URL.

    The URL names the API in its path, since `{api}.execute-api.localhost` is a name that not every
    resolver knows.

    Raises:
        DeploymentError: the template has no HTTP API, or an integration is no function.
    """
    logical_id, api = _http_api(template)
    api_id = resources.physical_id(logical_id)
    for route_key, function in _routes(api["Properties"]["Body"]):
        integration = aws("apigatewayv2").create_integration(
            ApiId=api_id,
            IntegrationType="AWS_PROXY",
            IntegrationUri=resources.function_arn(function),
            PayloadFormatVersion="2.0",
        )
        aws("apigatewayv2").create_route(
            ApiId=api_id, RouteKey=route_key, Target=f"integrations/{integration['IntegrationId']}"
        )
    return f"{aws.endpoint}/_aws/execute-api/{api_id}"


def _http_api(template: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == "AWS::ApiGatewayV2::Api":
            return logical_id, resource
    message = "the processed template has no HTTP API"
    raise DeploymentError(message)


def _routes(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the key of each route with the logical id of its function."""
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", _function(operation)
            elif method == ANY_METHOD:
                yield ("$default" if path == "/$default" else f"ANY {path}"), _function(operation)


def _function(operation: Mapping[str, Any]) -> str:
    uri = operation[INTEGRATION]["uri"]
    found = FUNCTION.search(str(uri))
    if found is None:
        message = f"the integration {uri} is no function of the template"
        raise DeploymentError(message)
    return found[1]
