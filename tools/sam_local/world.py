"""What the functions find around them: the deployed stack, in which they alone work."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from tools.local_stack.stack import LocalStack
from tools.sam_local import loopback
from tools.sam_local.errors import DockerError
from tools.scenario.files import FOLDER_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.local_stack.progress import Progress
    from tools.sam_local.docker import Docker

NAME = "sam-local"


@contextlib.contextmanager
def deployed(show: Progress) -> Iterator[LocalStack]:
    """Deploy the real template to a local AWS beside a stand-in CMP, and end both with the block.

    Its own functions take no work from the queues: what is in the queues is there to be seen.
    """
    rules = {"FolderRules": FOLDER_RULES}
    with LocalStack.start(name=NAME, parameters=rules, progress=show) as stack:
        lambdas = stack.boto("lambda")
        pages = lambdas.get_paginator("list_event_source_mappings").paginate()
        for mapping in [each for page in pages for each in page["EventSourceMappings"]]:
            lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        yield stack


def variables(stack: LocalStack) -> dict[str, dict[str, str]]:
    """Return the deployed environment variables of every function, as `--env-vars` takes them."""
    return {
        function.logical_id: stack.boto("lambda").get_function_configuration(
            FunctionName=function.physical_id
        )["Environment"]["Variables"]
        for function in stack.resources.of_type("AWS::Lambda::Function")
    }


@contextlib.contextmanager
def reachable(docker: Docker, variables: dict[str, dict[str, str]]) -> Iterator[None]:
    """Let containers reach the services that the variables name, for as long as the block runs.

    On a machine where Docker runs in a virtual machine, that does it by itself: the gateway's
    address is not this machine's there.

    Raises:
        DockerError: a port of the gateway's address is taken.
    """
    wanted = loopback.ports(value for each in variables.values() for value in each.values())
    gateway = docker.gateway()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(loopback.carried(wanted, listen=gateway, target=loopback.LOOPBACK))
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                message = f"containers cannot be let in on {gateway}: {error.strerror}"
                raise DockerError(message) from error
        yield
