"""The command line: one module for each command or group.

A command imports what it needs inside itself, so that ``lastcall events`` starts without a web,
Slack or HTTP client."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from monitor import __version__
from monitor.cli.options import PLAIN, Db
from monitor.errors import LastcallError

#: The exit code of a fault of the program itself.
BUG = 70


#: Each command or group and its module, in the order of the help.
COMMANDS = {
    "demo": "run",
    "run": "run",
    "poll": "poll",
    "parse": "parse",
    "replay": "run",
    "sources": "sources",
    "events": "events",
    "show": "show",
    "upcoming": "upcoming",
    "prices": "prices",
    "explain": "explain",
    "check": "check",
    "slack": "slack",
    "webhooks": "webhooks",
    "email": "email",
    "apprise": "apprise",
    "subscriptions": "subscriptions",
    "deliveries": "deliveries",
    "db": "db",
    "secrets": "secrets",
}


class Program(TyperGroup):
    """Import the module of a command when it is called, and report every failure in one line."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        # An unknown word loads all commands, so that the nearest can be suggested.
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                module = importlib.import_module(f"monitor.cli.{COMMANDS[name]}")
                group = typer.main.get_group(module.app)
                group.name = name
                self.commands[name] = group.commands.get(name, group)
        return self.commands.get(cmd_name)

    def invoke(self, ctx: Any) -> None:
        try:
            super().invoke(ctx)
            sys.stdout.flush()
        except LastcallError as error:
            _fail(str(error), error.exit_code)
        except BrokenPipeError:  # the reader of the pipe has ended (| head)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except (
            RuntimeError,
            OSError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            ArithmeticError,
        ) as error:
            # Typer ends a command with Exit or Abort, which are RuntimeErrors.
            if (
                isinstance(error, typer.Exit | typer.Abort)
                or os.environ.get("LASTCALL_LOG_LEVEL", "") == "DEBUG"
            ):
                raise
            _fail(
                f"{type(error).__name__}: {error} (a fault of Lastcall; LASTCALL_LOG_LEVEL=DEBUG "
                "shows where)",
                BUG,
            )


def _fail(message: str, code: int) -> NoReturn:
    print("lastcall:", " ".join(message.split()), file=sys.stderr)
    raise typer.Exit(code) from None


app = typer.Typer(
    cls=Program,
    name="lastcall",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    **PLAIN,
)


def _version(is_set: bool) -> None:
    if is_set:
        print(f"lastcall {__version__}")
        raise typer.Exit


@app.callback()
def lastcall(
    db: Db = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Know before it hurts: AI models that are retired, moved, redirected or repriced.

    Start with `lastcall demo`, or with `lastcall sources check`, `lastcall poll` and then `lastcall
    upcoming`.

    \b
    Exit codes: 0 done, 1 findings (check), 2 usage, 3 a document could not be read or was refused,
    4 the database or a setting is at fault, 5 something asked for does not exist.
    """


def main() -> None:
    """Run the program. Garbage collection starts late: a short command would spend a tenth of its
    time on finding none.
    """
    gc.set_threshold(100_000, 20, 20)
    app(prog_name="lastcall")
