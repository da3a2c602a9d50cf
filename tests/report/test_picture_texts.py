"""Pictures of curves say what they are of, and in which texts a font lacks characters."""

from paddle_aug.commands.suite_plan import counts
from paddle_aug.report.curves import combined_figure, comparison_figure, readable_labels, subject
from paddle_aug.report.figure import new_figure, save_figure
from paddle_aug.report.groups import group_runs
from paddle_aug.report.side_by_side import put_side_by_side, write
from paddle_aug.runs.reading import read_runs
from tests.run_folders import ENVIRONMENT, write_run


def test_curves_name_data_and_model_of_the_runs(tmp_path):
    runs = [
        write_run(tmp_path / str(size), "userDef", environment=ENVIRONMENT,
                  config={"model": "LeNet", "image_size": size})
        for size in (32, 48)
    ]  # fmt: skip
    groups = group_runs(read_runs([f"a={runs[0]}", f"b={runs[1]}"]), counts)
    assert subject(groups[:1]) == "digits, LeNet at 32 pixels"
    both = "digits, LeNet at 32 pixels; digits, LeNet at 48 pixels"
    whole = comparison_figure(groups, groups[0], "acc")
    for figure in (whole, combined_figure(groups, groups[0], 0)):
        assert figure.get_suptitle() == both
    bare = group_runs(read_runs([str(write_run(tmp_path / "bare", "mixup"))]), counts)
    assert subject(bare) == ""
    assert comparison_figure(bare, bare[0], "acc").get_suptitle() == ""


def test_labels_without_a_font_are_numbered_and_noted(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("paddle_aug.report.side_by_side.save_figure", lambda figure, path: path)
    unknown = "\U000e0100"  # in no font
    folders = [write_run(tmp_path / name, "userDef") for name in "ab"]
    runs = read_runs([f"plain={folders[0]}", f"{unknown}={folders[1]}"])
    found = put_side_by_side(runs, None, 3, [], (), lambda *_: True)
    assert sorted(readable_labels(found.groups).values()) == ["#1", "plain"]
    (tmp_path / "compare").mkdir()
    write(tmp_path / "compare", found)
    note = f"note: no installed font can write some labels: #1 = {unknown}\n"
    assert capsys.readouterr().err == note


def test_a_text_without_a_font_is_noted_once(tmp_path, capsys):
    unknown = "\U000e0101"  # in no font
    for number in range(2):
        figure = new_figure(2, 2)
        figure.text(0.1, 0.5, f"a {unknown}")
        save_figure(figure, tmp_path / f"{number}.png")
    told = capsys.readouterr().err
    assert told.startswith("note: no installed font can write ")
    assert told.endswith(": shown as 'a ?'\n") and told.count("note") == 1
