"""Evaluation from the command line: evaluate.py, paddle-aug evaluate, ..."""

from collections.abc import Sequence

from paddle_aug.cli.parser import Parser


def build_parser() -> Parser:
    from paddle_aug.evaluation.options import build_parser

    return build_parser()


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate a run or a checkpoint and write the results into its folder."""
    from paddle_aug.evaluation.options import parse_args

    options = parse_args(argv)
    from paddle_aug.core.paddle_import import import_paddle

    import_paddle()
    from paddle_aug.evaluation.evaluate import evaluate_checkpoint

    evaluate_checkpoint(options)
    return 0
