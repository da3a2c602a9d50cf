"""Published claims: the entries of a suite's `claims:` list and their checks."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from paddle_aug.runs.layout import CURVES

# Which figure of a run is compared: the mean of its last epochs, that of its last or its best
# epoch, or the accuracy of its last state on the whole evaluation set.
FIGURES = ("mean", "last", "best", "whole")


class Claim(BaseModel):
    """One published figure, and which of our figures it is compared with.

    text: the claim in words. method: the label of the runs it is about. One of
    difference: method minus baseline (0.06: six points of accuracy; 0: no difference; 0 with
    gain_only: no gain; a fall of any size agrees with it),
    value: the figure itself, or
    epoch: from which the method's evaluation accuracy stays above the baseline's.
    tolerance: how far from the published figure ours may lie; as precise as the source is.
    baseline: label of the runs to compare with; None: the suite's baseline.
    curve, figure: see FIGURES. scale: how our runs differ from the published ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    text: str = Field(min_length=1)
    method: str
    baseline: str | None = None
    curve: Literal[CURVES] = "accEval"  # pyright: ignore[reportInvalidTypeForm]
    figure: Literal[FIGURES] = "mean"  # pyright: ignore[reportInvalidTypeForm]
    difference: float | None = None
    gain_only: bool = False
    value: float | None = None
    epoch: int | None = Field(None, ge=0)
    tolerance: float = Field(gt=0)
    scale: str = ""

    @property
    def kind(self) -> str:
        """ "difference", "value" or "epoch"."""
        return next(k for k in ("difference", "value", "epoch") if getattr(self, k) is not None)

    @property
    def no_difference(self) -> bool:
        """Whether it says that there is no difference, or no gain."""
        return self.difference == 0

    @model_validator(mode="after")
    def _consistent(self) -> "Claim":
        given = [k for k in ("difference", "value", "epoch") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError("give one of difference, value, epoch")
        figure = self.difference if self.difference is not None else self.value
        if figure is not None and self.curve.startswith("acc") and not -1 <= figure <= 1:
            raise ValueError(f"{given[0]}: accuracies are shares: 0.06 for 6 points, got {figure}")
        if self.difference and self.tolerance >= abs(self.difference):
            raise ValueError(
                f"tolerance: {self.tolerance} would let no difference at all count as the "
                f"published {self.difference}; choose a smaller one"
            )
        if self.gain_only and self.difference != 0:
            raise ValueError("gain_only: says that there is no gain: only with difference: 0")
        if self.gain_only and not self.curve.startswith("acc"):
            raise ValueError("gain_only: a loss gains by falling: only with a curve of accuracy")
        if self.value is not None and self.baseline is not None:
            raise ValueError("baseline: a value is not measured against one; give a difference")
        if self.baseline == self.method:
            raise ValueError(f"baseline: {self.method!r} would be compared with itself")
        if self.figure == "whole" and self.curve != "accEval":
            raise ValueError("figure: whole is an accuracy of evaluation: only with curve accEval")
        if self.epoch is not None and (self.curve, self.figure) != ("accEval", "mean"):
            raise ValueError("epoch: is found on accEval, whatever curve and figure say: omit them")
        return self
