"""Makes a user's own policy or mixing method a value of --augment, by its import path."""

from paddle_aug.augment.own_policy import own_policy
from paddle_aug.augment.policies import POLICIES
from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import load_object, short_name
from paddle_aug.mix.methods import METHODS, Method
from paddle_aug.mix.own_method import check_method
from paddle_aug.modes import MODES, Mixing, Mode


def register_own(path: str) -> None:
    """Put a user's own policy or Method into the tables, under its import path.

    Unless options say otherwise, an own mixing method mixes within the batch, without other
    augmentation, in every epoch. Raises UserError where it does not fit.
    """
    if path in MODES:
        return
    thing, mixing = load_object(path, "augment"), None
    if short_name(path) in MODES:
        raise UserError(f"augment {path}: curves are named {short_name(path)}, as the project's "
                        "own policy of that name; choose another name")  # fmt: skip
    if isinstance(thing, Method):
        check_method(thing, path)
        METHODS[path] = thing
        mixing = Mixing("no", "batch", 1.0, 1.0, "permutation", "batch", "always")
    else:
        policy = own_policy(thing, path)
        POLICIES[path] = lambda options: policy
    MODES[path] = Mode(path, "code of your own", path, "", mixing)
