"""The options of a run: their table, facts about each, and the checks."""

from paddle_aug.config.effects import changed_options, has_effect, without_effect
from paddle_aug.config.table import (
    DIGITS_DEFAULTS,
    Config,
    fact,
    load_config,
    load_trained_config,
    options_that_are,
)

__all__ = [
    "DIGITS_DEFAULTS",
    "Config",
    "changed_options",
    "fact",
    "has_effect",
    "load_config",
    "load_trained_config",
    "options_that_are",
    "without_effect",
]
