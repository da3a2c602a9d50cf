"""Cells side by side, with small programs in the place of trainings: order, signals, failures."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from paddle_aug.commands import suite_cells
from paddle_aug.commands.suite_cells import Cell, run_cells
from paddle_aug.core.errors import Interrupted
from paddle_aug.core.program import command

# A training in short: says that it runs, and on a signal saves and ends as train.py does.
RUNS_UNTIL_STOPPED = """
import signal, sys, time
def stop(number, frame):
    open(sys.argv[1] + ".saved", "w").write(str(number))
    sys.exit(128 + number)
signal.signal(signal.SIGINT, stop); signal.signal(signal.SIGTERM, stop)
print("running", flush=True); open(sys.argv[1], "w").close()
time.sleep(60)
"""
FAILS_ONCE_THE_OTHER_RUNS = """
import os, sys, time
while not os.path.exists(sys.argv[2]): time.sleep(0.02)
print("error: no such data"); sys.exit(3)
"""


class Progress:
    """Stands in for SuiteProgress."""

    share = 0.5

    def bar(self):
        from contextlib import nullcontext

        return nullcontext()

    def look(self, running, bar):
        pass

    def end(self, run):
        pass

    def seconds_left(self):
        return 90.0


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """Run `python -c CODE ARGUMENTS` for a command ["train", CODE, ARGUMENTS]."""
    monkeypatch.chdir(tmp_path)
    started = []

    def start(arguments, environment, output=subprocess.PIPE):
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", *arguments[1:]], stdout=output, stderr=subprocess.STDOUT,
                text=True, start_new_session=True,
            )
        )  # fmt: skip
        return started[-1]

    monkeypatch.setattr(suite_cells, "start_process", start)
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()


def cell(name, *commands):
    return Cell(SimpleNamespace(folder=Path(name) / "no"), name, [list(c) for c in commands])  # pyright: ignore


def train(code, *arguments):
    return ["train", code, *arguments]


def run(*cells, jobs=2, on_finished=lambda run: None):
    return run_cells(cells, jobs, os.environ, Progress(), on_finished)  # pyright: ignore


def test_cells_keep_their_order_and_their_number_side_by_side(programs, capsys):
    code = "import time; print('hello'); time.sleep(0.3)"
    finished = []
    cells = [cell(name, train(code), ["evaluate", "print('figures')"]) for name in "abc"]
    began = time.monotonic()
    assert run(*cells, jobs=3, on_finished=lambda run: finished.append(run.folder.parent.name)) == 0
    assert sorted(finished) == ["a", "b", "c"] and len(programs) == 6
    said = capsys.readouterr().out
    starts = [said.index(f"{name} | {command('train')} ") for name in "abc"]
    assert starts == sorted(starts) and max(starts) < said.index("a | finished")
    assert "a | hello" in said and "figures" not in said
    assert "a | finished; 50% of the suite, 90 s left" in said
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(("language", "note"), [("en", "note: other images"), ("zh", "注意：图片")])
def test_of_an_evaluation_notes_and_warnings_are_passed_on(
    programs, capsys, monkeypatch, language, note
):
    monkeypatch.setenv("PADDLE_AUG_LANGUAGE", language)
    code = f"print('figures'); print('{note}'); print('a noted figure')"
    assert run(cell("a", train("pass"), ["evaluate", code])) == 0
    said = capsys.readouterr().out
    assert f"a | {note}\n" in said and "a | figures" not in said and "noted" not in said


def test_one_job_works_on_one_cell_at_a_time(programs, capsys):
    assert run(*(cell(name, train("print('hello')")) for name in "ab"), jobs=1) == 0
    said = capsys.readouterr().out
    assert said.index("a | finished") < said.index(f"b | {command('train')} ")


def wait_for(*names):
    for _ in range(1500):
        if all(Path(name).exists() for name in names):
            return
        time.sleep(0.02)
    raise AssertionError(names)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_every_cell_save_once_and_starts_no_other(programs, number):
    def stop():
        wait_for("a", "b")
        os.kill(os.getpid(), number)

    threading.Thread(target=stop).start()
    with pytest.raises(Interrupted, match="the same command goes on from here") as caught:
        run(*(cell(name, train(RUNS_UNTIL_STOPPED, name)) for name in "abc"))
    assert caught.value.signal == number and len(programs) == 2
    assert [Path(f"{name}.saved").read_text() for name in "ab"] == [str(int(number))] * 2
    assert all(process.poll() == 128 + number for process in programs)


def test_a_cell_that_fails_lets_the_others_save(programs, capsys):
    code = run(
        cell("a", train(RUNS_UNTIL_STOPPED, "a")),
        cell("b", train(FAILS_ONCE_THE_OTHER_RUNS, "b", "a")),
        cell("c", train("print('never')")),
    )
    assert code == 3 and len(programs) == 2
    assert Path("a.saved").read_text() == str(int(signal.SIGINT))
    said = capsys.readouterr()
    assert "b | error: no such data" in said.out
    assert said.err.startswith("error: b: ended with code 3")


def test_a_cell_that_the_system_kills_is_named(programs, capsys):
    kills_itself = "import os; os.kill(os.getpid(), 9)"
    with pytest.raises(Interrupted, match="the same command goes on from here") as caught:
        run(cell("a", train(kills_itself)), jobs=1)
    assert caught.value.signal == signal.SIGKILL
    assert capsys.readouterr().err == (
        "error: a: was ended by SIGKILL (as the system does where memory is short), which did not "
        "come from the suite\n"
    )


@pytest.mark.parametrize(
    ("code", "by_a_signal"),
    [(-9, True), (130, True), (143, True), (1, False), (128, False), (0xC0000005, False)],
)
def test_a_crash_on_windows_is_no_signal(code, by_a_signal):
    assert suite_cells._by_signal(code) is by_a_signal


def test_no_cell_outlives_an_error_of_the_suite_itself(programs):
    def full(run):
        wait_for("b")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run(cell("a", train("pass")), cell("b", train(RUNS_UNTIL_STOPPED, "b")), on_finished=full)
    assert Path("b.saved").read_text() == str(int(signal.SIGTERM))
    assert all(process.poll() is not None for process in programs)


def test_lines_of_any_bytes_are_shown(programs, capsys, monkeypatch):
    monkeypatch.undo()
    process = suite_cells.start_process(["train", "--help"], os.environ)
    assert process.stdout is not None and "--augment" in process.stdout.read()
    assert process.wait() == 0


class Windows:
    """Stands in for subprocess.Popen on Windows, which takes no other signals than its own two."""

    BREAK, GROUP = 1, 512

    def __init__(self, fails: bool = False):
        self.fails, self.asked = fails, []

    def send_signal(self, number):
        if number != self.BREAK:
            raise ValueError(f"Unsupported signal: {number}")
        if self.fails:
            raise OSError("the handle is invalid")
        self.asked.append("break")

    def terminate(self):
        self.asked.append("end")


@pytest.mark.parametrize(("fails", "asked"), [(False, ["break"]), (True, ["end"])])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_on_windows_a_cell_is_asked_by_ctrl_break_or_ended(number, fails, asked, monkeypatch):
    monkeypatch.setattr(suite_cells, "_BREAK", Windows.BREAK)
    process = Windows(fails)
    suite_cells._send([SimpleNamespace(process=process)], number)  # pyright: ignore
    assert process.asked == asked


def test_on_windows_a_cell_has_a_group_of_its_own(monkeypatch):
    given = {}
    monkeypatch.setattr(suite_cells, "_NEW_GROUP", Windows.GROUP)
    monkeypatch.setattr(subprocess, "Popen", lambda command, **settings: given.update(settings))
    suite_cells.start_process(["train"], {})
    assert given["creationflags"] == Windows.GROUP
