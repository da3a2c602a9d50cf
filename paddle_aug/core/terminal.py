"""What a command prints reaches every terminal."""

import io
import sys


def make_output_safe() -> None:
    """Let stdout and stderr write a character that their encoding lacks as \\uNNNN.

    Without it one Chinese class name ends a command on a terminal of another encoding.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
