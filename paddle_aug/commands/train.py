"""Training from the command line: train.py, paddle-aug train, python -m paddle_aug train."""

from collections.abc import Sequence

from paddle_aug.cli.parser import Parser
from paddle_aug.core.errors import ImageError, UserError
from paddle_aug.core.program import command

DESCRIPTION = "Train an image classifier under augmentation."


def build_parser() -> Parser:
    from paddle_aug.command_line import build_parser

    return build_parser(DESCRIPTION, command("train"))


def main(argv: Sequence[str] | None = None) -> int:
    """Train a run from the start, or continue one (--resume)."""
    from paddle_aug.command_line import parse_args

    config, control = parse_args(argv, DESCRIPTION, command("train"))
    # Paddle is imported only now, so that help and errors in options appear at once, and because
    # the number of threads must be set in the environment before.
    from paddle_aug.core.paddle_import import import_paddle
    from paddle_aug.runs.environment import keep_threads
    from paddle_aug.runs.layout import RunPaths

    run = control.resume or f"{config.output}/{config.mode}"
    if control.resume is not None:
        keep_threads(RunPaths.of(run).environment)
    import_paddle()
    from paddle_aug.train.fit import fit, resume

    try:
        if control.resume is None:
            fit(config)
        else:
            resume(run, control.allow_changes, control.changes)
    except ImageError as error:
        advice = f"{command('check')} lists every such image, --skip-bad leaves them out"
        raise UserError(f"{error}; {advice}") from None
    return 0
