"""The names of a run's curves: what training writes, and what plots and reports read."""

from pathlib import Path

# The documents' four curves, one float64 an epoch each.
CURVES = ("lossTrain", "accTrain", "lossEval", "accEval")


def curve_path(folder: str | Path, mode: str, curve: str) -> Path:
    """`<folder>/<mode>Aug_<curve>.npy`, as the documents' plots read it."""
    return Path(folder) / f"{mode}Aug_{curve}.npy"
