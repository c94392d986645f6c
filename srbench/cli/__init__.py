"""The command line: parse, call, print. Each command's module is imported when it is used."""

from __future__ import annotations

import errno
import faulthandler
import os
import sys
import traceback
from importlib import import_module

import click

from srbench import __version__
from srbench.errors import SrbenchError

COMMANDS = {
    "list": ("listing", "list_", "What is known: models, datasets, metrics, protocols, results."),
    "info": ("listing", "info", "Everything about one model, dataset, metric or protocol."),
    "doctor": ("listing", "doctor", "This machine, the libraries, the cache, broken plugins."),
    "data": ("data", "data", "Fetch, verify, list and add test and training sets."),
    "weights": ("weights", "weights", "List, fetch and verify checkpoints."),
    "check": ("check", "check", "Try a model against every rule of the contract."),
    "run": ("run", "run", "Run models on test sets, and show the leaderboard."),
    "time": ("timing", "time", "Time models: latency, memory, multiply-adds; alone on the machine."),
    "score": ("run", "score", "Score a folder of images that are already super-resolved."),
    "why": ("run", "why", "Why a result would be computed again: the field that differs."),
    "explain": ("explain", "explain", "Which recipe gives a figure that somebody claims."),
    "train": ("train", "train", "Train a network from a recipe, the same to the bit when repeated."),
    "compare": ("gate", "compare", "Compare two result sets, image by image."),
    "gate": ("gate", "gate", "Exit with 1 if results are worse than their baseline: for CI."),
    "bless": ("gate", "bless", "Promote results to the committed baseline, with a record of why."),
    "ablate": ("ablate", "ablate", "Test a claim of the literature: train its levels, and compare them."),
    "schema": ("schema", "schema", "The JSON Schema of an output, for programs that read it."),
    "report": ("report", "report", "Write the leaderboard: HTML, Markdown, CSV, JSON, LaTeX, model cards."),
    "readme": ("readme", "readme", "Write a board and a plot into a README, in step with results."),
}
INTERRUPTED = 130
DEFECT = 70
"""A defect of srbench itself, EX_SOFTWARE of sysexits.h."""


class LazyGroup(click.Group):
    """A group that knows its commands' names and first lines, and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of a user's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"srbench.cli.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, naming the nearest commands for a typo."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=2) or list(COMMANDS)
            ctx.fail(f"expected a command, got {args[0]!r}; try {' or '.join(near)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, _, help_line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, "--version", prog_name="srbench")
def cli() -> None:
    """srbench, the referee of super-resolution.

    Runs any SR model on Set5, Set14, BSD100, Urban100 and Vid4 under the field's exact protocols,
    and prints numbers that can be repeated: Y-channel PSNR, SSIM, LPIPS.

    \b
    Start here (no download needed):
      srbench run -d embedded                 every model on real photographs that are installed
      srbench run -m bicubic -d set5 -x 4     one model, one set, one scale
      srbench run --all --plan                what a full run would do, and how long it takes
      srbench score DIR --against set5 -x 4   score images that you already have

    \b
    Exit codes: 0 ok; 1 regression; 2 usage; 3 some cells failed; 4 nothing measured or
                compared; 5 a digest does not match; 70 a defect of srbench; 130 interrupted (the
                same command resumes).
    """


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit with the code of what happened."""
    faulthandler.enable()  # a crash in a model's native code then says where it happened
    try:
        code = run_main(argv)
    except Exception:  # noqa: BLE001 - Python's own code for it is 1, which here is a regression
        traceback.print_exc()
        code = DEFECT
    sys.exit(code)


def run_main(argv: list[str] | None = None) -> int:
    """The exit code of a command line; errors become one line on stderr, never a traceback."""
    try:
        code = cli.main(argv, prog_name="srbench", standalone_mode=False)
        _flush()  # here, where a full disk is still an error one can name
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.format_message())
        return 0
    except click.exceptions.Abort:
        return _complain("interrupted; the same command goes on where it stopped", INTERRUPTED)
    except KeyboardInterrupt:
        return _complain("interrupted; the same command goes on where it stopped", INTERRUPTED)
    except click.ClickException as error:
        return _complain(_one_line(error), 2)
    except SrbenchError as error:
        return _complain(str(error), error.exit_code)
    except BrokenPipeError:
        _abandon_stdout()  # the reader (head, less) has enough
        return 0
    except SystemExit as left:
        # click, or rich, has met a closed pipe.
        wrapped = type(sys.stdout).__name__.endswith("PacifyFlushWrapper")
        if wrapped or isinstance(left.__context__, BrokenPipeError):
            _abandon_stdout()
            return 0
        return _complain(f"expected a plugin that returns, got sys.exit({left.code!r}); fix the plugin", 2)
    except OSError as error:
        _abandon_stdout()
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        hint = "free space, or write elsewhere" if full else "check the path and its permissions"
        return _complain(f"expected files that can be read and written, got {error}; {hint}", 3)


def _flush() -> None:
    """A reader who has enough (head, less) changes no exit code: what the command found out, it found out."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon_stdout()


def _abandon_stdout() -> None:
    """What is still buffered can't be written: no second error while Python flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one_line(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{text} ({context.command_path} --help)" if context is not None and context.parent else text


def _complain(text: str, code: int) -> int:
    print(f"srbench: error: {text}", file=sys.stderr)
    return code
