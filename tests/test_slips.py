"""Each slip of results/slips/slips.py does what docs/faults.md says of it, and nothing else."""

import json
from pathlib import Path

import numpy as np
import paddle
import pytest

from paddle_aug.augment import ops
from paddle_aug.batches import loader
from paddle_aug.core.errors import UserError
from paddle_aug.mix.methods import MixPolicy
from paddle_aug.mix.phases import always_on
from tests.helpers import load_program
from tests.run_folders import ENVIRONMENT, write_run

FILE = Path(__file__).parent.parent / "results/slips/slips.py"


@pytest.fixture(scope="module")
def slips():
    return load_program(FILE)


def test_every_comparison_has_the_code_as_it_is_and_known_slips(slips):
    named = [slip for comparison in slips.COMPARISONS for slip in comparison.slips]
    assert set(named) == set(slips.SLIPS)
    assert all(comparison.slips[0] == "none" for comparison in slips.COMPARISONS)


def test_partners_are_mixed_already(slips, monkeypatch):
    policy = MixPolicy("samplePairing", "batch", 1.0, always_on(1))
    images = np.arange(6, dtype=np.float32).reshape(6, 1, 1, 1) ** 2
    labels = paddle.arange(6)
    batch = paddle.to_tensor(images)
    right, _, partners, _ = policy.mix_batch(batch, labels, np.random.default_rng(5))
    monkeypatch.setattr(MixPolicy, "mix_batch", MixPolicy.mix_batch)  # put back afterwards
    slips.partners_already_mixed()
    wrong, _, same, lam = policy.mix_batch(batch, labels, np.random.default_rng(5))
    expected = images.reshape(6).tolist()
    for i, j in enumerate(partners.tolist()):
        expected[i] = (expected[i] + expected[j]) / 2
    assert wrong.numpy().reshape(6).tolist() == expected
    assert (wrong.numpy() != right.numpy()).any()
    assert (same.numpy() == partners.numpy()).all() and lam == 1.0
    assert (batch.numpy() == images).all()


def test_noise_wraps_round(slips, monkeypatch):
    monkeypatch.setattr(ops, "noise", ops.noise)
    slips.noise_that_wraps()
    black = np.zeros((40, 30, 3), np.uint8)
    noisy = ops.noise(black, 3.0, seed=1)
    assert noisy.dtype == np.uint8 and noisy.shape == black.shape
    bright = (noisy > 200).mean()  # negative noise: half, less the values that round to 0
    assert 0.35 < bright < 0.5
    assert ((noisy < 20) | (noisy > 235)).all()
    gray = ops.noise(black, 3.0, seed=1, per_channel=False)
    assert (gray == gray[..., :1]).all()


def test_the_list_is_shuffled_once(slips, monkeypatch):
    class Labelled:
        labels = np.zeros(20, np.int64)

    class View:
        dataset = Labelled()

        def __len__(self) -> int:
            return 20

    monkeypatch.setattr(loader, "stream", loader.stream)
    batches = loader.Loader(View(), 8, shuffle=True, seed=3)
    orders = [np.concatenate(batches.batches_of(epoch)).tolist() for epoch in (0, 7)]
    assert orders[0] != orders[1]
    slips.list_shuffled_once()
    assert [np.concatenate(batches.batches_of(e)).tolist() for e in (0, 7)] == [orders[0]] * 2


def test_the_small_files_of_each_run_are_kept_and_compared(slips, tmp_path, monkeypatch):
    def train(folder: Path, options: dict, slip: str) -> Path:
        mode, value = options["augment"], 0.5 if slip == "none" else 0.4
        environment = {**ENVIRONMENT, "code": str(tmp_path / "code.py")}
        write_run(folder, mode, {"accEval": [value] * 20}, config=options,
                  environment=environment, right=[1, 0])  # fmt: skip
        (folder / mode / "changes.yaml").write_text("epochs: 20\n", encoding="utf-8")
        rows = "epoch,accEval\n" + f"0,{value}\n" * 20
        (folder / mode / "metrics.csv").write_text(rows, encoding="utf-8")
        return folder / mode

    monkeypatch.setattr(slips, "train", train)
    places = ["--results", str(tmp_path / "kept"), "--output", str(tmp_path)]
    monkeypatch.setattr(slips.sys, "argv", ["slips.py", "--seeds", "0", "1", *places])
    assert slips.main() == 0
    for comparison in slips.COMPARISONS:
        folder = tmp_path / "kept" / comparison.title
        table = json.loads((folder / "table.json").read_text(encoding="utf-8"))
        points = {c["method"]: round(100 * c["difference"], 6) for c in table["comparisons"]}
        assert points == dict.fromkeys(comparison.slips[1:], -10.0)
        assert (folder / "compare.png").stat().st_size > 10_000
        for slip in comparison.slips:
            kept = folder / "curves" / slip.replace(" ", "_") / "seed1"
            assert np.load(kept / f"{comparison.title}Aug_accEval.npy").shape == (20,)
            assert "…/code.py" in (kept / "environment.json").read_text(encoding="utf-8")


def test_a_folder_with_runs_of_other_options_is_refused_and_left_as_it_is(slips, tmp_path):
    folder = tmp_path / "none" / "seed0"
    evaluation = folder / "userDef" / "evaluation_last"
    evaluation.mkdir(parents=True)
    (evaluation / "evaluation.json").write_text('{"checkpoint_epoch": 0}', encoding="utf-8")
    (evaluation / "predictions.npz").touch()
    (folder / "userDef" / "metrics.csv").write_text("epoch,accEval\n0,0.5\n", encoding="utf-8")
    (folder / "options.yaml").write_text("{augment: userDef, epochs: 20}", encoding="utf-8")
    options = {"augment": "userDef", "epochs": 20}
    assert slips.train(folder, options, "none") == folder / "userDef"
    before = (folder / "options.yaml").read_bytes()
    with pytest.raises(UserError, match=f"{folder}: holds a run of other options"):
        slips.train(folder, {**options, "epochs": 300}, "none")
    assert (folder / "options.yaml").read_bytes() == before
