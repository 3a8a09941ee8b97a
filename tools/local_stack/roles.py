"""The functions' roles, which MiniStack holds to actions that AWS does not have.

A batch of messages is authorized by AWS as the single action (`sqs:SendMessage`), and
`sqs:SendMessageBatch` is none of its actions; MiniStack asks for it. The same resources are granted
under the second name; on AWS this file has no counterpart.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.local_stack.aws import Aws
    from tools.local_stack.resources import Resources

BATCHED = ("sqs:SendMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
POLICY_NAME = "batches"


def grant_batches(aws: Aws, resources: Resources) -> None:
    """Let every role that may do something to one message do it to several at once."""
    for role in resources.of_type("AWS::IAM::Role"):
        statements = [
            batch
            for document in _documents(aws, role.physical_id)
            for statement in document["Statement"]
            for batch in _batches(statement)
        ]
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            aws("iam").put_role_policy(
                RoleName=role.physical_id, PolicyName=POLICY_NAME, PolicyDocument=document
            )


def _documents(aws: Aws, role: str) -> Iterator[Mapping[str, Any]]:
    for name in aws("iam").list_role_policies(RoleName=role)["PolicyNames"]:
        document: Any = aws("iam").get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        yield json.loads(document) if isinstance(document, str) else document


def _batches(statement: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    actions = statement["Action"]
    named = {actions} if isinstance(actions, str) else set(actions)
    granted = [f"{action}Batch" for action in BATCHED if action in named]
    if granted and statement["Effect"] == "Allow":
        yield {"Effect": "Allow", "Action": granted, "Resource": statement["Resource"]}
