"""train.log: every line that a training says, and its last words."""

import logging
import re

import pytest

from paddle_aug.core.errors import Interrupted, UserError
from paddle_aug.runs.log import RunLog


@pytest.fixture
def said() -> list[str]:
    return []


def lines(path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_lines_before_and_after_the_folder_is_there_and_warnings_are_kept(tmp_path, said):
    with RunLog(said.append) as log:
        log.say("data: 3 images")
        logging.getLogger("paddle_aug.any").warning("%d are broken", 2)
        log.open(tmp_path / "no" / "train.log")
        log.say("epoch 0  猫")
        logging.getLogger("paddle_aug.any").info("nobody sees this")
        # Written at once: a run that is killed leaves what it said.
        assert lines(tmp_path / "no" / "train.log")[-1] == "epoch 0  猫"
    assert said == ["data: 3 images", "epoch 0  猫"]
    first, *others = lines(tmp_path / "no" / "train.log")
    assert re.match(r"# \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S", first)
    assert others == ["data: 3 images", "warning: 2 are broken", "epoch 0  猫"]
    logging.getLogger().warning("after the run")
    assert len(lines(tmp_path / "no" / "train.log")) == 4


def test_a_resumed_runs_lines_come_after_the_earlier_ones(tmp_path, said):
    for line in ("first", "second"):
        with RunLog(said.append) as log:
            log.open(tmp_path / "train.log")
            log.say(line)
    assert [line for line in lines(tmp_path / "train.log") if line[0] != "#"] == said


@pytest.mark.parametrize(
    ("error", "last"),
    [(UserError("epochs: no"), "error: epochs: no"),
     (Interrupted(15, "stopped at epoch 3"), "stopped at epoch 3"),
     (KeyboardInterrupt(), "stopped by KeyboardInterrupt"),
     (RuntimeError("a fault"), "stopped by RuntimeError: a fault")],
)  # fmt: skip
def test_what_ended_a_run_is_its_last_line(tmp_path, said, error, last):
    with pytest.raises(type(error)), RunLog(said.append) as log:
        log.open(tmp_path / "train.log")
        raise error
    assert lines(tmp_path / "train.log")[-1] == last
    assert said == []  # whoever catches it says it on the screen


def test_a_training_that_never_began_leaves_no_log(tmp_path, said):
    with pytest.raises(UserError), RunLog(said.append) as log:
        log.say("data")
        raise UserError("no images")
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_cannot_be_written_is_one_line(tmp_path, said):
    (tmp_path / "train.log").mkdir()
    with pytest.raises(UserError, match=r"train\.log: cannot be written .Is a directory"):
        RunLog(said.append).open(tmp_path / "train.log")


def test_a_full_disk_ends_the_log_and_not_the_training(tmp_path, said):
    with RunLog(said.append) as log:
        log.open(tmp_path / "train.log")

        class Full:
            def write(self, text):
                raise OSError(28, "No space left on device")

        log._file = Full()
        log.say("one")
        log.say("two")
    assert said == ["one", "warning: train.log ends here: No space left on device", "two"]
