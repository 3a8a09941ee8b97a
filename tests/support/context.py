"""What Lambda hands to a function beside the event."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LambdaContext:
    """The attributes of the context that our functions and Powertools read."""

    function_name: str = "function-under-test"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:function-under-test"
    aws_request_id: str = "00000000-0000-4000-8000-000000000000"
    remaining_milliseconds: int = 10_000

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left in ms."""
        return self.remaining_milliseconds
