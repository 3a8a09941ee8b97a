"""The stand-in for Jira, in the background beside the stand-in CMP, and what connects it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

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


def connect(aws: Aws, resources: Resources, base_url: str, api_url: str) -> None:
    """Do what a person does after a deployment: fill in credentials and register the webhook."""
    secrets = aws("secretsmanager")
    secrets.put_secret_value(
        SecretId=resources.output("JiraCredentialsSecretArn"),
        SecretString=json.dumps({"email": EMAIL, "api_token": API_TOKEN}),
    )
    signed = secrets.get_secret_value(SecretId=resources.output("JiraWebhookSecretArn"))
    current: str = json.loads(signed["SecretString"])["current"]
    with StandInJira(base_url) as jira:
        jira.register(f"{api_url}{PATH}", secret=current, label=LABEL)
