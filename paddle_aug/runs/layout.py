"""The names of a run's files: what training writes, and what plots and reports read."""

from pathlib import Path

# The documents' four curves, one float64 an epoch each.
CURVES = ("lossTrain", "accTrain", "lossEval", "accEval")


# The model's answers on the evaluation set, as evaluate.py writes them, and where it writes those
# of a run's last state.
PREDICTIONS = "predictions.npz"
LAST_EVALUATION = "evaluation_last"


def curve_path(folder: str | Path, mode: str, curve: str) -> Path:
    """`<folder>/<mode>Aug_<curve>.npy`, as the documents' plots read it."""
    return Path(folder) / f"{mode}Aug_{curve}.npy"
