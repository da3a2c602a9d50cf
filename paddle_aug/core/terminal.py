"""Makes output work on terminals of any encoding."""

import io
import sys


def make_output_safe() -> None:
    """Let stdout and stderr write a character that their encoding lacks as \\uNNNN.

    Otherwise a Chinese class name would end the command with an error on some terminals.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
