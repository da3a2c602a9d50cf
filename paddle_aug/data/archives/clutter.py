"""Files and folders that are no data: hidden ones, and what operating systems leave behind."""

# Left behind by macOS, Windows and network disks. Names that begin with a dot, as .DS_Store and
# .ipynb_checkpoints, are passed over as well.
_NAMES = (
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin",
    "system volume information",
)  # fmt: skip


def is_clutter(name: str) -> bool:
    """Whether a file or folder of this name was left by the operating system or is hidden."""
    return name.startswith(".") or name.lower() in _NAMES
