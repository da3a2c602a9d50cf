#!/usr/bin/env python3
"""Evaluate a run or a checkpoint: python evaluate.py logs/samplePairing"""

from paddle_aug.errors import run_command
from paddle_aug.evaluation_options import parse_args


def main() -> int:
    options = parse_args()
    from paddle_aug.threads import import_paddle

    import_paddle()
    from paddle_aug.evaluation import evaluate_checkpoint

    evaluate_checkpoint(options)
    return 0


if __name__ == "__main__":
    run_command(main)
