"""In what compared runs differ: every kind of difference is named, and nothing that is studied."""

import copy

import numpy as np
import pytest

from paddle_aug.commands.suite_plan import counts
from paddle_aug.config import options_that_are
from paddle_aug.core.errors import UserError
from paddle_aug.report.groups import group_runs
from paddle_aug.report.guard import compare_runs, refuse_other_images
from paddle_aug.runs.reading import read_runs
from tests.run_folders import ENVIRONMENT, write_run

STUDIED = {"augment", "alpha"}
CONFIG = {"epochs": 20, "batch_size": 8, "amp": "no", "alpha": None}


def changed(**changes):
    """ENVIRONMENT with some values changed; names with __ for those inside."""
    environment = copy.deepcopy(ENVIRONMENT)
    for name, value in changes.items():
        *above, last = name.split("__")
        place = environment
        for key in above:
            place = place[key]
        place[last] = value
    return environment


def fairness(tmp_path, first=None, second=None, studied=STUDIED, seeds=(0, 0), epochs=(20, 20)):
    """Of a run `no` and a run `mixup`. first, second: (options, environment)."""
    for mode, given, seed, length in zip(("no", "mixup"), (first, second), seeds, epochs,
                                         strict=True):  # fmt: skip
        options, environment = given or ({}, ENVIRONMENT)
        write_run(tmp_path, mode, config={**CONFIG, "seed": seed, **options}, epochs=length,
                  environment=environment)  # fmt: skip
    return compare_runs(group_runs(read_runs([str(tmp_path)]), counts), studied, counts)


def test_equal_runs_differ_in_nothing(tmp_path):
    assert fairness(tmp_path) == ([], [], [])


def test_what_is_studied_may_differ(tmp_path):
    assert fairness(tmp_path, second=({"alpha": 0.2}, ENVIRONMENT)).differences == []


def test_what_changes_no_result_may_differ(tmp_path):
    free = {"workers": 4, "cache": False, "output": "elsewhere", "clean_accuracy": True}
    environment = changed(command="train.py --workers 4")
    assert fairness(tmp_path, second=(free, environment), seeds=(0, 1)).differences == []


@pytest.mark.parametrize(
    ("option", "value", "line"),
    [
        ("batch_size", 16, "batch_size: 8 (no), 16 (mixup)"),
        ("amp", "bf16", "amp: no (no), bf16 (mixup)"),
        ("lr", 0.1, "lr: None (no), 0.1 (mixup)"),
    ],
)
def test_another_option_is_named(tmp_path, option, value, line):
    assert fairness(tmp_path, second=({option: value}, ENVIRONMENT)).differences == [line]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ({"augment": "userDef"}, ["policy.rotation: [0, 359] (no), [0, 90] (mixup)"]),
        ({"augment": "samplePairing"}, ["policy.rotation: [0, 359] (no), [0, 90] (mixup)"]),
        ({"augment": "own:policy"}, [
            "policy.imgaug.crop: [0.0, 0.1] (no), [0.0, 0.2] (mixup)",
            "policy.rotation: [0, 359] (no), [0, 90] (mixup)",
        ]),
        ({"augment": "samplePairing", "base": "no"}, []),
        ({"augment": "userDef", "train_transforms": ["RandomHorizontalFlip"]}, []),
    ],
)  # fmt: skip
def test_numbers_of_an_image_part_count_where_it_is_used(tmp_path, options, lines):
    first, second = (
        ({**options, "policy": {"rotation": rotation, "imgaug": {"crop": crop}}}, ENVIRONMENT)
        for rotation, crop in (([0, 359], [0.0, 0.1]), ([0, 90], [0.0, 0.2]))
    )
    found = fairness(tmp_path, first, second, studied={*options}).differences
    assert found == lines


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"code": "beef"}, "code: c0de (no), beef (mixup)"),
        ({"backend": "onednn bf16"}, "backend: onednn (no), onednn bf16 (mixup)"),
        ({"device": "gpu:0"}, "device: cpu (no), gpu (mixup)"),
        ({"cpu": "Xeon"}, "cpu: AMD EPYC (no), Xeon (mixup)"),
        ({"instructions": "avx2"}, "instructions: None (no), avx2 (mixup)"),
        ({"cores": 8}, "cores: 2 (no), 8 (mixup)"),
        ({"threads__OMP_NUM_THREADS": "2"}, "threads.OMP_NUM_THREADS: 1 (no), 2 (mixup)"),
        ({"threads__DNNL_X": "1"}, "threads.DNNL_X: None (no), 1 (mixup)"),
        ({"versions__numpy": "2.0"}, "versions.numpy: 2.3.5 (no), 2.0 (mixup)"),
        ({"python": "3.10.1"}, "python: 3.11.7 (no), 3.10.1 (mixup)"),
        ({"platform": "Darwin"}, "platform: Linux x86_64 (no), Darwin (mixup)"),
        ({"processes": 2}, "processes: None (no), 2 (mixup)"),
        ({"data__name": "mnist"}, "data: digits (no), mnist (mixup)"),
        ({"data__train__digest": "x"}, "data.train.digest, seed 0: d1 (no), x (mixup)"),
        ({"data__eval__digest": "x"}, "data.eval.digest, seed 0: d2 (no), x (mixup)"),
        ({"data__eval__images": 9}, "data.eval.images: 359 (no), 9 (mixup)"),
    ],
)
def test_another_environment_is_named(tmp_path, change, line):
    assert fairness(tmp_path, second=({}, changed(**change))).differences == [line]


def test_gpus_are_compared_by_their_kind_where_it_is_known(tmp_path):
    kind = {"name": "V100", "cuda": "12.6"}
    first = ({}, changed(device="gpu:0", gpu=kind))
    for second, lines in (
        (changed(device="gpu:1", gpu=kind), []),
        (changed(device="gpu:1", gpu={**kind, "name": "A100"}), [
            "gpu.name: V100 (no), A100 (mixup)"
        ]),
        (changed(device="gpu:0"), []),  # of an earlier version
    ):  # fmt: skip
        assert fairness(tmp_path, first, ({}, second)).differences == lines
    on_cpu, studied = changed(gpu={}), {*STUDIED, "device"}
    assert fairness(tmp_path, first, ({}, on_cpu), studied).differences == []


def test_own_code_is_compared_among_the_runs_that_take_part_in_it(tmp_path):
    first = ({}, changed(own_code={"mine": "a1"}))
    for second, lines in (
        ({"mine": "a1"}, []), ({"mine": "b2"}, ["own_code.mine: a1 (no), b2 (mixup)"]),
        ({"other": "b2"}, []), ({}, []), (None, []),
    ):  # fmt: skip
        assert fairness(tmp_path, first, ({}, changed(own_code=second))).differences == lines


def test_unequal_numbers_of_epochs_are_named(tmp_path):
    assert fairness(tmp_path, epochs=(20, 12)).differences == [
        "epochs finished: 20 (no), 12 (mixup)"
    ]


def test_runs_that_ended_by_their_own_early_stopping_may_end_anywhere(tmp_path):
    def write(mode, accuracies, **options):
        write_run(tmp_path, mode, {"accEval": accuracies}, epochs=len(accuracies),
                  config={**CONFIG, "seed": 0, **options}, environment=ENVIRONMENT)  # fmt: skip
        return compare_runs(
            group_runs(read_runs([str(tmp_path)]), counts), STUDIED, counts
        ).differences

    write("no", [0.1, 0.3, 0.2, 0.2], early_stopping=2)
    assert write("mixup", [0.1, 0.3, 0.4, 0.2, 0.2], early_stopping=2) == []
    write("mixup", [0.1, 0.2, 0.3, 0.4, 0.5], early_stopping=2)  # ended otherwise
    rising = np.linspace(0, 1, 20)
    assert write("cutout", rising, early_stopping=2) == ["epochs finished: 5 (mixup), 20 (cutout)"]
    assert "early_stopping: 2 (no, mixup), None (cutout)" in write("cutout", rising)


def resumed(*changes, epoch=3):
    """ENVIRONMENT of a run that went on with the changes at an epoch."""
    first = {"epoch": 0, "step": 0, "command": "train.py", "time": None, "changes": []}
    return changed(history=[first, {**first, "epoch": epoch, "changes": [*changes]}])


@pytest.mark.parametrize(
    ("options", "change", "named"),
    [
        ({}, "lr: was 0.05, is 0.001", True),
        ({}, "code: was beef, is c0de", True),
        ({}, "data.train.digest: was x, is d1", True),
        ({}, "alpha: was 0.4, is 0.2", True),  # though it is studied
        ({}, "workers: was auto, is 0", False),
        ({}, "policy.rotation: was [0, 90], is [0, 359]", False),  # its image part has none
        ({}, "epochs: was 3, is 20", False),
        ({}, "early_stopping: was 2, is None", False),
        ({"lr_schedule": "cosine"}, "epochs: was 3, is 20", True),
        ({"augment": "samplePairing"}, "epochs: was 3, is 20", True),
        ({"augment": "samplePairing", "pairing_start": 1, "pairing_end": 9},
         "epochs: was 3, is 20", False),
        ({"augment": "mixup", "mix_off_last": 1}, "epochs: was 3, is 20", True),
        ({"augment": "mixup"}, "epochs: was 3, is 20", False),
    ],
)  # fmt: skip
def test_what_changed_within_a_run_is_named_where_it_could_change_a_figure(
    tmp_path, options, change, named
):
    studied = {*STUDIED, "lr_schedule", "pairing_start", "pairing_end", "mix_off_last"}
    second = ({"augment": "no", **options}, resumed(change))
    found = fairness(tmp_path, second=second, studied=studied).differences
    assert found == ([f"{change} within a run, from epoch 3 on (mixup)"] if named else [])


def test_a_change_after_the_last_epoch_changed_nothing(tmp_path):
    change = "code: was c0de, is beef"  # earlier versions recorded it of a run that had ended
    for epoch, lines in ((20, []), (19, [f"{change} within a run, from epoch 19 on (no, mixup)"])):
        runs = [({}, resumed(change, epoch=epoch))] * 2
        assert fairness(tmp_path, *runs).differences == lines


def test_a_history_of_another_form_is_not_known(tmp_path):
    for history in (1, [1], [{"epoch": "3", "changes": ["lr: was 1, is 2"]}], [{"epoch": 3}]):
        assert fairness(tmp_path, second=({}, changed(history=history))).differences == []


def test_a_choice_of_images_may_follow_the_seed_but_not_their_number(tmp_path):
    other = changed(data__train__digest="x")
    assert fairness(tmp_path, second=({}, other), seeds=(0, 1)).differences == []
    more = changed(data__train__images=200)
    found = fairness(tmp_path, second=({}, more), seeds=(0, 1)).differences
    assert found == ["data.train.images: 100 (no), 200 (mixup)"]


@pytest.mark.parametrize(
    ("changes", "seeds", "lines"),
    [
        ({"digest": "x"}, (0, 0), ["data.eval.digest, seed 0: d2 (no), x (mixup)"]),
        ({"digest": "x"}, (0, 1), ["data.eval.digest, no seed in common: d2 (no), x (mixup)"]),
        ({"images": 9}, (0, 1), ["data.eval.images: 359 (no), 9 (mixup)"]),
        ({}, (0, 0), []),
        (None, (0, 0), []),  # an earlier version recorded nothing
    ],
)
def test_runs_evaluated_on_other_images_are_refused_unless_that_is_allowed(
    tmp_path, changes, seeds, lines
):
    part = None if changes is None else {**ENVIRONMENT["data"]["eval"], **changes}
    second = ({}, changed(data__eval=part, data__train__digest="other"))
    found = fairness(tmp_path, second=second, seeds=seeds)
    assert found.evaluation == lines and set(lines) <= set(found.differences)
    refuse_other_images(found, allowed=True)
    if lines:
        with pytest.raises(UserError, match="evaluated on other images: data.eval") as error:
            refuse_other_images(found, allowed=False)
        assert "--allow-differences" in str(error.value)
    else:
        refuse_other_images(found, allowed=False)


def test_evaluation_splits_that_follow_the_seed_may_differ_between_the_seeds_of_one_label(tmp_path):
    for mode, seeds in (("no", (0, 1)), ("mixup", (1, 2))):
        for seed in seeds:
            write_run(tmp_path / f"{mode}{seed}", mode, config={**CONFIG, "seed": seed},
                      environment=changed(data__eval__digest=f"d{seed}"))  # fmt: skip
    runs = read_runs([f"{mode}={tmp_path}/{mode}{seed}" for mode, seeds in
                      (("no", (0, 1)), ("mixup", (1, 2))) for seed in seeds])  # fmt: skip
    assert compare_runs(group_runs(runs, counts), STUDIED, counts) == ([], [], [])
    runs = [run for run in runs if (run.mode, run.seed) != ("mixup", 1)]
    (line,) = compare_runs(group_runs(runs, counts), STUDIED, counts).evaluation
    assert line == (
        "data.eval.digest, no seed in common: d0 (no, seed 0), d1 (no, seed 1), d2 (mixup)"
    )


def test_data_differ_where_they_are_studied(tmp_path):
    more = changed(data__train__images=200, data__train__digest="x")
    second = ({"per_class": 20}, more)
    assert fairness(tmp_path, second=second, studied={*STUDIED, "per_class"}).differences == []
    other = ({"per_class": 20}, changed(data__eval__digest="x"))
    found = fairness(tmp_path, second=other, studied={*STUDIED, "per_class"}).differences
    assert found == ["data.eval.digest, seed 0: d2 (no), x (mixup)"]


def test_the_backend_differs_where_precision_is_studied(tmp_path):
    second = ({"amp": "bf16"}, changed(backend="onednn bf16"))
    assert fairness(tmp_path, second=second, studied={*STUDIED, "amp"}).differences == []


def test_seeds_of_one_label_differ_in_nothing_else_not_even_in_what_is_studied(tmp_path):
    for seed, alpha in ((0, 0.2), (1, 0.4)):
        write_run(tmp_path / str(seed), "mixup", environment=ENVIRONMENT,
                  config={**CONFIG, "seed": seed, "alpha": alpha})  # fmt: skip
    groups = group_runs(read_runs([f"a={tmp_path}/0", f"a={tmp_path}/1"]), counts)
    found = compare_runs(groups, STUDIED, counts)
    assert found.differences == ["alpha: 0.2 (a, seed 0), 0.4 (a, seed 1)"]


def test_a_difference_between_seeds_that_is_not_studied_is_named_once(tmp_path):
    places = []
    for mode in ("no", "mixup"):
        for seed, size in ((0, 8), (1, 16)):
            write_run(tmp_path / f"{mode}{seed}", mode, environment=ENVIRONMENT,
                      config={**CONFIG, "seed": seed, "batch_size": size})  # fmt: skip
            places.append(f"{mode}={tmp_path}/{mode}{seed}")
    assert compare_runs(group_runs(read_runs(places), counts), STUDIED, counts).differences == [
        "batch_size: 8 (no, seed 0, mixup, seed 0), 16 (no, seed 1, mixup, seed 1)"
    ]


def test_a_label_stands_for_seeds_that_are_alike(tmp_path):
    for mode, code in (("no", "c0de"), ("mixup", "beef")):
        for seed in (0, 1):
            write_run(tmp_path / str(seed), mode, config={**CONFIG, "seed": seed},
                      environment=changed(code=code))  # fmt: skip
    groups = group_runs(read_runs([f"{tmp_path}/0", f"{tmp_path}/1"]), counts)
    assert compare_runs(groups, STUDIED, counts).differences == ["code: c0de (no), beef (mixup)"]


def test_what_was_not_recorded_is_said_to_be_unknown(tmp_path):
    write_run(tmp_path, "no", config=CONFIG, environment=ENVIRONMENT)
    write_run(tmp_path, "mixup")
    found = compare_runs(group_runs(read_runs([str(tmp_path)]), counts), STUDIED, counts)
    assert found.differences == []
    assert found.unknown == [
        "options of mixup: not recorded, so not compared",
        "code, data, processor and backend of mixup: not recorded, so not compared",
    ]


def test_runs_of_which_only_changed_options_are_known_are_said_not_to_be_compared(tmp_path):
    write_run(tmp_path, "no", config={**CONFIG, "batch_size": 64}, environment=ENVIRONMENT)
    write_run(tmp_path, "mixup", environment=ENVIRONMENT)
    (tmp_path / "mixup" / "changes.yaml").write_text("batch_size: 8\n")
    found = compare_runs(group_runs(read_runs([str(tmp_path)]), counts), STUDIED, counts)
    assert found.differences == []
    assert found.unknown == [
        "options of mixup: only those that were changed are recorded, and not compared with the "
        "others', as defaults may have changed in between"
    ]


def test_unlike_runs_of_free_folders_are_listed_by_option(tmp_path):
    write_run(tmp_path, "userDef", config={"batch_size": 8, "seed": 0, "lr": 0.1})
    write_run(
        tmp_path, "mixup", config={"batch_size": 16, "seed": 1, "lr": 0.1, "partner": "batch"}
    )
    groups = group_runs(read_runs([str(tmp_path)]), counts)
    found = compare_runs(groups, options_that_are("studied"), counts)
    assert found.differences == ["batch_size: 8 (userDef), 16 (mixup)"]
