"""The webhook's secret as Secrets Manager keeps it, replaced only if it is as it was read."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cmp_relay.errors import StorageError
from cmp_relay.verification import Secrets
from cmp_relay_cli import moments
from cmp_relay_cli.errors import OperatorError
from cmp_relay_cli.stack import Stack

CURRENT = "AWSCURRENT"
PREPARED = "CMP_RELAY_PREPARED"
"""The label of a version that is not current yet; AWSPENDING would belong to AWS's own rotation."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The secret's content, its version, and when that was written (ms).

    Of what was just replaced: when that was known here, by this machine's clock.
    """

    content: Mapping[str, Any] = field(repr=False)
    secrets: Secrets
    version: str
    written_at: int

    @property
    def names(self) -> list[str]:
        """Return the names of the secrets that deliveries may show."""
        return [name for name, value in self.secrets.named if value]

    @property
    def old(self) -> list[str]:
        """Return the names of those that are accepted beside the current one."""
        return [name for name in self.names if name != "current"]

    @property
    def under_way(self) -> bool:
        """Tell whether a rotation has begun: without a current secret no other may be dropped."""
        return "current" in self.names and bool(self.old)

    @property
    def values(self) -> list[str]:
        """Return the secrets themselves, the current one first; to be shown to nobody."""
        return [value for _, value in self.secrets.named if value]


def read(stack: Stack) -> Stored:
    """Return the secret; raises OperatorError unless it is as the receiver wants it."""
    answer = stack.secrets.get_secret_value(SecretId=_arn(stack), VersionStage=CURRENT)
    text = answer.get("SecretString", "")
    try:
        secrets = Secrets.of(text)
    except StorageError as error:
        raise OperatorError(f"the webhook's secret cannot be read: {error}") from None
    written_at = int(answer["CreatedDate"].timestamp() * 1000)
    return Stored(json.loads(text), secrets, answer["VersionId"], written_at)


def replace(stack: Stack, before: Stored, **content: object) -> Stored:
    """Change these keys in one step, and return what is stored then.

    The new version is stored beside the current one first. Moving the label then is a comparison
    and an exchange in one: it fails unless the version that was read has it still (Secrets Manager,
    UpdateSecretVersionStage, RemoveFromVersionId). Killed between, nothing has changed.

    Raises OperatorError if somebody else wrote meanwhile, or if nobody knows what has happened.
    """
    text = json.dumps({**before.content, **content})
    made = stack.secrets.put_secret_value(
        SecretId=_arn(stack), SecretString=text, VersionStages=[PREPARED]
    )["VersionId"]
    try:
        stack.secrets.update_secret_version_stage(
            SecretId=_arn(stack),
            VersionStage=CURRENT,
            MoveToVersionId=made,
            RemoveFromVersionId=before.version,
        )
    except (BotoCoreError, ClientError):
        # It may have been moved all the same, and the answer been lost.
        current = _current_version(stack)
        if current == before.version:
            raise
        if current != made:
            message = "somebody else has changed the secret meanwhile, so it was left as it is now"
            raise OperatorError(message) from None
    return Stored(json.loads(text), Secrets.of(text), made, moments.now())


def command(stack: Stack) -> str:
    """Return the command that shows the secret to who may read it, where and as who we are now.

    The local AWS wants the credentials of `.local/stack.env` in the environment, too.
    """
    words = ["aws", "secretsmanager", "get-secret-value", "--secret-id", _arn(stack)]
    words += ["--query", "SecretString", "--output", "text"]
    profile = stack.session.profile_name
    named = {
        "--profile": profile if profile != "default" and stack.endpoint is None else None,
        "--region": stack.session.region_name,
        "--endpoint-url": stack.endpoint,
    }
    words += [word for option, value in named.items() if value for word in (option, value)]
    return shlex.join(words)


def _current_version(stack: Stack) -> str:
    try:
        return read(stack).version
    except (BotoCoreError, ClientError):
        message = (
            "it is not known whether the secret was changed: look at `cmp-relay rotate-secret "
            "status` before you do it again"
        )
        raise OperatorError(message) from None


def _arn(stack: Stack) -> str:
    return stack.outputs["WebhookSecretArn"]
