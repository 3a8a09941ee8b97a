"""The whole stack on this machine: local AWS, the real template, a CMP and what joins them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from tools.local_stack import (
    aws,
    credentials,
    environment,
    event_sources,
    http_api,
    jira,
    roles,
    sam,
)
from tools.local_stack.aws import Aws
from tools.local_stack.cmp import CmpProcess
from tools.local_stack.credentials import ClientCredentials
from tools.local_stack.errors import DeploymentError
from tools.local_stack.folders import LOCAL, StackFolder
from tools.local_stack.functions import Functions
from tools.local_stack.jira import JiraProcess
from tools.local_stack.ministack import MiniStack
from tools.local_stack.progress import silent
from tools.local_stack.resources import Resources
from tools.stand_in.client import StandIn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from tools.local_stack.progress import Progress

# The stack of `make up`; others live beside it in `.local/stacks`.
DEFAULT_FOLDER = StackFolder(LOCAL)
WEBHOOK_PATH = "/webhooks/cmp"


@dataclass(frozen=True)
class LocalStack:
    """A running stack: `env` holds what `.local/stack.env` says."""

    folder: StackFolder
    env: dict[str, str]
    token_error: str = ""

    @classmethod
    def start(
        cls,
        *,
        cmp_url: str | None = None,
        name: str | None = None,
        directory: Path | None = None,
        parameters: dict[str, str] | None = None,
        between: Callable[[str], str] | None = None,
        progress: Progress = silent,
    ) -> Self:
        """Build, start and deploy everything, ending first what runs in the same folder.

        Without `cmp_url` a stand-in for CMP is started too. `parameters` are of the template.
        `between` gets AWS's endpoint and returns the one that the functions shall use.

        Raises:
            StackError: something did not start; what did is ended again.
        """
        folder = _folder(name, directory)
        stop(folder)
        try:
            return cls._start(folder, cmp_url, parameters or {}, between, progress)
        except BaseException:
            stop(folder)
            raise

    @classmethod
    def _start(
        cls,
        folder: StackFolder,
        cmp_url: str | None,
        parameters: dict[str, str],
        between: Callable[[str], str] | None,
        show: Progress,
    ) -> Self:
        with show("local AWS"):
            endpoint = MiniStack(folder).start()
        with show("CMP" if cmp_url else "stand-in CMP"):
            client = _client_credentials(cmp_url)
            base_url = cmp_url.rstrip("/") if cmp_url else CmpProcess(folder).start(client)
            origins = base_url if cmp_url else f"{base_url},{_other_name(base_url)}"
            files = base_url if cmp_url else _files_origin(base_url)
        jira_url = ""
        if not cmp_url:
            with show("stand-in Jira"):
                jira_url = JiraProcess(folder).start()
        with sam.build_held():
            with show("sam build"):
                built = sam.build(folder.logs / "sam-build.log")
            with show("sam deploy"):
                reached_at = between(endpoint) if between else endpoint
                wanted = _parameters(reached_at, base_url, origins, files)
                wanted |= (jira.parameters(jira_url) if jira_url else {}) | parameters
                sam.deploy(built, endpoint, wanted, folder.logs / "sam-deploy.log")
        with show("routes, credentials and token"):
            return cls._join(folder, endpoint, base_url, jira_url, client)

    @classmethod
    def _join(
        cls,
        folder: StackFolder,
        endpoint: str,
        base_url: str,
        jira_url: str,
        client: ClientCredentials,
    ) -> Self:
        """Do what the deployment leaves to people, and write the file of variables."""
        local = Aws(endpoint)
        resources = Resources.of(local, sam.STACK_NAME)
        api_url = http_api.add_routes(local, resources, _processed_template(local))
        event_sources.mend_concurrency(local)
        roles.grant_batches(local, resources)
        credentials.fill_in(local, resources, client)
        if jira_url:
            jira.connect(local, resources, jira_url, api_url)
        token_error = _fetch_token(local, resources)
        variables = {
            "WEBHOOK_URL": f"{api_url}{WEBHOOK_PATH}",
            "WEBHOOK_SECRET": credentials.webhook_secret(local, resources),
            "CMP_URL": base_url,
            **({"JIRA_URL": jira_url} if jira_url else {}),
            **aws.environment(endpoint),
            "STACK_NAME": sam.STACK_NAME,
            **resources.variables(),
        }
        environment.write(folder.environment, variables)
        return cls(folder, variables, token_error)

    @classmethod
    def running(cls, *, name: str | None = None, directory: Path | None = None) -> Self:
        """Return the stack that is up.

        Raises:
            StackError: there is none.
        """
        folder = _folder(name, directory)
        return cls(folder, environment.read(folder.environment))

    @cached_property
    def boto(self) -> Aws:
        """Return the local AWS: `stack.boto("sqs")` is a client."""
        return Aws(self.env["AWS_ENDPOINT_URL"])

    @cached_property
    def resources(self) -> Resources:
        """Return the deployed resources."""
        return Resources.of(self.boto, self.env["STACK_NAME"])

    @property
    def outputs(self) -> dict[str, str]:
        """Return the outputs of the template."""
        return self.resources.outputs

    @cached_property
    def functions(self) -> Functions:
        """Return the deployed functions."""
        return Functions(self.boto, self.resources, self.folder.temporary)

    @property
    def webhook_url(self) -> str:
        """Return the URL that CMP delivers to."""
        return self.env["WEBHOOK_URL"]

    @property
    def webhook_secret(self) -> str:
        """Return the secret that deliveries have to show."""
        return self.env["WEBHOOK_SECRET"]

    @property
    def cmp_url(self) -> str:
        """Return the base URL of CMP or its stand-in."""
        return self.env["CMP_URL"]

    @property
    def jira_url(self) -> str:
        """Return the base URL of the stand-in Jira."""
        return self.env["JIRA_URL"]

    @property
    def has_stand_in(self) -> bool:
        """Tell whether CMP is the stand-in that was started with the stack."""
        return CmpProcess(self.folder).process.is_running()

    def logs(self) -> str:
        """Return all text that any function wrote."""
        return self.functions.logs()

    def stop(self) -> None:
        """End everything that the stack started."""
        stop(self.folder)

    def __enter__(self) -> Self:
        """Return the stack, which ends with the context."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the stack."""
        self.stop()


def stop(folder: StackFolder) -> bool:
    """End the processes of the stack in this folder and tell whether there were any."""
    running = (JiraProcess(folder), CmpProcess(folder), MiniStack(folder))
    ended = [each.process.stop() for each in running]
    folder.environment.unlink(missing_ok=True)
    folder.forget()
    return any(ended)


def _folder(name: str | None, directory: Path | None) -> StackFolder:
    if directory is not None:
        return StackFolder(directory)
    return StackFolder.named(name) if name else DEFAULT_FOLDER


def _client_credentials(cmp_url: str | None) -> ClientCredentials:
    return ClientCredentials.from_environment() if cmp_url else ClientCredentials.made_up()


def _other_name(base_url: str) -> str:
    """Return the stand-in under its second name: CMP's links come with two hosts as well."""
    return base_url.replace("127.0.0.1", "localhost")


def _files_origin(base_url: str) -> str:
    with StandIn(base_url) as stand_in:
        return stand_in.files_origin


def _parameters(endpoint: str, base_url: str, origins: str, files: str) -> dict[str, str]:
    return {
        "CmpTokenUrl": f"{base_url}/o/oauth2/v1/token",
        "CmpApiBase": f"{base_url}/v3",
        "CmpApiOrigins": origins,
        "FileOrigins": files,
        "UploadOrigins": files,
        "AwsEndpointUrl": endpoint,
        "GoneRecheckSeconds": "2",
        # By hand alone: a run in the background would ask what a test counts.
        "ReconcileHours": "0",
        "FullReconcileDays": "0",
    }


def _processed_template(local: Aws) -> dict[str, Any]:
    answer = local("cloudformation").get_template(
        StackName=sam.STACK_NAME, TemplateStage="Processed"
    )
    body: Any = answer["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template


def _fetch_token(local: Aws, resources: Resources) -> str:
    """Return why there is no token yet: a CMP that a person named may come up after us."""
    try:
        credentials.fetch_token(local, resources)
    except DeploymentError as error:
        return str(error)
    return ""
