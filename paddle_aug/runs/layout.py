"""The names of a run's files: what training writes, and what plots and reports read."""

from pathlib import Path

# The four curves of a run, as in the SamplePairing article: one float64 an epoch each.
CURVES = ("lossTrain", "accTrain", "lossEval", "accEval")


# The file of evaluate.py with the model's answer on every evaluation image, and the folder that it
# writes the answers of a run's last state to.
PREDICTIONS = "predictions.npz"
LAST_EVALUATION = "evaluation_last"


def curve_path(folder: str | Path, mode: str, curve: str) -> Path:
    """`<folder>/<mode>Aug_<curve>.npy`, named as in the SamplePairing article."""
    return Path(folder) / f"{mode}Aug_{curve}.npy"
