"""Run folders read back, grouped and tabulated, by value."""

import csv
import io
import json
import math

import numpy as np
import pytest

from paddle_aug.commands.suite_plan import counts
from paddle_aug.core.errors import UserError
from paddle_aug.report.curves import combined_figure, drawn_epochs, zoom_start
from paddle_aug.report.groups import choose_baseline, group_runs
from paddle_aug.report.table import build_table, footnote, format_table, table_csv
from paddle_aug.runs.reading import find_modes, read_run, read_runs
from tests.run_folders import write_run


def labels(groups):
    return [group.label for group in groups]


def table_of(*arguments, baseline=None, last=10):
    groups = group_runs(read_runs([str(argument) for argument in arguments]), counts)
    return build_table(groups, choose_baseline(groups, baseline), last)


# Reading


def test_a_folder_gives_all_its_modes_in_the_fixed_order(tmp_path):
    for mode in ("zebra", "mixup", "userDef", "samplePairing", "no"):
        write_run(tmp_path, mode)
    assert find_modes(tmp_path) == ["no", "userDef", "samplePairing", "mixup", "zebra"]
    assert [run.mode for run in read_runs([str(tmp_path)])] == find_modes(tmp_path)


def test_folder_and_mode_give_one_run_with_or_without_the_runs_own_folder(tmp_path):
    write_run(tmp_path, "mixup")
    write_run(tmp_path, "userDef")
    (tmp_path / "mixup").rmdir()
    (run,) = read_runs([f"{tmp_path}/mixup"])
    assert run.mode == "mixup"
    assert run.curves["accEval"].tolist() == list(range(20))


def test_metrics_give_mixing_and_the_median_seconds(tmp_path):
    write_run(tmp_path, "samplePairing", epochs=3, mixing=[0, 1, 0], seconds=[9.0, 2.0, 3.0])
    run = read_run(tmp_path, "samplePairing")
    assert run.mixing.tolist() == [False, True, False]
    assert run.seconds == 3.0
    assert np.isnan(run.metrics["accTrainClean"]).all()


def test_a_run_without_metrics_has_unknown_seconds(tmp_path):
    run = read_run(write_run(tmp_path, "no"), "no")
    assert math.isnan(run.seconds) and run.mixing is None and run.warnings == ()


def test_a_missing_folder_is_named_with_what_is_beside_it(tmp_path):
    write_run(tmp_path, "userDef")
    with pytest.raises(UserError, match=r"mixup: no such folder or run; .* has userDef"):
        read_runs([f"{tmp_path}/mixup"])


def test_an_empty_folder_says_which_files_were_expected(tmp_path):
    with pytest.raises(UserError, match=r"no curves found; expected files like .*accEval.npy"):
        read_runs([str(tmp_path)])


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00broken", b"not a file of numpy's"])
def test_a_damaged_curve_is_named(tmp_path, content):
    write_run(tmp_path, "mixup")
    (tmp_path / "mixupAug_lossEval.npy").write_bytes(content)
    with pytest.raises(UserError, match=r"mixupAug_lossEval.npy: damaged"):
        read_run(tmp_path, "mixup")


def test_a_cut_off_curve_is_named(tmp_path):
    write_run(tmp_path, "mixup")
    path = tmp_path / "mixupAug_accEval.npy"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match=r"mixupAug_accEval.npy: damaged"):
        read_run(tmp_path, "mixup")


def test_pickled_objects_are_never_loaded(tmp_path):
    write_run(tmp_path, "mixup")
    np.save(tmp_path / "mixupAug_accEval.npy", np.array([{}, None], object), allow_pickle=True)
    with pytest.raises(UserError, match=r"mixupAug_accEval.npy: damaged, or not"):
        read_run(tmp_path, "mixup")


@pytest.mark.parametrize("value", [np.zeros((3, 2)), np.array(["a", "b"]), np.float64(3)])
def test_an_array_of_another_kind_is_named_with_its_shape(tmp_path, value):
    write_run(tmp_path, "mixup")
    np.save(tmp_path / "mixupAug_accEval.npy", value)
    with pytest.raises(UserError, match=r"accEval\.npy: expected one number an epoch, found"):
        read_run(tmp_path, "mixup")


def test_a_missing_curve_is_warned_of_and_left_out(tmp_path):
    write_run(tmp_path, "mixup")
    (tmp_path / "mixupAug_lossTrain.npy").unlink()
    run = read_run(tmp_path, "mixup")
    assert sorted(run.curves) == ["accEval", "accTrain", "lossEval"]
    assert run.warnings == (f"{tmp_path / 'mixupAug_lossTrain.npy'}: missing, left out",)


def test_values_that_are_no_numbers_are_warned_of_with_file_and_epoch(tmp_path):
    write_run(tmp_path, "mixup", {"lossEval": [1.0, math.nan, 2.0, math.inf, 1.0]}, epochs=5)
    (warning,) = read_run(tmp_path, "mixup").warnings
    assert "mixupAug_lossEval.npy: 2 of 5 values are not finite, first at epoch 1" in warning


def test_an_unfinished_run_is_warned_of(tmp_path):
    write_run(tmp_path, "no", epochs=7, config={"epochs": 30})
    (warning,) = read_run(tmp_path, "no").warnings
    assert warning.endswith("no: unfinished, 7 of 30 epochs")


def test_a_run_that_early_stopping_has_ended_is_finished(tmp_path):
    config = {"epochs": 30, "early_stopping": 3}
    write_run(tmp_path, "no", {"accEval": [0.1, 0.4, 0.2, 0.3, 0.3]}, epochs=5, config=config)
    assert read_run(tmp_path, "no").warnings == ()
    write_run(tmp_path, "no", {"accEval": [0.1, 0.2, 0.4, 0.3, 0.3]}, epochs=5, config=config)
    (warning,) = read_run(tmp_path, "no").warnings
    assert warning.endswith("no: unfinished, 5 of 30 epochs")


@pytest.mark.parametrize(
    ("place", "taken"),
    [
        ({"checkpoint_epoch": 19, "checkpoint_step": None}, True),
        ({"checkpoint_epoch": 18, "checkpoint_step": None}, False),
        ({"checkpoint_epoch": 19, "checkpoint_step": 3}, False),
        ({"checkpoint_epoch": 19, "split": "eval", "data_options": None, "tta": "none"}, True),
        ({"checkpoint_epoch": 19, "split": "all"}, True),
        ({"checkpoint_epoch": 19, "split": "train"}, False),
        ({"checkpoint_epoch": 19, "images_changed": False}, True),
        ({"checkpoint_epoch": 19, "images_changed": True}, False),
        ({"checkpoint_epoch": 19, "split": "eval", "data_options": {"data": "x.csv"}}, False),
        ({"checkpoint_epoch": 19, "split": "eval", "tta": "flip"}, False),
        ({}, True),  # of an early version
    ],
)
def test_predictions_of_another_state_or_of_other_images_are_left_out(tmp_path, place, taken):
    write_run(tmp_path, "no", right=[1, 1, 0, 1])
    folder = tmp_path / "no" / "evaluation_last"
    (folder / "evaluation.json").write_text(json.dumps(place))
    run = read_run(tmp_path, "no")
    assert (run.predictions is not None) is taken
    said = (
        f"{folder / 'predictions.npz'}: not of the run's last epoch, 19, on all images of its own "
        "evaluation set: left out; evaluate the run again with --checkpoint last"
    )
    assert run.warnings == (() if taken else (said,))


def test_curves_of_unequal_length_are_warned_of(tmp_path):
    write_run(tmp_path, "no", {"accEval": [0.1, 0.2, 0.3]}, epochs=5)
    (warning,) = read_run(tmp_path, "no").warnings
    assert "unequal length (lossTrain 5, accTrain 5, lossEval 5, accEval 3)" in warning


def test_damaged_side_files_are_warned_of_and_the_curves_stay(tmp_path):
    write_run(tmp_path, "no", config={})
    (tmp_path / "no" / "config.yaml").write_text("a: [1", encoding="utf-8")
    (tmp_path / "no" / "metrics.csv").write_text("epoch,seconds\n0,abc\n", encoding="utf-8")
    run = read_run(tmp_path, "no")
    assert run.config == {} and run.metrics == {} and run.epochs == 20
    assert ["config.yaml" in run.warnings[0], "metrics.csv" in run.warnings[1]] == [True, True]


def test_a_half_written_last_line_of_metrics_is_left_out(tmp_path):
    write_run(tmp_path, "no", seconds=[4.0, 6.0])
    with (tmp_path / "no" / "metrics.csv").open("a") as file:
        file.write("2,")
    run = read_run(tmp_path, "no")
    assert run.seconds == 5.0 and run.warnings[0].endswith("1 incomplete line left out")


def test_a_label_without_a_name_or_a_path_is_refused():
    for argument in ("=logs", "name="):
        with pytest.raises(UserError, match="expected LABEL=FOLDER"):
            read_runs([argument])


def test_a_folder_whose_name_has_an_equals_sign_is_a_folder(tmp_path):
    folder = write_run(tmp_path / "lr=0.1", "no")
    (run,) = read_runs([str(folder)])
    assert run.folder == folder and run.label is None


# Grouping


def test_runs_that_differ_in_their_seed_only_are_one_group(tmp_path):
    for seed in (0, 1, 2):
        config = {"seed": seed, "epochs": 20, "output": f"out{seed}"}
        write_run(tmp_path / str(seed), "userDef", config=config)
    (group,) = group_runs(read_runs([f"{tmp_path}/{seed}" for seed in (0, 1, 2)]), counts)
    assert group.label == "userDef" and len(group.runs) == 3


def test_options_without_effect_on_a_result_keep_no_seeds_apart(tmp_path):
    free = ({"workers": 0}, {"cache": False}, {"device": "gpu:1", "augment": "no"},
            {"policy": {"rotation": [0, 90]}})  # fmt: skip
    for seed, options in enumerate(free):
        config = {"seed": seed, "augment": "no", "workers": "auto", "cache": True,
                  "device": "gpu:0", "policy": {"rotation": [0, 359]}, **options}  # fmt: skip
        write_run(tmp_path / str(seed), "no", config=config)
    (group,) = group_runs(read_runs([f"{tmp_path}/{seed}" for seed in range(4)]), counts)
    assert (group.label, len(group.runs)) == ("no", 4)
    write_run(tmp_path / "5", "no", config={**config, "seed": 5, "lr": 0.1})
    assert len(group_runs(read_runs([f"{tmp_path}/0", f"{tmp_path}/5"]), counts)) == 2


def test_runs_with_another_model_stay_apart_and_carry_their_folder(tmp_path):
    for seed, model in enumerate(("GoogLeNet", "VGG16")):
        write_run(tmp_path / model, "userDef", config={"seed": seed, "model": model})
    groups = group_runs(read_runs([f"{tmp_path}/GoogLeNet", f"{tmp_path}/VGG16"]), counts)
    assert labels(groups) == ["GoogLeNet/userDef", "VGG16/userDef"]


def test_runs_with_the_same_seed_are_not_counted_as_two_seeds(tmp_path):
    for name in ("a", "b"):
        write_run(tmp_path / name, "userDef", config={"seed": 0})
    assert len(group_runs(read_runs([f"{tmp_path}/a", f"{tmp_path}/b"]), counts)) == 2


def test_runs_without_saved_options_stay_apart(tmp_path):
    for name in ("logs", "logs_vggnet"):
        write_run(tmp_path / name, "mixup")
    groups = group_runs(read_runs([f"{tmp_path}/logs", f"{tmp_path}/logs_vggnet"]), counts)
    assert labels(groups) == ["logs/mixup", "logs_vggnet/mixup"]


def test_a_label_is_the_shortest_end_of_a_path_that_tells_it_apart(tmp_path):
    folders = ("old/digits", "new/digits", "flowers")
    for name in folders:
        write_run(tmp_path / name, "userDef")
    write_run(tmp_path / "flowers", "mixup")
    groups = group_runs(read_runs([f"{tmp_path}/{name}" for name in folders]), counts)
    assert labels(groups) == [
        "old/digits/userDef", "new/digits/userDef", "flowers/userDef", "mixup",
    ]  # fmt: skip


def test_the_folder_one_is_in_has_its_name_in_the_label(tmp_path, monkeypatch):
    for name in ("one", "two"):
        write_run(tmp_path / name, "userDef")
    monkeypatch.chdir(tmp_path / "one")
    groups = group_runs(read_runs([".", "../two"]), counts)
    assert labels(groups) == ["one/userDef", "two/userDef"]


def test_the_same_label_puts_runs_together(tmp_path):
    for name in ("a", "b"):
        write_run(tmp_path / name, "mixup")
    (group,) = group_runs(read_runs([f"ours={tmp_path}/a", f"ours={tmp_path}/b/mixup"]), counts)
    assert group.label == "ours" and len(group.runs) == 2


def test_a_label_for_a_folder_of_several_modes_keeps_them_apart(tmp_path):
    write_run(tmp_path, "userDef")
    write_run(tmp_path, "mixup")
    assert labels(group_runs(read_runs([f"VGG={tmp_path}"]), counts)) == [
        "VGG userDef",
        "VGG mixup",
    ]


def test_no_two_groups_carry_the_same_label(tmp_path):
    write_run(tmp_path, "userDef")
    write_run(tmp_path, "mixup")
    runs = read_runs([f"mixup={tmp_path}/userDef", f"{tmp_path}/mixup"])
    folder = tmp_path.name
    assert labels(group_runs(runs, counts)) == [
        f"mixup ({folder}/userDef)",
        f"mixup ({folder}/mixup)",
    ]


def test_the_baseline_is_user_def_then_no_then_the_first_or_the_one_named(tmp_path):
    for mode in ("no", "userDef", "mixup"):
        write_run(tmp_path, mode)
    groups = group_runs(read_runs([str(tmp_path)]), counts)
    assert choose_baseline(groups).label == "userDef"
    assert choose_baseline([groups[0], groups[2]]).label == "no"
    assert choose_baseline([groups[2]]).label == "mixup"
    assert choose_baseline(groups, "no").label == "no"
    with pytest.raises(UserError, match=r"cutmix: not among the runs \(no, userDef, mixup\)"):
        choose_baseline(groups, "cutmix")


# Table


def test_the_table_is_the_mean_of_exactly_ten_values(tmp_path):
    write_run(tmp_path, "userDef", seconds=[2.0] * 20)
    (row,) = table_of(tmp_path)
    assert {name: final.mean for name, final in row.finals.items()} == {
        "lossTrain": 14.5, "accTrain": 14.5, "lossEval": 14.5, "accEval": 14.5,
    }  # fmt: skip
    assert (row.averaged, row.epochs, row.runs, row.seconds) == (10, (20, 20), 1, 2.0)
    assert row.difference is None
    assert row.bests == ((19, 19.0),)


def test_the_difference_to_the_baseline_is_in_points(tmp_path):
    write_run(tmp_path, "mixup", {"accEval": [0.0] * 10 + [0.62] * 10})
    write_run(tmp_path, "userDef", {"accEval": [0.9] * 10 + [0.59] * 10})
    baseline, mixup = table_of(tmp_path)
    assert (baseline.label, mixup.label) == ("userDef", "mixup")
    assert mixup.difference == pytest.approx(3.0)
    assert baseline.bests == ((0, 0.9),)


def test_short_runs_say_how_many_epochs_were_averaged(tmp_path):
    write_run(tmp_path, "userDef", epochs=7)
    rows = table_of(tmp_path)
    assert (rows[0].averaged, rows[0].finals["accEval"].mean) == (7, 3.0)
    assert "| mean of |" in " ".join(format_table(rows, "github").split())
    assert "fewer than 10 epochs" in footnote(rows)
    write_run(tmp_path, "mixup", epochs=5)
    assert "The last 5 of 5 epochs are most of a run" in footnote(table_of(tmp_path))


def test_several_seeds_give_mean_and_sample_deviation(tmp_path):
    for seed, value in enumerate((0.5, 0.6, 0.7)):
        config = {"seed": seed, "output": str(seed)}
        write_run(tmp_path / str(seed), "no", {"accEval": [value] * 20}, config=config)
    (row,) = table_of(*(tmp_path / str(seed) for seed in range(3)))
    assert row.finals["accEval"] == (3, pytest.approx(0.6), pytest.approx(0.1))
    text = format_table([row])
    assert "0.600 ± 0.100" in text and "0.600 (0, 0, 0)" in text
    assert "standard deviation" in footnote([row])


def test_seeds_of_unequal_length_are_averaged_at_their_own_ends(tmp_path):
    for seed, epochs in enumerate((20, 12)):
        config = {"seed": seed}
        write_run(tmp_path / str(seed), "no", epochs=epochs, config=config)
    (row,) = table_of(tmp_path / "0", tmp_path / "1")
    assert row.epochs == (12, 20)
    assert row.finals["accEval"].mean == (14.5 + 6.5) / 2


def test_a_diverged_run_shows_nan_and_no_difference(tmp_path):
    write_run(tmp_path, "userDef", {"accEval": [0.5] * 20})
    write_run(tmp_path, "mixup", {"accEval": [0.5] * 19 + [math.nan]})
    _, mixup = table_of(tmp_path)
    assert math.isnan(mixup.finals["accEval"].mean) and mixup.difference is None
    assert "nan" in format_table([mixup])


def test_a_missing_curve_leaves_its_cell_empty(tmp_path):
    write_run(tmp_path, "userDef")
    (tmp_path / "userDefAug_accEval.npy").unlink()
    rows = table_of(tmp_path)
    cells = format_table(rows).splitlines()[-1].split()
    assert cells == ["userDef", "20", "14.5000", "14.5000", "14.5000", "-", "-", "-", "-"]


def test_the_terminal_table_by_its_text(tmp_path):
    write_run(tmp_path, "userDef", {"accEval": [0.5] * 20}, seconds=[2.25] * 20)
    write_run(tmp_path, "samplePairing", {"accEval": [0.5] * 19 + [1.0]}, seconds=[3.0] * 20)
    lines = [line.split() for line in format_table(table_of(tmp_path)).splitlines()]
    assert [" ".join(line) for line in lines[3:]] == [
        "userDef 20 14.5000 14.5000 14.5000 0.5000 - 0.500 (0) 2.25",
        "samplePairing 20 14.5000 14.5000 14.5000 0.5500 +5.00 1.000 (19) 3",
    ]


def test_markdown_escapes_what_would_break_the_table(tmp_path):
    write_run(tmp_path, "userDef")
    text = format_table(table_of(f"a|b={tmp_path}"), "github")
    header, rule, row = text.splitlines()
    assert header.replace("\\|", "").count("|") == rule.count("|")
    assert row.replace("\\|", "").count("|") == rule.count("|")
    assert row.startswith("| a\\|b ")


def test_a_long_label_does_not_widen_the_column_of_differences(tmp_path):
    write_run(tmp_path, "userDef")
    label = "a label of more than twenty-eight letters"
    text = format_table(table_of(f"{label}={tmp_path}"), "github")
    assert "| points vs a label of more than twenty… |" in " ".join(text.splitlines()[0].split())
    assert text.splitlines()[2].startswith(f"| {label} |")


def test_a_mean_of_runs_of_unequal_length_ends_with_the_shortest_and_that_is_said(tmp_path):
    for seed, epochs in ((0, 60), (1, 220)):
        write_run(tmp_path / str(seed), "no", epochs=epochs, config={"seed": seed})
    groups = group_runs(read_runs([f"{tmp_path}/0", f"{tmp_path}/1"]), counts)
    (group,) = groups
    assert (group.epochs, group.shortest, len(group.curve("accEval")[0])) == (220, 60, 60)
    sentence = "Where their epochs differ, the mean curve ends with the shortest run."
    assert sentence in footnote(build_table(groups, groups[0]))
    figure = combined_figure(groups, groups[0], zoom_start(drawn_epochs(groups)))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["Loss", "Accuracy", "Loss, last 12 epochs", "Accuracy, last 12 epochs"]
    assert all(axes.get_lines() for axes in figure.axes)
    alike = group_runs(read_runs([f"{tmp_path}/0"]), counts)
    assert sentence not in footnote(build_table(alike, alike[0]))


def test_the_footnote_counts_its_epochs(tmp_path):
    write_run(tmp_path, "userDef")
    rows = table_of(tmp_path, last=1)
    assert footnote(rows, 1).startswith("Losses and accuracies are those of the last epoch of each")
    assert footnote(rows, 7).startswith(
        "Losses and accuracies are the mean of the last 7 epochs of"
    )


def test_csv_has_full_precision_and_empty_unknowns(tmp_path):
    write_run(tmp_path, "userDef", {"accEval": [1 / 3] * 20})
    write_run(tmp_path, "mixup", {"accEval": [2 / 3] * 20}, seconds=[1.5] * 20)
    first, second = csv.DictReader(io.StringIO(table_csv(table_of(tmp_path))))
    assert float(first["accEval"]) == pytest.approx(1 / 3, abs=1e-15)
    assert (first["accEvalStd"], first["pointsVsBaseline"], first["secondsPerEpoch"]) == ("",) * 3
    assert float(second["pointsVsBaseline"]) == pytest.approx(100 / 3)
    assert (second["baseline"], second["bestEpoch"], second["secondsPerEpoch"]) == (
        "userDef", "0", "1.5",
    )  # fmt: skip
