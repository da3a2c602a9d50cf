"""Numbers with their nouns, for messages."""

from collections.abc import Callable


def counted(number: int, one: str, several: str = "") -> str:
    """`1 image` or `1,234 images`; several: where that is not `one` with an s."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


Say = Callable[[str], None]
