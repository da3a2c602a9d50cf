#!/usr/bin/env python3
"""Break the core formulas one at a time and show that the quick tests notice.

Each mutant is one change in one file, made in a copy of the project; the tests named with it must
then fail. Mutants that no test notices are printed as survivors.

    python tools/mutation_check.py            all of them
    python tools/mutation_check.py mix        those of files whose path holds "mix"
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
COPIED = (
    "paddle_aug",
    "models",
    "tests",
    "train.py",
    "evaluate.py",
    "predict.py",
    "pyproject.toml",
    "requirements-extra.txt",
)


class Mutant(NamedTuple):
    """In paddle_aug/`file`, `old` becomes `new`, and the tests of tests/`tests`.py must fail.

    `old` occurs once in the file.
    """

    file: str
    old: str
    new: str
    tests: str


MUTANTS = [
    Mutant("mix/formulas.py", "images * 0.5 + partners * 0.5", "images * 0.6 + partners * 0.4", "mix/test_formulas"),
    Mutant("mix/formulas.py", "images * lam + partners * (1 - lam)", "images * (1 - lam) + partners * lam", "mix/test_formulas"),
    Mutant("mix/formulas.py", "images * (1 - mask) + partners * mask", "images * mask + partners * (1 - mask)", "mix/test_formulas"),
    Mutant("mix/formulas.py", "images * (1 - mask) + mask * fill", "images * (1 - mask)", "mix/test_formulas"),
    Mutant("mix/formulas.py", "np.sqrt(1.0 - lam)", "np.sqrt(lam)", "mix/test_formulas"),
    Mutant("mix/formulas.py", "mask[row, :, y1:y2, x1:x2] = 1", "mask[row, :, x1:x2, y1:y2] = 1", "mix/test_formulas"),
    Mutant("mix/formulas.py", "return 1.0 - (y2 - y1)", "return 0.9 - (y2 - y1)", "mix/test_formulas"),
    Mutant("mix/formulas.py", "targets[rows, partner_labels] += 1 - lam", "targets[rows, partner_labels] = 1 - lam", "mix/test_formulas"),
    Mutant("mix/formulas.py", "[height, width, height, width]", "[height, height, height, height]", "mix/test_formulas"),
    Mutant("mix/formulas.py", "if alpha == 0:", "if alpha < 0:", "mix/test_formulas"),
    Mutant("mix/formulas.py", "return rng.integers(0, size, size)", "return rng.integers(0, size - 1, size)", "mix/test_formulas"),
    Mutant("mix/phases.py", "epoch % (self.on + self.off) < self.on", "epoch % (self.on + self.off) <= self.on", "mix/test_phases"),
    Mutant("mix/phases.py", "self.start <= epoch", "self.start < epoch", "mix/test_phases"),
    Mutant("mix/phases.py", "epoch < self.end", "epoch <= self.end", "mix/test_phases"),
    Mutant("mix/phases.py", "start = epochs // 10", "start = epochs // 11", "mix/test_phases"),
    Mutant("core/seeding.py", "[seed, epoch, index, PURPOSES[purpose], *", "[seed, epoch, index, *", "core/test_seeding"),
    Mutant("core/seeding.py", "[seed, epoch, index, PURPOSES[purpose], *", "[seed, 0, index, PURPOSES[purpose], *", "core/test_seeding"),
    Mutant("train/losses.py", "first * lam + criterion(logits, partner_labels) * (1 - lam)", "first * lam + criterion(logits, partner_labels) * lam", "train/test_losses"),
    Mutant("train/losses.py", "doubt**gamma * log_p", "doubt * gamma * log_p", "train/test_losses"),
    Mutant("train/losses.py", "* (1 - smoothing) + smoothing / num_classes", "* (1 - smoothing) + smoothing / (num_classes - 1)", "train/test_losses"),
    Mutant("train/losses.py", "soft_label=target.ndim == 2", "soft_label=target.ndim == 1", "train/test_losses"),
    Mutant("train/engine.py", "progress, leave=1", "progress, leave=0", "train/test_engine"),
    Mutant("train/state.py", "read_steps(trainer, progress)", "pass", "train/test_engine"),
    Mutant("core/transfer.py", "if \"bfloat16\" in str(t.dtype)", "if False", "core/test_transfer"),
    Mutant("train/metrics.py", "self.total += float(value) * weight", "self.total += float(value)", "train/test_metrics"),
    Mutant("train/metrics.py", "return lam * (predictions == labels) + (1 - lam)", "return (predictions == labels) + (1 - lam)", "train/test_metrics"),
    Mutant("train/metrics.py", "np.asarray(labels, np.int64) * num_classes + np.asarray(predictions, np.int64)", "np.asarray(predictions, np.int64) * num_classes + np.asarray(labels, np.int64)", "train/test_metrics"),
    Mutant("train/metrics.py", "return (ahead < k)", "return (ahead <= k)", "train/test_metrics"),
    Mutant("train/metrics.py", "f1 = 2 * hits", "f1 = hits", "train/test_metrics"),
    Mutant("runs/stats.py", "[-last:]", "[-last:-1]", "runs/test_stats"),
    Mutant("page/render.py", "autoescape=True", "autoescape=False", "page/test_page"),
    Mutant("page/render.py", "if MARK not in start", "if False", "page/test_page"),
    Mutant("page/answers.py", "own.right & ~other.right", "own.right", "page/test_pictures"),
    Mutant("page/run_images.py", "config.seed, epoch, number)", "config.seed, epoch, 0)", "page/test_pictures"),
    Mutant("report/statistics.py", "* std / math.sqrt(n)", "* std / n", "report/test_statistics"),
    Mutant("report/statistics.py", "p * (len(known) - place)", "p * len(known)", "report/test_statistics"),
    Mutant("report/statistics.py", "(~first & second).sum()", "(~first & ~second).sum()", "report/test_statistics"),
    Mutant("report/crossing.py", "smoothed(curve[:length], window) > smoothed", "smoothed(curve[:length], window) >= smoothed", "report/test_crossing"),
    Mutant("report/crossing.py", "if length - first >= window", "if length > first", "report/test_crossing"),
    Mutant("report/verdicts.py", "1 if evidence.low > 0", "1 if evidence.low >= 0", "report/test_verdicts"),
    Mutant("report/verdicts.py", "if not evidence.p < LEVEL", "if not evidence.p <= LEVEL", "report/test_verdicts"),
    Mutant("report/verdicts.py", "evidence.low <= difference + tolerance and", "evidence.low <= difference and", "report/test_verdicts"),
    Mutant("report/verdicts.py", "low <= evidence.low and evidence.high <= high", "low <= evidence.mean <= high", "report/test_verdicts"),
    Mutant("report/groups.py", "for seed in own if seed in other", "for seed in list(own)[: len(other)]", "report/test_judge"),
    Mutant("report/guard.py", "if r.seed == seed]", "]", "report/test_guard"),
    Mutant("runs/stats.py", "ddof=1", "ddof=0", "runs/test_stats"),
    Mutant("train/ema.py", "(1 + self.updates) / (10 + self.updates)", "self.decay", "train/test_ema"),
    Mutant("train/ema.py", "_assign(state, own)", "pass", "train/test_ema"),
    Mutant("train/learning_rate.py", "milestone <= epoch", "milestone < epoch", "train/test_optimizer"),
    Mutant("train/learning_rate.py", "0.5 * (1 + math.cos(math.pi * progress))", "1 - progress", "train/test_optimizer"),
    Mutant("train/learning_rate.py", "(step + 1) / self.warmup_steps", "step / self.warmup_steps", "train/test_optimizer"),
    Mutant("train/learning_rate.py", "self._bad_epochs > self.patience", "self._bad_epochs >= self.patience", "train/test_optimizer"),
    Mutant("data/splits.py", "round(len(members) * eval_share), 1), len(members) - 1)", "round(len(members) * eval_share), 1), len(members))", "data/test_splits"),
    Mutant("data/splits.py", "train.append(members[cut:])", "train.append(members)", "data/test_splits"),
    Mutant("data/splits.py", "members[:per_class]", "members[: per_class + 1]", "data/test_splits"),
    Mutant("batches/epoch_order.py", "[:rest]] += 1", "[:rest]] += 2", "batches/test_sampling"),
    Mutant("runs/checkpoint.py", 'metadata.get("sha256") != arrays_digest(arrays, text)', "False", "runs/test_checkpoint"),
    Mutant("runs/checkpoint.py", "digest = hashlib.sha256(text.encode())", "digest = hashlib.sha256()", "runs/test_checkpoint"),
    Mutant("runs/checkpoint.py", "states[last + count :]", "states[last + 1 :]", "runs/test_checkpoint"),
    Mutant("runs/checkpoint.py", "states[:last] + states[last", "states[last", "runs/test_checkpoint"),
    Mutant("runs/layout.py", "key=_place, reverse=True", "key=_place", "runs/test_checkpoint"),
    Mutant("runs/layout.py", "key=_place, reverse=True", "reverse=True", "runs/test_checkpoint"),
    Mutant("core/atomic.py", "os.replace(temporary, path)", "os.replace(temporary, path) or 1 / 0", "runs/test_checkpoint"),
    Mutant("runs/ownership.py", "if path != paths.config:", "if True:", "runs/test_ownership"),
    Mutant("runs/ownership.py", "if _first_start(self._folder) != self._first:", "if False:", "runs/test_ownership"),
    Mutant("core/folders/own_files.py", "for kind in kinds or _MARKS", "for kind in _MARKS", "core/test_own_files"),
    Mutant("core/cpu.py", "_cores_by_affinity() - busy + 0.5", "_cores_by_affinity() + 0.5", "core/test_threads"),
    Mutant("core/cpu.py", "return min(measured) *", "return max(measured) *", "core/test_threads"),
    Mutant("commands/suite_results.py", "if other := other_options(run, saved, portable):", "if other := []:", "commands/test_suite"),
    Mutant("core/transfer.py", "_being_copied[0][0].query()", "True", "core/test_transfer"),
    Mutant("runs/ownership.py", "folder.name.startswith(EVALUATION) and is_evaluation(folder)", "folder.name.startswith(EVALUATION)", "runs/test_ownership"),
    Mutant("runs/ownership.py", ".keys() >= _OPTIONS", " is not None", "runs/test_ownership"),
    Mutant("runs/stats.py", ">= patience", "> patience", "runs/test_stats"),
    Mutant("core/folders/lock.py", "return self.ticks == _ticks(self.pid)", "return True", "core/test_folder_lock"),
    Mutant("core/folders/lock.py", "if lives and before.pid != self._now.pid:", "if False:", "core/test_folder_lock"),
    Mutant("core/folders/lock.py", '(owner.boot == self._now.boot != "") or', "True or", "core/test_folder_lock"),
    Mutant("core/stopping.py", "signal.raise_signal(asked[0])", "pass", "core/test_stopping"),
    Mutant("core/stopping.py", "            raise Stopped(number)", "            pass", "core/test_stopping"),
    Mutant("core/stopping.py", "_thread.start_new_thread(_end, (number,))", "pass", "core/test_stopping"),
    Mutant("core/errors.py", "if wish.signal and code in (0, 2):", "if False:", "core/test_stopping"),
    Mutant("data/cache_store.py", "if _KEY.fullmatch(path.name) else", "if True else", "data/test_cache"),
    Mutant("train/memory.py", "batch * free * 0.8 / needed", "batch * free / needed", "train/test_memory"),
    Mutant("batches/normalise.py", "0, -m / s,", "0, m / s,", "augment/test_ops"),
    Mutant("mix/methods.py", "rng.random() >= self.probability", "rng.random() < self.probability", "mix/test_methods"),
    Mutant("mix/methods.py", "labels[partners], lam", "labels, lam", "mix/test_methods"),
    Mutant("mix/methods.py", "Draw(formulas.box_lam(box, height, width), box)", "Draw(lam, box)", "mix/test_methods"),
    Mutant("batches/augmented.py", 'stream(self.seed, epoch, index, "image", repeat)', 'stream(self.seed, 0, index, "image", repeat)', "batches/test_loader"),
    Mutant("batches/loader.py", "self.batches_of(epoch)[first:]", "self.batches_of(epoch)", "batches/test_loader"),
    Mutant("augment/ops/basic.py", "cos, sin = (", "sin, cos = (", "augment/test_ops"),
    Mutant("core/plain_pickle.py", "if self.text not in _ADMITTED:", "if False:", "weights/test_weights"),
    Mutant("data/list_files.py", "split(os.sep)[0] != os.pardir", 'split(os.sep)[0] != "x"', "data/test_list_files"),
    Mutant("data/list_files.py", "for path in paths if is_inside(path, root)]", "for path in paths]", "data/test_list_files"),
    Mutant("data/parts.py", "and part[1] == rest", "and rest is not None", "data/test_parts"),
    Mutant("data/parts.py", "if not rest or of_rest[rest]]", "if True]", "data/test_parts"),
    Mutant("data/class_names.py", "int(0 not in numbers and count in numbers)", "0", "data/test_class_names"),
    Mutant("data/class_names.py", "len(pairs) == len(names) == len(set(names.values()))", "len(names) == len(set(names.values()))", "data/test_class_names"),
    Mutant("data/label_map.py", "if all(first):", "if any(first):", "data/test_label_map"),
    Mutant("data/guesses.py", "max(images.shape[1:]) <= _LARGEST_CHARACTER", "True", "data/test_from_arrays"),
    Mutant("data/splits.py", "int(train_share * count)", "round(train_share * count)", "data/test_splits"),
    Mutant("core/encodings.py", "common >= _GB2312_SHARE", "common >= 0", "core/test_encodings"),
    Mutant("core/encodings.py", 'default="") < "\\u0800"', 'default="") < "\\u0001"', "core/test_encodings"),
    Mutant("data/archives/zip_names.py", "crc == zlib.crc32(raw)", "crc", "data/test_archives"),
    Mutant("core/terminal.py", 'errors="backslashreplace"', 'errors="strict"', "core/test_terminal"),
    Mutant("data/decode.py", "if width * height > MAX_PIXELS:", "if width + height > MAX_PIXELS:", "data/test_decode"),
    Mutant("onednn/plan/products.py", "planner.in_layout(*target, desc.layout(dnn.QUERY_DIFF_DST)) as own_target", "planner.in_layout(*source, desc.layout(dnn.QUERY_SRC)) as own_target", "onednn/test_operations"),
    Mutant("data/bundled.py", "rows[:, :-1].reshape(-1, 8, 8), rows", "rows[:, 1:].reshape(-1, 8, 8), rows", "data/test_bundled"),
    Mutant("runs/environment.py", "if key in before or key not in SINCE_LATER", "if key not in SINCE_LATER", "runs/test_environment"),
    Mutant("core/cpu.py", "for name in _INSTRUCTIONS if name in flags", "for name in _INSTRUCTIONS[:2] if name in flags", "runs/test_environment"),
    Mutant("batches/augmented.py", 'stream(self.seed, epoch, index, "partner", repeat)', 'stream(self.seed, epoch, index, "image", repeat)', "batches/test_augmented"),
    Mutant("batches/augmented.py", 'stream(self.seed, epoch, index, "partner", repeat)', 'stream(self.seed, epoch, index, "partner")', "batches/test_sampling"),
    Mutant("batches/augmented.py", 'stream(self.seed, epoch, index, "image", repeat)', 'stream(self.seed, epoch, index, "image")', "batches/test_sampling"),
    Mutant("onednn/accelerated.py", "hooks, numbers_key(layer)))", "hooks))", "onednn/test_behaviour"),
    Mutant("train/side_by_side.py", "self._put(tensor, array[index : index + 1])", "self._put(tensor, array[:1])", "train/test_one_pass"),
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", help="parts of file names (default: all)")
    args = parser.parse_args()
    chosen = [m for m in MUTANTS if not args.files or any(f in m.file for f in args.files)]
    import_once()
    survivors = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="mutants_") as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, copy / name, ignore=ignore)
            else:
                shutil.copy(source, copy)
        tests = sorted({mutant.tests for mutant in chosen})
        if failing := [name for name in tests if run_tests(copy, name)]:
            print(f"these tests fail without any mutant: {', '.join(failing)}")
            return 2
        for number, mutant in enumerate(chosen, 1):
            noticed = try_mutant(copy, mutant)
            line = f"{mutant.file}: {mutant.old}  ->  {mutant.new}"
            print(
                f"{number}/{len(chosen)} {'noticed ' if noticed else 'SURVIVED'} {line}", flush=True
            )
            survivors += [] if noticed else [line]
    seconds = time.perf_counter() - started
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants noticed in {seconds:.0f} s")
    for line in survivors:
        print(f"survivor: {line}")
    return 1 if survivors else 0


def import_once() -> None:
    """Import what is slow to import and never mutated; the forked test runs then have it already."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.dont_write_bytecode = True  # a stale .pyc of the same size and second would hide a mutant
    import hypothesis
    import paddle
    import pytest
    import sklearn.datasets

    _ = hypothesis, paddle, pytest, sklearn.datasets


def try_mutant(copy: Path, mutant: Mutant) -> bool:
    """Whether the tests fail with the mutant."""
    path = copy / "paddle_aug" / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.file}: {mutant.old!r} occurs {text.count(mutant.old)} times")
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        return run_tests(copy, mutant.tests) != 0
    finally:
        path.write_text(text, encoding="utf-8")


def run_tests(copy: Path, tests: str) -> int:
    """pytest's exit code for tests/<tests>.py, in a forked process."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            os.chdir(copy)
            sys.path[0] = str(copy)
            import pytest

            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:cov", "--no-header"]
            code = int(pytest.main([*options, f"tests/{tests}.py"]))
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


if __name__ == "__main__":
    sys.exit(main())
