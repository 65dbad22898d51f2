"""What a person sees of an error: one message and an exit code, never a traceback of something foreseeable."""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import typer

from ..errors import MismatchError, UserError
from .console import errors, say
from .output import FULL

P = ParamSpec("P")
R = TypeVar("R")

NOTHING_LEFT = "Nothing was left behind; run the command again."


class Terminated(SystemExit):
    """SIGTERM or SIGHUP; the exit code is what shells give."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.name = signal.Signals(number).name


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end what runs as Ctrl-C does: with all clean-up."""

    def end(number: int, _: object) -> None:
        raise Terminated(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _complain(kind: str, text: object) -> None:
    errors.print(f"[bold red]{kind}:[/] ", end="")
    say(text, "red", errors)


def _about(error: OSError) -> str:
    """What a failed call to the system means to a person who named a file."""
    where = f"{error.filename}: " if error.filename is not None else ""
    if error.errno in FULL:
        return f"{where}the disk is full. Free some space, or write somewhere else."
    return f"{where}{error.strerror or error}. Give a file or folder that can be used."


def guarded(resume: str = NOTHING_LEFT) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Turn errors that are meant for people into one message: exit code 2 for bad input, 1 for a mismatch, 130 for
    Ctrl-C, 143 for SIGTERM.

    Args:
        resume: how to go on after an interrupt.
    """

    def decorate(command: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                with _terminable():
                    return command(*args, **kwargs)
            except UserError as e:
                _complain("error", e)
                raise typer.Exit(2) from e
            except MismatchError as e:
                _complain("mismatch", e)
                raise typer.Exit(1) from e
            except BrokenPipeError:
                raise  # the reader of the output is gone: nobody is left to be told
            except OSError as e:
                _complain("error", _about(e))
                raise typer.Exit(2) from e
            except MemoryError as e:
                _complain("error", "there is not enough memory. Give a smaller frame, crop or photograph.")
                raise typer.Exit(2) from e
            except KeyboardInterrupt as e:
                errors.print(f"\n[yellow]Interrupted.[/] {resume}")
                raise typer.Exit(130) from e
            except Terminated as e:
                errors.print(f"\n[yellow]Stopped by {e.name}.[/] {resume}")
                raise typer.Exit(e.code if isinstance(e.code, int) else 1) from e

        return run

    return decorate
