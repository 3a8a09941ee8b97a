"""Somebody at the command line of the running stack."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.relay import Relay
from tools.local_stack.folders import PROJECT

PATHS = os.pathsep.join(str(PROJECT / each) for each in ("tools/cli", "layers/cmp_relay"))


KILLED = """
import os, signal, sys
from botocore.session import Session
from cmp_relay_cli.__main__ import main

moment, operation, left = sys.argv.pop(1), sys.argv.pop(1), int(sys.argv.pop(1))

def strike(model, **_):
    global left
    left -= model.name == operation
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

create = Session.create_client

def watched(*arguments, **named):
    client = create(*arguments, **named)
    client.meta.events.register(f"{moment}-call", strike)
    return client

Session.create_client = watched
main()
"""
"""Runs the command line and kills it before or after its n-th call of an operation."""


class Operator:
    """Somebody at the command line, with the credentials of the local stack."""

    def __init__(self, relay: Relay, folder: Path) -> None:
        self.relay = relay
        self.folder = folder
        names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": PATHS,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CMP_RELAY_STACK": relay.stack.env["STACK_NAME"],
            **{name: relay.stack.env[name] for name in names},
        }

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command and return how it ended."""
        return self._run(["-m", "cmp_relay_cli", *words], variables)

    def killed(self, moment: str, operation: str, number: int, *words: str) -> None:
        """Run a command that is killed `before` or `after` its n-th call of an operation."""
        ended = self._run(["-c", KILLED, moment, operation, str(number), *words], {})
        assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, ""), ended.stderr

    def _run(
        self, words: Sequence[str], variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own
            [sys.executable, "-W", "error", *words],
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=600,
            stdin=subprocess.DEVNULL,
        )

    def at_home(self) -> None:
        """Stand where `make up` has left its file."""
        file = self.folder / ".local" / "stack.env"
        file.parent.mkdir()
        file.write_text(self.relay.stack.folder.environment.read_text())

    def json(self, *words: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON can be anything
        """Run a command that ends with this code and return the document that it printed."""
        ended = self.run(*words, "--json")
        assert ended.returncode == code, ended.stderr
        return json.loads(ended.stdout)

    def complaint(self, *words: str, code: int = 1, **variables: str) -> str:
        """Run a command that fails and return its one sentence."""
        ended = self.run(*words, **variables)
        assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
        # How long the API budget makes it wait depends on what else the stack does.
        told = ended.stderr.strip().splitlines()
        lines = [line for line in told if not line.startswith("waiting ")]
        assert len(lines) == 1, ended.stderr
        return lines[0]


@contextmanager
def visitor(operator: Operator, *actions: str) -> Iterator[Operator]:
    """Let somebody to the command line who may do these actions alone."""
    iam, name = operator.relay.stack.boto("iam"), "visitor"
    iam.create_user(UserName=name)
    if actions:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    own = Operator(operator.relay, operator.folder)
    own.environment["AWS_ACCESS_KEY_ID"] = key["AccessKeyId"]
    own.environment["AWS_SECRET_ACCESS_KEY"] = key["SecretAccessKey"]
    try:
        yield own
    finally:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        if actions:
            iam.delete_user_policy(UserName=name, PolicyName="own")
        iam.delete_user(UserName=name)


def buried(relay: Relay, count: int) -> tuple[str, list[str]]:
    """Let a delivery of so many assets become dead letters, and return its id and theirs."""
    assets = [relay.cmp.add_asset("image")["id"] for _ in range(count)]
    with relay.environment("on_asset_published", CMP_API_ORIGINS="https://elsewhere.example"):
        answer = relay.cmp.publish(assets)["deliveries"][0]["response"]
        ended = relay.ended(answer)
    assert {job.outcome for job in ended} == {"dead_lettered"}
    return answer["delivery_id"], assets


def lasting(state: dict[str, Any]) -> dict[str, Any]:
    """Return an asset's items without what only tells that a job of it came."""
    passing = {"heard_at", "revision"}
    return {
        sort_key: {name: value for name, value in item.items() if name not in passing}
        for sort_key, item in state.items()
    }
