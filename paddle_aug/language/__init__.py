"""The language of what users read: English as the code writes it, or Chinese from locale/."""

from paddle_aug.language.speech import (
    LANGUAGES,
    language,
    set_language,
    show,
    speak_what_is_shown,
    tell,
    translate,
    translated,
)

__all__ = [
    "LANGUAGES",
    "language",
    "set_language",
    "show",
    "speak_what_is_shown",
    "tell",
    "translate",
    "translated",
]
