"""The entry point: gathers the verbs, and turns every outcome into an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from engine.cli import catalogues, explain, figures, history, models, output, profile, system, work

# Wrong arguments. Typer shows this class only through its subclasses.
_UsageError: type[Exception] = typer.BadParameter.mro()[1]

OK, BUG, USER_ERROR, CANCELLED = 0, 1, 2, 130

app = typer.Typer(
    name="hasten",
    help="Makes language models faster, and proves it. Without a verb, the window opens.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _part in (system, models, catalogues, work, explain, profile, history, figures):
    _part.register(app)


@app.callback(invoke_without_command=True)
def _hasten(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        from engine import __version__

        print(__version__)
    elif context.invoked_subcommand is None:
        system.app(None, None)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 success, 1 bug, 2 user error, 130 cancelled."""
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.exit(run(arguments))


def run(arguments: list[str]) -> int:
    """Run the command line; its exit code. Failures are told on stderr, with --json also as a document on stdout."""
    from engine.protocol.errors import Failure

    as_json = "--json" in arguments
    try:
        result = app(arguments, prog_name="hasten", standalone_mode=False)
        return result if isinstance(result, int) else OK
    except typer.Abort:
        return CANCELLED
    except typer.Exit as stop:
        return int(stop.exit_code)
    except _UsageError as error:
        failure = Failure(kind="user", cause=_message(error), remedy="“hasten --help” shows how to write it.")
        output.failure(failure, as_json)
        return USER_ERROR
    except output.JobFailed as error:
        failure = error.failure
    except BrokenPipeError:  # the reader of our output has seen enough, as with "| head"
        sys.stderr.close()
        return OK
    except (Exception, KeyboardInterrupt) as error:
        failure = Failure.of(error)
    if failure.kind == "cancelled":
        print("Cancelled. Run it again to go on.", file=sys.stderr)
        return CANCELLED
    output.failure(failure, as_json)
    return USER_ERROR if failure.kind == "user" else BUG


def _message(error: Exception) -> str:
    text = str(error.format_message()) if hasattr(error, "format_message") else str(error)
    return text if text.endswith((".", "?")) else f"{text}."
