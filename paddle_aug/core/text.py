"""Numbers with their nouns, for messages."""

from collections.abc import Callable


def counted(number: int, one: str, several: str = "") -> str:
    """`1 image` or `1,234 images`; several: where that is not `one` with an s."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def duration(seconds: float) -> str:
    """A time in words: "45 s", "12 min", "3.4 h", "2.5 days"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


Say = Callable[[str], None]
