"""Makes output work on terminals of any encoding, and appear at once in files."""

import codecs
import io
import json
import sys
from typing import Any


def make_output_safe() -> None:
    """Let stdout and stderr write a character that they lack as \\uNNNN, and each line at once.

    Otherwise a Chinese class name would end the command with an error on some terminals, and a log
    file would get its lines by 8 KB, those of stderr before those of stdout.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)


def print_json(values: Any) -> None:
    """Print values as JSON on a line, at once.

    To a stream that is not UTF-8 with \\uNNNN for what is not ASCII: its own escapes are no JSON.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    ascii_only = codecs.lookup(encoding).name != "utf-8"
    print(json.dumps(values, ensure_ascii=ascii_only), flush=True)
