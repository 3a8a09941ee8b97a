"""What every command is given: the stack that it works on and where it writes."""

import typer

from cmp_relay_cli.output import Output
from cmp_relay_cli.stack import Choice, Stack


class Session:
    """What a command needs: the stack, found when it is asked for, and where to write."""

    def __init__(self, choice: Choice, output: Output) -> None:
        """Remember what the command line says."""
        self._choice = choice
        self.output = output

    @classmethod
    def of(cls, context: typer.Context) -> "Session":
        """Return what the command line has made of the common options."""
        session: Session = context.obj
        return session

    def stack(self) -> Stack:
        """Find the stack."""
        return self._choice.find()
