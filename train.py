#!/usr/bin/env python3
"""Train a classifier under augmentation: python train.py --augment samplePairing"""

from paddle_aug.command_line import parse_args
from paddle_aug.core.errors import ImageError, UserError, run_command


def main() -> int:
    config, control = parse_args()
    # Paddle is imported only now: help and mistakes in options are answered at once, and the
    # number of threads must be in the environment before.
    from paddle_aug.core.paddle_import import import_paddle

    import_paddle()
    from paddle_aug.train.fit import fit, resume

    try:
        if control.resume is None:
            fit(config)
        else:
            run = control.resume or f"{config.output}/{config.mode}"
            resume(run, control.allow_changes, control.changes)
    except ImageError as error:
        advice = "python -m paddle_aug check lists every such image, --skip-bad leaves them out"
        raise UserError(f"{error}; {advice}") from None
    return 0


if __name__ == "__main__":
    run_command(main)
