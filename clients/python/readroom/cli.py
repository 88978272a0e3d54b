"""The group of commands: where the server is, whose token, and how results are printed."""

from __future__ import annotations

from dataclasses import dataclass
from gettext import gettext as _
from typing import Any

import click
from click.shell_completion import get_completion_class

from readroom import credentials
from readroom.client import Client
from readroom.errors import ReadroomError
from readroom.output import Output
from readroom.transport import RETRIES

EPILOG = _(
    "Exit codes: 0 done, 1 a part failed, 2 wrong usage, 3 refused by the server, 4 no valid token or not "
    "permitted, 5 server not reachable, 6 not ended in time."
)


@dataclass(frozen=True)
class Context:
    """What every command needs."""

    url: str
    output: Output
    retries: int

    def client(self) -> Client:
        """Return a client with the token of the server; raises NoToken."""
        return Client(self.url, credentials.read_token(self.url), retries=self.retries)


class Commands(click.Group):
    """A group whose errors are a sentence and an exit code, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of the client ends the process with its exit code."""
        try:
            return super().invoke(ctx)
        except ReadroomError as error:
            Output(as_json=False).error(str(error))
            ctx.exit(error.exit_code)


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--url", envvar="READROOM_URL", default=credentials.DEFAULT_URL, show_default=True, help=_("The server.")
)
@click.option("--json", "as_json", is_flag=True, help=_("Print JSON, for scripts."))
@click.option(
    "--retries",
    envvar="READROOM_RETRIES",
    default=RETRIES,
    show_default=True,
    help=_("Attempts after a lost answer or a busy server."),
)
@click.version_option(package_name="readroom-client")
@click.pass_context
def cli(ctx: click.Context, url: str, as_json: bool, retries: int) -> None:
    """Upload radiographs to Readroom, follow them, and train. Research use only."""
    ctx.obj = Context(url, Output(as_json=as_json), retries)


@cli.command()
@click.option("--token", prompt=_("API token"), hide_input=True, help=_("From your profile page."))
@click.pass_obj
def login(context: Context, token: str) -> None:
    """Store an API token for this server, in a file that only you may read."""
    with Client(context.url, token, retries=context.retries) as readroom:
        me = readroom.me()
    credentials.store_token(context.url, token, credentials.token_file())
    context.output.value(dict(me), _("Logged in as %(name)s.") % {"name": me["username"]})


@cli.command()
@click.pass_obj
def logout(context: Context) -> None:
    """Remove the stored API token of this server; revoke it on your profile page."""
    credentials.store_token(context.url, "", credentials.token_file())
    context.output.value({}, _("The token is removed from this computer."))


@cli.command()
@click.pass_obj
def whoami(context: Context) -> None:
    """Show the own account and what the token may be used for."""
    with context.client() as readroom:
        me = readroom.me()
    scopes = ", ".join(me["scopes"] or ())
    context.output.value(dict(me), f"{me['username']} ({me['role']}): {scopes}")


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion of a shell: `eval "$(readroom completion bash)"`."""
    known = get_completion_class(shell)
    assert known is not None
    click.echo(known(cli, {}, "readroom", "_READROOM_COMPLETE").source())
