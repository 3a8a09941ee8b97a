"""A fresh interpreter that runs one function once or many times and tells the CPU that it took.

Arguments: the module, the event's file, the number of warm invocations after the first. The last
line printed is JSON: CPU seconds of init and first invocation, of each later one, the answer.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

CONTEXT = SimpleNamespace(
    function_name="bench",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:bench",
    aws_request_id="00000000-0000-4000-8000-000000000000",
    get_remaining_time_in_millis=lambda: 900_000,
)


def measure(module: str, event: object, warm: int) -> dict[str, object]:
    """Import the module, call its handler and tell the CPU seconds."""
    began = time.process_time()
    handler = import_module(module).handler
    answer = handler(event, CONTEXT)
    first = time.process_time()
    for _ in range(warm):
        handler(event, CONTEXT)
    each = (time.process_time() - first) / warm if warm else None
    return {"first": first - began, "warm": each, "answer": answer}


if __name__ == "__main__":
    _, name, path, times = sys.argv
    result = measure(name, json.loads(Path(path).read_text()), int(times))
    sys.stdout.write(f"\n{json.dumps(result)}\n")
