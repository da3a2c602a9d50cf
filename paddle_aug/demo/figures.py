"""The page's pictures beside the images: where lam lies, and when mixing is on."""

import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from paddle_aug.demo import mixing
from paddle_aug.report.figure import make_readable, new_figure
from paddle_aug.report.schedule_figure import draw_schedule


def beta_figure(alpha: float, lam: float) -> Figure:
    """How often a training draws which lam from Beta(alpha, alpha), and the lam of now."""
    from scipy.stats import beta

    figure = new_figure(5, 2.6, dpi=90)
    axes = figure.subplots()
    if alpha > 0:
        # Not at the ends, where the density of a small alpha has no bound.
        shares = np.linspace(0.005, 0.995, 199)
        axes.fill_between(shares, beta.pdf(shares, alpha, alpha), color="tab:blue", alpha=0.4)
    else:
        axes.set_title("alpha 0: no mixing, lam is 1", fontsize="medium")
    axes.axvline(lam, color="black", linewidth=1.5)
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.set_xlabel(f"lam (now {lam:.2f})")
    return figure


def schedule_figure(method: str, epochs: int, on: int, off: int) -> Figure:
    """When a run of so many epochs mixes, and its learning rate, which is constant here."""
    phases = mixing.schedule(method, epochs, on, off)
    return draw_schedule(int(epochs), phases.is_active, [1e-4] * int(epochs))


def picture(figure: Figure) -> np.ndarray:
    """The figure as uint8 [H, W, 3]."""
    make_readable(figure)
    with io.BytesIO() as file:
        figure.savefig(file, format="png")
        file.seek(0)
        return np.asarray(Image.open(file).convert("RGB"))
