"""What can go wrong with the local stack.

StackError
├── ProcessError      a background process did not start
├── SamError          `sam build` or `sam deploy` failed
└── DeploymentError   the deployed stack is not what the tools expect
"""

from __future__ import annotations


class StackError(Exception):
    """A sentence about the local stack that a person can act on."""


class ProcessError(StackError):
    """A background process did not start or ended early."""


class SamError(StackError):
    """The SAM command line failed; the message ends with what it printed last."""


class DeploymentError(StackError):
    """The deployed stack lacks something that the tools rely on."""
