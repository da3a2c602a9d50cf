"""The command that trains with what the page shows."""

import shlex

from paddle_aug.core.text import flag
from paddle_aug.demo import mixing


def train_command(
    kind: str, name: str, magnitude: int, steps: str, method: str, alpha: float, side: float,
    epochs: int, on: int, off: int,
) -> str:  # fmt: skip
    """The command line of train.py for what is shown; empty for a single operation, as trainings
    draw theirs from several.

    kind, name, magnitude, steps: see `image_parts.build`; method: "no" or a mixing method;
    epochs, on, off: see `mixing.schedule`. Left out is what the command does by itself.
    """
    if kind == "operation":
        return ""
    mixes = method in mixing.methods()
    words = ["python", "train.py", "--augment", method if mixes or kind != "policy" else name]
    if kind == "transforms":
        words += ["--train-transforms", steps]
    else:
        if mixes and name != mixing.default_part(method):
            words += ["--base", name]
        if name == "randAugment":
            words += ["--policy.rand-augment-magnitude", str(int(magnitude))]
    if mixes:
        used = mixing.uses(method)
        if used.lam and alpha != mixing.default_alpha(method):
            words += ["--alpha", f"{alpha:g}"]
        if used.side and side != mixing.default_side():
            words += ["--cutout-size", f"{side:g}"]
        for option, turn in mixing.turns_to_say(method, epochs, on, off).items():
            words += [flag(option), str(turn)]
    if epochs != mixing.own_epochs():
        words += ["--epochs", str(int(epochs))]
    return shlex.join(words)
