"""The stack that a command works on: found by its name, or as the one of `make up`."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from cmp_relay_cli.errors import MissingError, OperatorError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

DEFAULT_NAME = "cmp-relay"
LOCAL_FILE = Path(".local", "stack.env")
LOCAL_NAMES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "STACK_NAME",
    "WEBHOOK_URL",
)
CONFIG = Config(
    connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 4}
)
INVOKE_CONFIG = Config(connect_timeout=5, read_timeout=310, retries={"total_max_attempts": 1})
"""reconcile_library works for five minutes at most; asking twice would do its work twice."""
DEAD_LETTERS, QUEUE = "DeadLetterQueueUrl", "QueueUrl"


@dataclass(frozen=True)
class Choice:
    """Which stack the command line names."""

    name: str = DEFAULT_NAME
    region: str | None = None
    profile: str | None = None
    local: bool = False

    def find(self) -> "Stack":
        """Find the stack; raises OperatorError, and boto's errors if AWS cannot be asked."""
        if self.local:
            variables = _local_variables(Path.cwd())
            session = boto3.Session(
                aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
                region_name=variables["AWS_REGION"],
            )
            found = _described(session, variables["STACK_NAME"], variables["AWS_ENDPOINT_URL"])
            # CloudFormation's own answer names an address of AWS.
            outputs = {**found.outputs, "WebhookUrl": variables["WEBHOOK_URL"]}
            return replace(found, outputs=Told(outputs))
        session = boto3.Session(profile_name=self.profile, region_name=self.region)
        return _described(session, self.name, None)


class Told(dict[str, str]):
    """What CloudFormation tells of a stack by name; raises OperatorError for what it does not."""

    def __missing__(self, name: str) -> NoReturn:
        """Tell of a stack that is older than the command line."""
        release = "it is of another release than this command line: deploy this one to it"
        raise OperatorError(f"the stack has no {name}; {release}")


@dataclass(frozen=True)
class Stack:
    """A deployed stack: its outputs and parameters by name, and clients in its region.

    `endpoint` is where the local AWS is, None for AWS's own.
    """

    name: str
    session: boto3.Session
    endpoint: str | None
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        """Return a client for metrics and alarms."""
        return self.session.client("cloudwatch", endpoint_url=self.endpoint, config=CONFIG)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """Return a client for the catalogue table."""
        return self.session.client("dynamodb", endpoint_url=self.endpoint, config=CONFIG)

    @cached_property
    def functions(self) -> "LambdaClient":
        """Return a client that invokes and never asks twice."""
        return self.session.client("lambda", endpoint_url=self.endpoint, config=INVOKE_CONFIG)

    @cached_property
    def s3(self) -> "S3Client":
        """Return a client for the buckets."""
        return self.session.client("s3", endpoint_url=self.endpoint, config=CONFIG)

    @cached_property
    def scheduler(self) -> "EventBridgeSchedulerClient":
        """Return a client for the schedules."""
        return self.session.client("scheduler", endpoint_url=self.endpoint, config=CONFIG)

    @cached_property
    def secrets(self) -> "SecretsManagerClient":
        """Return a client for the secrets."""
        return self.session.client("secretsmanager", endpoint_url=self.endpoint, config=CONFIG)

    @cached_property
    def sqs(self) -> "SQSClient":
        """Return a client for the queues."""
        return self.session.client("sqs", endpoint_url=self.endpoint, config=CONFIG)

    @property
    def table(self) -> str:
        """Return the name of the catalogue table."""
        return self.outputs["CatalogueTable"]

    @property
    def archive(self) -> str:
        """Return the name of the archive bucket."""
        return self.outputs["ArchiveBucket"]

    @property
    def work_queues(self) -> list[str]:
        """Return the names of the queues that a worker takes jobs from, as `AssetPublished`."""
        names = [
            name.removesuffix(DEAD_LETTERS) for name in self.outputs if name.endswith(DEAD_LETTERS)
        ]
        return sorted(name for name in names if f"{name}{QUEUE}" in self.outputs)

    @property
    def other_queues(self) -> list[str]:
        """Return the names of the queues that people alone look into."""
        ends = [name.removesuffix(QUEUE) for name in self.outputs if name.endswith(QUEUE)]
        known = {*self.work_queues, *(f"{name}DeadLetter" for name in self.work_queues)}
        return sorted(set(ends) - known)

    def queue(self, name: str) -> str:
        """Return the URL of a queue."""
        return self.outputs[f"{name}{QUEUE}"]

    def dead_letter_queue(self, name: str) -> str:
        """Return the URL of the dead-letter queue beside a work queue."""
        return self.outputs[f"{name}{DEAD_LETTERS}"]

    @property
    def takes_secret_in_url(self) -> bool:
        """Tell whether the receiver takes the webhook's secret as the URL's `key`, too."""
        return self.parameters["AllowUrlSecret"] == "true"

    def number(self, parameter: str) -> int:
        """Return a parameter that is a number."""
        return int(self.parameters[parameter])


def _described(session: boto3.Session, name: str, endpoint: str | None) -> Stack:
    client = session.client("cloudformation", endpoint_url=endpoint, config=CONFIG)
    try:
        found = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"].get("Code") != "ValidationError":
            raise
        place = f" in {session.region_name}" if session.region_name else ""
        message = f"there is no stack {name}{place}: name yours with --stack-name and --region"
        raise MissingError(message) from error
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for output in found.get("Outputs", [])
        if "OutputKey" in output and "OutputValue" in output
    }
    if "CatalogueTable" not in outputs or "ArchiveBucket" not in outputs:
        message = f"the stack {name} is no CMP Relay, or has not been deployed to its end"
        raise OperatorError(message)
    parameters = {
        each["ParameterKey"]: each["ParameterValue"]
        for each in found.get("Parameters", [])
        if "ParameterKey" in each and "ParameterValue" in each
    }
    return Stack(found["StackName"], session, endpoint, Told(outputs), Told(parameters))


def _local_variables(folder: Path) -> dict[str, str]:
    """Read what `make up` wrote into this folder or the nearest one above."""
    for each in (folder, *folder.parents):
        file = each / LOCAL_FILE
        if file.is_file():
            try:
                words = shlex.split(file.read_text(), comments=True)
            except ValueError:
                words = []
            variables = dict(word.split("=", 1) for word in words if "=" in word)
            lacking = [name for name in LOCAL_NAMES if name not in variables]
            if lacking:
                message = (
                    f"{file} has no {', '.join(lacking)}: start the local stack with `make up`"
                )
                raise OperatorError(message)
            return variables
    message = "the local stack is not up: start it with `make up` in the project's folder"
    raise MissingError(message)
