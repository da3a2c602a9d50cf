"""paddle-aug demo: the page to play with, served on this machine."""

import importlib
from collections.abc import Sequence

from paddle_aug.cli.parser import Parser
from paddle_aug.core.errors import UserError
from paddle_aug.core.program import command
from paddle_aug.language import tell


def build_parser() -> Parser:
    parser = Parser(
        prog=command("demo"),
        description="A page in the browser: choose two images and any operation or mix, move lam, "
        "alpha, the box and the magnitude, and see the picture, the label and the schedule. "
        "Needs Gradio (the extra demo). Nothing is fetched from, or sent to, other machines.",
    )
    parser.add_argument(
        "--host", metavar="ADDRESS", default="127.0.0.1",
        help="address to listen at; 0.0.0.0: other machines may look, too (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--port", metavar="N", type=int, help="(default: the first free one from 7860)"
    )
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page until Ctrl+C."""
    args = build_parser().parse_args(argv)
    # Where more than Gradio is missing, that is said first.
    importlib.import_module("paddle_aug.demo.figures")
    from paddle_aug.demo.page import LAUNCH, build_page

    page = build_page()
    try:
        _, url, _ = page.launch(
            server_name=args.host, server_port=args.port, inbrowser=args.open, quiet=True,
            prevent_thread_lock=True, **LAUNCH,
        )  # fmt: skip
    except OSError as error:
        raise UserError(f"--host {args.host}, --port {args.port}: {error}") from None
    tell(f"the page is at {url} (Ctrl+C ends it)")
    page.block_thread()
    return 0
