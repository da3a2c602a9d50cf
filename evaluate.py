#!/usr/bin/env python3
"""Evaluate a run or a checkpoint: python evaluate.py logs/samplePairing"""

from paddle_aug.core.errors import run_command
from paddle_aug.evaluation.options import parse_args


def main() -> int:
    options = parse_args()
    from paddle_aug.core.paddle_import import import_paddle

    import_paddle()
    from paddle_aug.evaluation.evaluate import evaluate_checkpoint

    evaluate_checkpoint(options)
    return 0


if __name__ == "__main__":
    run_command(main)
