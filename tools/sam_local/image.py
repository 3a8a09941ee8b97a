"""The image that functions run in: Lambda's own, or a stand-in for it, plus the way to the host."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.local_stack.folders import SAM_ENVIRONMENT
from tools.sam_local import loopback, runtime
from tools.sam_local.errors import DockerError

if TYPE_CHECKING:
    from tools.sam_local.docker import Docker

FILES = Path(__file__).with_name("lambda_image")
LOOPBACK = Path(loopback.__file__)
REPOSITORY = "cmp-relay/lambda-python"
PULL_SECONDS = 300.0
# SAM alone knows what the images of Lambda are called.
NAME = """
from samcli.local.docker.lambda_image import LambdaImage, Runtime
print(f"{LambdaImage._INVOKE_REPO_PREFIX}/{Runtime.get_image_name_tag('RUNTIME', 'PROCESSOR')}")
"""


def prepare(docker: Docker, architecture: str) -> tuple[str, str]:
    """Return the image to invoke functions in, and what it was made from.

    Raises:
        DockerError: it could not be made.
    """
    base, origin = _base(docker, architecture)
    dockerfile = (FILES / "beside.Dockerfile").read_bytes()
    digest = _digest(base.encode(), dockerfile, LOOPBACK.read_bytes())
    image = f"{REPOSITORY}:{runtime.RUNTIME}-beside-{digest}"
    if not docker.has_image(image):
        with tempfile.TemporaryDirectory(prefix="cmp-relay-") as folder:
            shutil.copy(LOOPBACK, folder)
            _build(docker, image, "beside", folder, "--build-arg", f"BASE={base}")
    return image, origin


def _base(docker: Docker, architecture: str) -> tuple[str, str]:
    """Return AWS's image where it can be had, else our stand-in."""
    name = _name_of_aws(architecture)
    if docker.has_image(name):
        return name, "AWS's image"
    try:
        docker.run("pull", "--quiet", name, seconds=PULL_SECONDS)
    except DockerError:
        return _stand_in(docker), "a stand-in for AWS's image, which cannot be pulled here"
    return name, "AWS's image"


def _stand_in(docker: Docker) -> str:
    runtime.set_up("runtime")
    made_from = [runtime.ENVIRONMENT / ".made-from", *sorted(FILES.glob("*"))]
    digest = _digest(*(file.read_bytes() for file in made_from if file.is_file()))
    image = f"{REPOSITORY}:{runtime.RUNTIME}-stand-in-{digest}"
    if docker.has_image(image):
        return image
    with tempfile.TemporaryDirectory(prefix="cmp-relay-") as folder:
        command = ["bash", str(FILES / "root_file_system.sh"), str(runtime.prefix())]
        done = subprocess.run(  # noqa: S603  # our own
            [*command, str(runtime.site_packages()), folder],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            message = f"the stand-in image could not be laid out: {done.stderr.strip()[-1000:]}"
            raise DockerError(message)
        _build(docker, image, "stand_in", folder)
    return image


def _build(docker: Docker, image: str, kind: str, folder: str, *options: str) -> None:
    dockerfile = str(FILES / f"{kind}.Dockerfile")
    docker.run("build", "--quiet", "--tag", image, "--file", dockerfile, *options, folder)


def _name_of_aws(architecture: str) -> str:
    code = NAME.replace("RUNTIME", runtime.RUNTIME).replace("PROCESSOR", architecture)
    told = subprocess.run(  # noqa: S603  # our own
        [str(SAM_ENVIRONMENT / "bin" / "python"), "-c", code],
        check=True,
        capture_output=True,
        text=True,
    )
    return told.stdout.strip()


def _digest(*contents: bytes) -> str:
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:12]
