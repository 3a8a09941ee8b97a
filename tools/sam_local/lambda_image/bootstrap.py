"""Starts Lambda's runtime client in the stand-in image, with the search path that Lambda gives."""

import os
import sys

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
os.environ["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{VERSION}"

# The runtime's packages come last: a layer may bring newer ones.
TASK = os.environ["LAMBDA_TASK_ROOT"]
sys.path[0:1] = [TASK, f"/opt/python/lib/{VERSION}/site-packages", "/opt/python"]
sys.path.append(os.environ["LAMBDA_RUNTIME_DIR"])

# On the path that was just set, in the image alone
from awslambdaric.__main__ import main  # type: ignore[import-not-found]  # noqa: E402

if __name__ == "__main__":
    main([__file__, os.environ["_HANDLER"]])
