"""What a deployed stack consists of, by the names of the template."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.local_stack.errors import DeploymentError

if TYPE_CHECKING:
    from tools.local_stack.aws import Aws

# Type of a resource → what follows its name in `.local/stack.env`.
SHOWN = {
    "AWS::DynamoDB::Table": "",
    "AWS::Events::EventBus": "",
    "AWS::Lambda::Function": "",
    "AWS::S3::Bucket": "",
    "AWS::SQS::Queue": "_URL",
}
WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class Resource:
    """One resource of the stack."""

    logical_id: str
    type: str
    physical_id: str


@dataclass(frozen=True)
class Resources:
    """The resources of the stack and its outputs."""

    aws: Aws
    by_name: dict[str, Resource]
    outputs: dict[str, str]

    @classmethod
    def of(cls, aws: Aws, stack_name: str) -> Resources:
        """Read them from CloudFormation."""
        cloudformation = aws("cloudformation")
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name)
        found = [
            Resource(each["LogicalResourceId"], each["ResourceType"], each["PhysicalResourceId"])
            for page in pages
            for each in page["StackResourceSummaries"]
        ]
        stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
        return cls(aws, {resource.logical_id: resource for resource in found}, outputs)

    def physical_id(self, logical_id: str) -> str:
        """Return the name, URL or ARN that AWS knows the resource by.

        Raises:
            DeploymentError: the stack has no such resource.
        """
        if logical_id not in self.by_name:
            message = f"the stack has no {logical_id}"
            raise DeploymentError(message)
        return self.by_name[logical_id].physical_id

    def of_type(self, kind: str) -> list[Resource]:
        """Return the resources of a CloudFormation type."""
        return [resource for resource in self.by_name.values() if resource.type == kind]

    def output(self, name: str) -> str:
        """Return an output of the stack.

        Raises:
            DeploymentError: the stack has no such output.
        """
        if name not in self.outputs:
            message = f"the stack has no output {name}"
            raise DeploymentError(message)
        return self.outputs[name]

    def function_arn(self, logical_id: str) -> str:
        """Return the ARN of a function."""
        name = self.physical_id(logical_id)
        answer = self.aws("lambda").get_function(FunctionName=name)
        return answer["Configuration"]["FunctionArn"]

    def variables(self) -> dict[str, str]:
        """Return the tables, buckets, buses, queues and functions as shell variables."""
        return {
            variable_name(resource.logical_id) + SHOWN[resource.type]: resource.physical_id
            for resource in self.by_name.values()
            if resource.type in SHOWN
        }


def variable_name(logical_id: str) -> str:
    """Return `AssetPublishedQueue` as `ASSET_PUBLISHED_QUEUE`."""
    return WORD.sub("_", logical_id).upper()
