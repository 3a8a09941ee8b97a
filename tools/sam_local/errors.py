"""What can go wrong with `sam local`.

StackError
├── DockerError   there is no Docker, or it refused
├── PythonError   the production runtime's interpreter is not here
└── WrongError    a function did not do what its input asks for
"""

from __future__ import annotations

from tools.local_stack.errors import StackError


class DockerError(StackError):
    """Docker is not here or refused; the message says what to install or what it said."""


class PythonError(StackError):
    """The interpreter of the production runtime is not here; the message says what to install."""


class WrongError(StackError):
    """A function's response or its effect is not what its input asks for."""
