"""What a trained model says of an image on the page: what `predict` says of the same file."""

import shlex
from html import escape
from pathlib import Path

from paddle_aug.core.errors import UserError
from paddle_aug.prediction.photos import Photo
from paddle_aug.prediction.predictor import Prediction, Predictor


def predict(predictor: Predictor, path: str) -> Prediction:
    """The most probable classes. Raises UserError where the file is no image."""
    name = Path(path).name
    (found,) = predictor.predict_photos([Photo(name, path)])
    if found.error:
        raise UserError(f"{name}: {found.error}")
    return found


def as_html(found: Prediction) -> str:
    """A row a class: its name, a bar, and the probability as `predict` prints it."""
    rows = [
        f"<tr><td>{escape(name)}</td><td><meter value='{probability:.4f}'></meter></td>"
        f"<td>{probability:.4f}</td></tr>"
        for name, probability in zip(found.classes, found.probabilities, strict=True)
    ]
    return f"<table>{''.join(rows)}</table>"


def reason_as_html(reason: str) -> str:
    return f"<p role='alert'>{escape(reason)}</p>"


def predict_command(run: str, path: str) -> str:
    """The command line that says the same."""
    return shlex.join(["python", "predict.py", run, Path(path).name])
