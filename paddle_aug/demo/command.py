"""paddle-aug demo: the page to play with, served on this machine."""

import argparse
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from paddle_aug.cli.parser import Parser
from paddle_aug.core.errors import UserError
from paddle_aug.core.program import command
from paddle_aug.evaluation.options import add_run
from paddle_aug.language import tell

if TYPE_CHECKING:
    from paddle_aug.demo.predict_tab import Trained


def build_parser() -> Parser:
    parser = Parser(
        prog=command("demo"),
        description="A page in the browser: choose two images and any operation or mix, move lam, "
        "alpha, the box and the magnitude, and see the picture, the label and the schedule; with a "
        "trained model also what it says of an image. "
        "Needs Gradio (the extra demo). Nothing is fetched from, or sent to, other machines.",
    )
    add_run(parser, ", or a folder that `export` wrote", required=False)
    parser.add_argument(
        "--host", metavar="ADDRESS", default="127.0.0.1",
        help="address to listen at; 0.0.0.0: other machines may look, too (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--port", metavar="N", type=_port, help="(default: the first free one from 7860)"
    )
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    return parser


def _port(text: str) -> int:
    """A port's number; argparse reports anything else."""
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 65535, got {text!r}")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page until Ctrl+C."""
    args = build_parser().parse_args(argv)
    # Where more than Gradio is missing, that is said first.
    importlib.import_module("paddle_aug.demo.figures")
    from paddle_aug.demo.page import LAUNCH, build_page

    page = build_page(read_trained(args.run, args.checkpoint))
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


def read_trained(run: str | None, checkpoint: str = "best") -> "Trained | None":
    """The model to predict with; None where none is named. Raises UserError where it cannot be
    read."""
    if run is None:
        if checkpoint != "best":
            raise UserError("checkpoint: only with a run")
        return None
    from paddle_aug.core.paddle_import import import_paddle

    import_paddle()
    from paddle_aug.demo.predict_tab import Trained
    from paddle_aug.prediction.predictor import Predictor

    return Trained(run, Predictor(run, checkpoint, say=tell))
