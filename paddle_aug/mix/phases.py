"""When mixing is on: pure functions of the epoch, counted from 0."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PairingSchedule:
    """SamplePairing's phases (Inoue 2018, arXiv 1801.02929): no mixing before `start`, then `on`
    epochs with and `off` epochs without mixing in turn, and none from `end` on.

    The turns are counted from epoch 0, not from `start`, as in the published code.
    """

    start: int
    end: int
    on: int = 8
    off: int = 2

    def __post_init__(self) -> None:
        if self.start < 0 or self.end < self.start or self.on < 1 or self.off < 0:
            raise ValueError(
                f"need 0 <= start <= end, on >= 1 and off >= 0, got start={self.start}, "
                f"end={self.end}, on={self.on}, off={self.off}"
            )

    def is_active(self, epoch: int) -> bool:
        """True where images are mixed in this epoch."""
        return self.start <= epoch < self.end and epoch % (self.on + self.off) < self.on

    @classmethod
    def for_epochs(cls, epochs: int, on: int = 8, off: int = 2) -> "PairingSchedule":
        """The SamplePairing article's: the first and the last tenth of the epochs do not mix."""
        start = epochs // 10
        return cls(start, epochs - start, on, off)


def always_on(epochs: int) -> PairingSchedule:
    """Mixing in every one of `epochs`: mixup and CutMix unless asked otherwise."""
    return PairingSchedule(0, epochs, on=1, off=0)
