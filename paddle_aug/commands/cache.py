"""python -m paddle_aug cache: lists or empties the cache of decoded images."""

import time
from collections.abc import Sequence

from paddle_aug.cli.parser import Parser
from paddle_aug.core.errors import UserError
from paddle_aug.core.program import command
from paddle_aug.language import show, tell, translated


def build_parser() -> Parser:
    parser = Parser(
        prog=command("cache"),
        description="List the cache of decoded images; with --clear delete it, or one entry. It "
        "lies in $PADDLE_AUG_CACHE or ~/.cache/paddle_aug and is made again when it is needed.",
    )
    parser.add_argument(
        "--clear", nargs="?", const="", metavar="KEY", help="delete everything, or this entry"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the entries, least recently used first, or with --clear the space freed."""
    args = build_parser().parse_args(argv)
    from tabulate import tabulate

    from paddle_aug.data.cache_store import clear, images_folder, list_entries

    folder = images_folder()
    entries = list_entries()
    if args.clear is not None:
        if args.clear and args.clear not in {entry.key for entry in entries}:
            raise UserError(f"{folder}: has no entry {args.clear!r}; `cache` lists them")
        tell(f"{folder}: {clear(key=args.clear or None) / 1e6:,.1f} MB freed")
        return 0
    rows = [
        [
            e.key,
            e.name,
            e.scaled,
            e.images,
            e.bytes / 1e6,
            time.strftime("%F %R", time.localtime(e.last_used)),
        ]
        for e in entries
    ]
    if rows:
        headers = translated(["key", "data set", "scaled to", "images", "MB", "last used"])
        show(tabulate(rows, headers, floatfmt=",.1f", disable_numparse=[0, 1, 2]))
    total = sum(entry.bytes for entry in entries)
    tell(f"{folder}: {len(entries)} entries, {total / 1e6:,.1f} MB")
    return 0
