"""The stand-in for Jira, in the background beside the stand-in CMP, and what connects it."""

from __future__ import annotations

import hmac
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.local_stack.background import BackgroundProcess
from tools.local_stack.folders import PROJECT
from tools.stand_in_jira.client import StandInJira
from tools.stand_in_jira.process import API_TOKEN, EMAIL

if TYPE_CHECKING:
    from tools.local_stack.aws import Aws
    from tools.local_stack.folders import StackFolder
    from tools.local_stack.resources import Resources

PATH = "/webhooks/jira"
EXTERNAL_SYSTEM = "Jira"
LABEL = "cmp-relay"


@dataclass(frozen=True)
class JiraProcess:
    """The stand-in Jira of one stack."""

    folder: StackFolder

    @property
    def process(self) -> BackgroundProcess:
        """Return the process in the background."""
        log = self.folder.logs / "stand_in_jira.log"
        return BackgroundProcess("the stand-in Jira", self.folder.lock("stand_in_jira"), log)

    def start(self) -> str:
        """Start it on a free loopback port and return its base URL."""
        ready = self.folder.root / "stand_in_jira.ready"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tools.stand_in_jira", "--port", "0"]
        command += ["--email", EMAIL, "--api-token", API_TOKEN, "--ready-file", str(ready)]
        self.process.start(
            command,
            env=os.environ,
            cwd=PROJECT,
            is_ready=lambda: ready.is_file() and bool(ready.read_text().strip()),
        )
        return ready.read_text().strip()


def parameters(base_url: str) -> dict[str, str]:
    """Return the template's parameters that make this Jira the ticket system."""
    return {
        "JiraBaseUrl": base_url,
        "JiraProject": "CMP",
        "JiraExternalSystem": EXTERNAL_SYSTEM,
    }


def sign(aws: Aws, resources: Resources, event: dict[str, Any]) -> str:
    """Return the signature that Jira would give to the body of a request."""
    body = event["body"].encode()
    return f"sha256={hmac.new(_secret(aws, resources).encode(), body, 'sha256').hexdigest()}"


def connect(aws: Aws, resources: Resources, base_url: str, api_url: str) -> None:
    """Do what a person does after a deployment: fill in credentials and register the webhook."""
    aws("secretsmanager").put_secret_value(
        SecretId=resources.output("JiraCredentialsSecretArn"),
        SecretString=json.dumps({"email": EMAIL, "api_token": API_TOKEN}),
    )
    with StandInJira(base_url) as jira:
        jira.register(f"{api_url}{PATH}", secret=_secret(aws, resources), label=LABEL)


def _secret(aws: Aws, resources: Resources) -> str:
    arn = resources.output("JiraWebhookSecretArn")
    found = aws("secretsmanager").get_secret_value(SecretId=arn)
    current: str = json.loads(found["SecretString"])["current"]
    return current
