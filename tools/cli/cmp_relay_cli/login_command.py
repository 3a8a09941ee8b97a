"""`cmp-relay login`: a person logs in once, and the scheduled function refreshes from then on."""

import secrets
import sys
from typing import Annotated, Any

import typer

from cmp_relay import times
from cmp_relay.credentials import Credentials
from cmp_relay.exchanges import build_client
from cmp_relay_cli import browser, loopback
from cmp_relay_cli.errors import OperatorError
from cmp_relay_cli.login import Login, authorization_url, code_of
from cmp_relay_cli.options import DryRun, Yes
from cmp_relay_cli.output import facts
from cmp_relay_cli.session import Session


def login(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="where the browser comes back")
    ] = 8765,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="only print the address to open")
    ] = False,
    timeout: Annotated[
        int, typer.Option(min=1, max=86_400, help="seconds to wait for the login")
    ] = 300,
    auth_url: Annotated[
        str | None, typer.Option(help="where CMP logs people in; by default beside CmpTokenUrl")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Log in to CMP in the browser, once and for all.

    The stack acts as that person from then on, and renews its token by itself. It has to be
    deployed with CmpGrantType=refresh_token, and the app in CMP has to name the address that is
    printed as its Authorization Callback URL. Without a browser on this machine, forward the port.
    """
    session = Session.of(context)
    stack, callback = session.stack(), loopback.address(port)
    with build_client() as http:
        entry = Login(stack, http)
        client = entry.known()
        document: dict[str, Any] = {"dry_run": dry_run, "callback_url": callback}
        if dry_run:
            name = client.client_id if client else ""
            document |= {
                "authorization_url": authorization_url(stack, auth_url, name, callback),
                "asks_for_client": client is None,
            }
            session.output.show(document, lambda console: facts(console, document))
            return
        session.output.confirm(f"Let {stack.name} act in CMP as who logs in now?", yes=yes)
        client = client or _asked_for()
        state = secrets.token_urlsafe(32)
        url = authorization_url(stack, auth_url, client.client_id, callback, state)
        with loopback.listening(port, state) as callbacks:
            entry.prepare()
            session.output.note(f"The app's Authorization Callback URL in CMP has to be {callback}")
            session.output.note(f"Log in to CMP at {url}")
            if not no_browser:
                browser.visit(url)
            reply = callbacks.wait(timeout)
        token = entry.finish(client, code_of(reply, timeout), callback)
    document["token_expires_at"] = times.iso(int(token.expires_at * 1000))
    session.output.show(document, lambda console: facts(console, document))


def _asked_for() -> Credentials:
    # Who closes stdin (`<&-`) leaves None of it.
    if sys.stdin is None or not sys.stdin.isatty():
        message = (
            "the credentials secret lacks client_id or client_secret: put them in, or log in at a "
            "terminal, where they are asked for"
        )
        raise OperatorError(message)
    client_id = typer.prompt("Client id of the app in CMP", err=True)
    client_secret = typer.prompt("Its client secret", hide_input=True, err=True)
    return Credentials(client_id.strip(), client_secret.strip())
