"""Pictures read back: lines, colours, labels, and the pixels in the cells of sheets."""

import io
import math
import warnings
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from paddle_aug.augment.transforms.base import Compose
from paddle_aug.commands.preview_sheets import (
    NamedImage,
    draws_sheet,
    mix_sheet,
    mixup_lam_sheet,
    mixup_sheet,
    pairing_sheet,
)
from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.core.seeding import stream
from paddle_aug.mix import formulas as mixing
from paddle_aug.mix import images
from paddle_aug.mix.phases import PairingSchedule
from paddle_aug.modes import MODES
from paddle_aug.report.curves import (
    SPARE_COLOURS,
    colours,
    combined_figure,
    comparison_figure,
    zoom_start,
)
from paddle_aug.report.evaluation_figures import confusion_figure, mistakes_figure
from paddle_aug.report.figure import new_figure, save_figure
from paddle_aug.report.groups import Group, choose_baseline
from paddle_aug.report.image_sheet import SheetCell, draw_sheet, in_rows
from paddle_aug.report.schedule_figure import draw_schedule
from paddle_aug.runs.reading import read_run
from tests.helpers import policy
from tests.run_folders import write_run


def group(folder, mode, label=None, **settings):
    return Group(label or mode, mode, (read_run(write_run(folder, mode, **settings), mode),))


def lines_of(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def draw_strictly(figure):
    """Render, with every warning an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO(), format="png", dpi=30)
    return figure


# Curves


def test_the_articles_colours_and_line_styles(tmp_path):
    groups = [group(tmp_path, mode) for mode in ("userDef", "samplePairing", "mixup")]
    (axes,) = comparison_figure(groups, groups[0], "loss").axes
    lines = lines_of(axes)
    drawn = {name: (to_rgb(line.get_color()), line.get_linestyle()) for name, line in lines.items()}
    green, blue, red = (0, 128 / 255, 0), (0, 0, 1), (1, 0, 0)
    assert drawn == {
        "userDef train": (pytest.approx(green, abs=0.01), "--"),
        "userDef eval": (pytest.approx(green, abs=0.01), "-"),
        "samplePairing train": (blue, "--"),
        "samplePairing eval": (blue, "-"),
        "mixup train": (red, "--"),
        "mixup eval": (red, "-"),
    }


def test_axes_legend_and_grid_as_in_the_article(tmp_path):
    groups = [group(tmp_path, "userDef")]
    (axes,) = comparison_figure(groups, groups[0], "acc").axes
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("Epoch",) + (
        "Accuracy",
    ) * 2
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(lines_of(axes))
    assert axes.get_legend()._loc == 2  # upper left
    assert axes.xaxis.get_gridlines()[0].get_visible()


def test_lines_carry_the_curves_values(tmp_path):
    curves = {"lossTrain": [3.0, 2.0, 1.0], "lossEval": [4.0, 2.5, 2.0]}
    groups = [group(tmp_path, "userDef", curves=curves, epochs=3)]
    lines = lines_of(comparison_figure(groups, groups[0], "loss").axes[0])
    assert lines["userDef train"].get_xdata().tolist() == [0, 1, 2]
    assert lines["userDef train"].get_ydata().tolist() == [3.0, 2.0, 1.0]
    assert lines["userDef eval"].get_ydata().tolist() == [4.0, 2.5, 2.0]


def test_the_zoom_shows_the_last_epochs_under_their_own_numbers(tmp_path):
    groups = [group(tmp_path, "userDef", epochs=11), group(tmp_path, "mixup", epochs=7)]
    (axes,) = comparison_figure(groups, groups[0], "acc", start=8).axes
    lines = lines_of(axes)
    assert lines["userDef eval"].get_xdata().tolist() == [8, 9, 10]
    assert lines["userDef eval"].get_ydata().tolist() == [8.0, 9.0, 10.0]
    assert "mixup eval" not in lines
    assert axes.get_title() == "Accuracy, last 3 epochs"


@pytest.mark.parametrize(
    ("epochs", "start"), [(500, 400), (200, 100), (150, 120), (60, 48), (40, 30), (10, 0), (1, 0)]
)
def test_the_zoom_is_the_last_hundred_or_the_last_fifth(epochs, start):
    assert zoom_start(epochs) == start


def test_the_zoom_shows_all_that_the_table_averages():
    assert zoom_start(40, last=15) == 25
    assert zoom_start(15, last=15) == 0
    # Two epochs of ten would show a line between two points.
    assert zoom_start(10, last=1) == 0 and zoom_start(20, last=1) == 10
    assert zoom_start(300, last=150) == 150


def test_the_zoom_can_be_chosen():
    assert zoom_start(60, 7) == 53
    assert zoom_start(5, 7) == 0


def test_the_combined_figure_has_whole_and_zoom_of_both_kinds(tmp_path):
    groups = [group(tmp_path, "userDef", epochs=20)]
    figure = combined_figure(groups, groups[0], start=16)
    assert [axes.get_title() for axes in figure.axes] == [
        "Loss", "Accuracy", "Loss, last 4 epochs", "Accuracy, last 4 epochs",
    ]  # fmt: skip


def test_the_combined_figure_does_not_show_the_whole_twice(tmp_path):
    groups = [group(tmp_path, "userDef", epochs=2)]
    figure = combined_figure(groups, groups[0], start=zoom_start(2))
    assert [axes.get_title() for axes in figure.axes] == ["Loss", "Accuracy"]


def test_every_mode_has_a_colour_of_its_own():
    own = [mode.colour for mode in MODES.values()]
    values = [to_hex(colour) for colour in (*own, *SPARE_COLOURS)]
    assert len(values) == len(set(values)) == len(MODES) + len(SPARE_COLOURS)


def test_the_baseline_is_green_where_user_def_is_not_shown(tmp_path):
    groups = [group(tmp_path, mode) for mode in ("no", "mixup")]
    assert colours(groups, choose_baseline(groups)) == {"no": "green", "mixup": "red"}
    groups.append(group(tmp_path, "userDef"))
    assert colours(groups, groups[0]) == {"no": "dimgray", "mixup": "red", "userDef": "green"}


def test_a_baseline_of_the_article_keeps_its_colour(tmp_path):
    pairing, mixup, flip = (group(tmp_path, mode) for mode in ("samplePairing", "mixup", "flip"))
    assert colours([mixup], mixup) == {"mixup": "red"}
    assert colours([pairing], pairing) == {"samplePairing": "blue"}
    assert colours([pairing, mixup], pairing) == {"samplePairing": "blue", "mixup": "red"}
    assert colours([flip], flip) == {"flip": "green"}


def test_two_runs_of_one_mode_get_two_colours(tmp_path):
    groups = [group(tmp_path, "mixup", label) for label in ("a", "b", "c")]
    assert len(set(colours(groups, groups[0]).values())) == 3
    # S1's four: teal, the first spare colour, would look like flip's turquoise.
    groups = [group(tmp_path, mode, mode) for mode in ("no", "userDef", "flip")]
    groups.append(group(tmp_path, "flip", "again"))
    chosen = colours(groups, groups[1])
    assert chosen["flip"] == "darkturquoise"
    distances = [math.dist(to_rgb(chosen["again"]), to_rgb(c)) for c in list(chosen.values())[:3]]
    assert min(distances) > 0.6


def test_seeds_are_drawn_as_their_mean_with_a_band(tmp_path):
    runs = [
        read_run(write_run(tmp_path / str(value), "no", {"accEval": [value] * 3}, epochs=3), "no")
        for value in (0.25, 0.75)
    ]
    groups = [Group("no", "no", tuple(runs))]
    (axes,) = comparison_figure(groups, groups[0], "acc").axes
    assert lines_of(axes)["no eval"].get_ydata().tolist() == [0.5, 0.5, 0.5]
    band = axes.collections[1].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(0.5 - math.sqrt(0.125))
    assert band.max() == pytest.approx(0.5 + math.sqrt(0.125))


def test_seeds_of_unequal_length_are_cut_to_the_shortest(tmp_path):
    runs = [read_run(write_run(tmp_path / str(n), "no", epochs=n), "no") for n in (5, 3)]
    mean, std = Group("no", "no", tuple(runs)).curve("accEval")
    assert mean.tolist() == [0.0, 1.0, 2.0] and std.tolist() == [0.0, 0.0, 0.0]


def test_epochs_with_pairing_are_shaded(tmp_path):
    mixing_on = [0, 1, 1, 0, 1, 0, 0]
    groups = [group(tmp_path, "samplePairing", epochs=7, mixing=mixing_on)]
    (axes,) = comparison_figure(groups, groups[0], "loss").axes
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
    assert spans == [(0.5, 2.5), (3.5, 4.5)]
    (axes,) = comparison_figure(groups, groups[0], "loss", start=2).axes
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
    assert spans == [(1.5, 2.5), (3.5, 4.5)]


def test_nan_and_infinity_leave_gaps_and_readable_axes(tmp_path):
    curve = [2.0, math.nan, math.inf, 1.0, 0.5]
    groups = [group(tmp_path, "userDef", curves={"lossTrain": curve, "lossEval": curve}, epochs=5)]
    (axes,) = draw_strictly(comparison_figure(groups, groups[0], "loss")).axes
    drawn = lines_of(axes)["userDef eval"].get_ydata()
    assert np.isnan(drawn).tolist() == [False, True, True, False, False]
    assert axes.get_ylim()[1] < 10


def test_a_run_of_nothing_but_nan_does_not_stop_the_others(tmp_path):
    nothing = {name: [math.nan] * 4 for name in ("lossTrain", "lossEval", "accTrain", "accEval")}
    groups = [group(tmp_path, "userDef", curves=nothing), group(tmp_path, "mixup", epochs=4)]
    figure = draw_strictly(comparison_figure(groups, groups[0], "loss"))
    assert list(lines_of(figure.axes[0])) == ["mixup train", "mixup eval"]
    draw_strictly(comparison_figure(groups[:1], groups[0], "loss"))


def test_one_exploding_loss_does_not_flatten_the_others(tmp_path):
    curve = [1e6] + [2.0, 1.0] * 60
    groups = [group(tmp_path, "no", curves={"lossTrain": curve, "lossEval": curve}, epochs=121)]
    (axes,) = comparison_figure(groups, groups[0], "loss").axes
    assert 2.0 < axes.get_ylim()[1] < 10
    assert axes.get_title() == "Loss (values above 2.5 not shown)"


def test_the_legend_hides_no_curve(tmp_path):
    modes = ("userDef", "samplePairing", "mixup")
    groups = [group(tmp_path, mode, curves={}, epochs=30) for mode in modes]
    figure = draw_strictly(combined_figure(groups, groups[1], start=24))
    assert not figure.legends
    for axes in figure.axes:
        bottom = axes.get_legend().get_window_extent().y0
        highest = max(line.get_ydata().max() for line in axes.get_lines())
        assert axes.transData.transform((0, highest))[1] < bottom


@pytest.mark.parametrize(
    ("modes", "label"),
    [(("no", "userDef", "mixup", "cutmix"), ""), (("no", "userDef", "mixup"), "x" * 90)],
)
def test_a_large_legend_stands_below_the_axes_which_keep_their_height(tmp_path, modes, label):
    groups = [group(tmp_path, mode, mode + label, curves={}, epochs=30) for mode in modes]
    few = combined_figure([group(tmp_path, "no", epochs=30)], groups[0], start=24)
    figure = combined_figure(groups, groups[0], start=24)
    for one in (few, figure):
        one.draw_without_rendering()
    (legend,) = figure.legends
    names = [f"{mode}{label} {part}" for mode in modes for part in ("train", "eval")]
    assert [text.get_text() for text in legend.get_texts() if text.get_text()] == names
    assert min(axes.get_tightbbox().y0 for axes in figure.axes) >= legend.get_window_extent().y1
    for axes, usual in zip(figure.axes, few.axes, strict=True):
        assert axes.get_legend() is None
        assert axes.get_window_extent().height > 0.95 * usual.get_window_extent().height
        low, high = axes.get_ylim()
        assert max(line.get_ydata().max() for line in axes.get_lines()) > low + 0.9 * (high - low)


def test_a_runs_two_curves_stand_in_one_column_of_the_legend(tmp_path):
    groups = [group(tmp_path, "no", f"a run with a long name {n}", epochs=30) for n in range(9)]
    figure = comparison_figure(groups, groups[0], "loss")
    figure.draw_without_rendering()
    left = {t.get_text(): t.get_window_extent().x0 for t in figure.legends[0].get_texts()}
    for member in groups:
        assert left[f"{member.label} train"] == pytest.approx(left[f"{member.label} eval"])


# Text


def test_a_label_that_begins_with_an_underscore_stands_in_the_legend(tmp_path):
    groups = [group(tmp_path, "no", "_hidden")]
    (axes,) = comparison_figure(groups, groups[0], "acc").axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text().strip() for text in legend.get_texts()] == [
        "_hidden train", "_hidden eval",
    ]  # fmt: skip


def test_names_with_dollars_and_underscores_are_drawn_as_they_are(tmp_path):
    groups = [group(tmp_path, "userDef", "$a_b$ \\frac{")]
    figure = draw_strictly(comparison_figure(groups, groups[0], "loss"))
    assert figure.axes[0].get_legend().get_texts()[0].get_text() == "$a_b$ \\frac{ train"


@pytest.mark.parametrize(
    ("name", "start"), [("a.png", b"\x89PNG"), ("a.JPG", b"\xff\xd8\xff"), ("a.svg", b"<?xml")]
)
def test_a_picture_is_of_the_kind_its_name_ends_in(name, start, tmp_path):
    save_figure(new_figure(1, 1), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_a_picture_of_an_unknown_kind_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UserError, match=r"a\.bmpx: unknown kind of picture: .*\.png"):
        save_figure(new_figure(1, 1), tmp_path / "a.bmpx")
    assert not list(tmp_path.iterdir())


# Pictures of an evaluation


def test_the_confusion_matrix_shows_shares_as_colour_and_counts_as_numbers():
    figure = draw_strictly(confusion_figure(np.array([[6, 2], [0, 5]]), ["cat", "dog"]))
    axes = figure.axes[0]
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert {text.get_position(): text.get_text() for text in axes.texts} == {
        (0, 0): "6", (1, 0): "2", (1, 1): "5",
    }  # fmt: skip
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    assert axes.get_title() == "Accuracy 0.8462 on 13 images"


def test_a_hundred_classes_have_labels_and_no_numbers():
    figure = draw_strictly(confusion_figure(np.eye(100, dtype=int), [f"c{i}" for i in range(100)]))
    axes = figure.axes[0]
    assert len(axes.get_xticklabels()) == 100 and not axes.texts
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert all(above.y0 >= below.y1 - 1 for above, below in pairwise(boxes))


def test_a_class_without_images_and_chinese_names_do_not_crash():
    draw_strictly(confusion_figure(np.array([[0, 0], [1, 2]]), ["猫", "$狗$_{"]))


def test_a_matrix_that_does_not_fit_its_names_is_refused():
    with pytest.raises(ValueError, match="C names, got \\(2, 2\\) and 3"):
        confusion_figure(np.eye(2), ["a", "b", "c"])


def test_the_mistakes_sheet_shows_image_classes_and_probability():
    images = [np.full((5, 7, 3), value, np.uint8) for value in (10, 200)]
    figure = mistakes_figure(images, [0, 1], [1, 2], [0.987, 0.5], ["cat", "dog", "猫" * 3])
    first, second = draw_strictly(figure).axes
    assert (first.images[0].get_array() == 10).all() and (second.images[0].get_array() == 200).all()
    assert first.get_title() == "true: cat\npredicted: dog 99%"
    assert second.get_title() == "true: dog\npredicted: 猫猫猫 50%"


def test_no_mistakes_are_said_so():
    assert mistakes_figure([], [], [], [], ["cat"]).texts[0].get_text() == "no mistakes"


# Schedule


def test_the_schedule_picture_shows_phases_and_rates():
    schedule = PairingSchedule(2, 18)
    figure = draw_strictly(draw_schedule(20, schedule.is_active, [0.1] * 15 + [0.01] * 5))
    rate, mixed = figure.axes
    values, edges, _ = rate.patches[0].get_data()
    assert values.tolist() == [0.1] * 15 + [0.01] * 5 and edges.tolist() == list(range(21))
    assert rate.get_yscale() == "log"
    active = mixed.patches[0].get_data().values.tolist()
    assert active == [float(2 <= e < 18 and e % 10 < 8) for e in range(20)]
    assert mixed.get_title() == "on in 14 of 20 epochs"


def test_rates_of_steps_are_spread_over_the_epochs():
    figure = draw_schedule(3, lambda epoch: False, [3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    assert figure.axes[0].patches[0].get_data().edges.tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert figure.axes[0].get_yscale() == "linear"


def test_the_schedule_of_a_run_that_never_mixes_has_no_strip_for_it():
    figure = draw_strictly(draw_schedule(3, None, [3.0, 4.0, 5.0]))
    (axes,) = figure.axes
    assert axes.get_ylabel() == "Learning rate" and axes.get_xlabel() == "Epoch"
    assert axes.patches[0].get_data().values.tolist() == [3.0, 4.0, 5.0]
    assert axes.get_xlim() == (0, 3)


# Sheets of images


def darker(image, rng):
    """Stand-in for a policy: every pixel less by a drawn value."""
    return image - rng.integers(1, 50, dtype=np.uint8)


def photo(height, width, name, seed):
    image = np.random.default_rng(seed).integers(60, 256, (height, width, 3), dtype=np.uint8)
    return NamedImage(image, name)


FIRST, SECOND = photo(11, 7, "cat", 0), photo(5, 13, "dog", 1)


def test_a_sheet_draws_the_images_themselves_where_they_belong():
    one, two = FIRST.image, SECOND.image[:, :, 0]
    figure = draw_strictly(
        draw_sheet([[SheetCell(one, "one"), None], [None, SheetCell(two, "two")]], "all")
    )
    shown = [axes.images[0].get_array() if axes.images else None for axes in figure.axes]
    assert (shown[0] == one).all() and shown[1] is None and shown[2] is None
    assert (shown[3] == two).all()
    assert [axes.get_title() for axes in figure.axes] == ["one", "", "", "two"]
    assert not any(axes.axison for axes in figure.axes)


def test_cells_fill_rows_and_the_rest_stays_empty():
    cells = [SheetCell(FIRST.image, str(number)) for number in range(5)]
    rows = in_rows(cells, 3)
    assert [[cell and cell.title for cell in row] for row in rows] == [
        ["0", "1", "2"], ["3", "4", None],
    ]  # fmt: skip


def test_the_pairing_sheet_as_in_the_article():
    grid = pairing_sheet(FIRST, SECOND, darker, "userDef", seed=3)
    (one, one_augmented, _), (*_, paired), (two, two_augmented, _) = grid
    assert [[cell is not None for cell in row] for row in grid] == [
        [True, True, False], [False, False, True], [True, True, False],
    ]  # fmt: skip
    assert (one.image == FIRST.image).all() and (two.image == SECOND.image).all()
    assert (one_augmented.image == darker(FIRST.image, stream(3, 0, 0, "preview"))).all()
    assert (two_augmented.image == darker(SECOND.image, stream(3, 0, 1, "preview"))).all()
    assert paired.image.shape == (11, 13, 3)
    assert (paired.image == images.sample_pairing(one_augmented.image, two_augmented.image)).all()
    assert (one.title, paired.title) == ("cat: original", "paired, label cat")


def test_the_mixup_sheet_has_four_images_and_twelve_mixes_with_their_lam():
    grid = mixup_sheet(FIRST, SECOND, darker, "userDef", seed=5)
    cells = [cell for row in grid for cell in row]
    assert len(cells) == 16 and [len(row) for row in grid] == [4] * 4
    rng = stream(5, 0, 2, "preview")
    for cell in cells[4:]:
        lam = mixing.sample_lam(rng, 1.5)
        assert cell.title == f"lam = {lam:.2f}"
        assert (cell.image == images.mixup(cells[1].image, cells[3].image, lam)).all()


def test_nine_lams_weight_the_first_image():
    cells = [cell for row in mixup_lam_sheet(FIRST, SECOND) for cell in row]
    assert len(cells) == 9
    assert [cells[0].title, cells[8].title] == ["0.1 cat + 0.9 dog", "0.9 cat + 0.1 dog"]
    assert (cells[2].image == images.mixup(FIRST.image, SECOND.image, 0.3)).all()


@pytest.mark.parametrize("seed", range(5))
def test_cutmix_labels_count_the_pixels_of_each_image(seed):
    photos = [
        NamedImage(np.full((11, 7, 3), value, np.uint8), f"p{value}") for value in (1, 2, 3, 4)
    ]
    above, below = mix_sheet(photos, Compose(), policy("cutmix"), seed)
    assert [cell.title for cell in above] == ["p1", "p2", "p3", "p4"]
    for value, partner, cell in zip((1, 2, 3, 4), (2, 1, 4, 3), below, strict=True):
        own = (cell.image == value).mean()
        assert own + (cell.image == partner).mean() == 1
        label = f"{own:.2f} p{value} + {1 - own:.2f} p{partner}" if own < 1 else f"p{value}"
        assert cell.title == label
        assert cell.image.dtype == np.uint8
    assert all((p.image == v).all() for p, v in zip(photos, (1, 2, 3, 4), strict=True))


def test_cutmix_takes_partners_of_other_sizes():
    _, below = mix_sheet([FIRST, SECOND], Compose(), policy("cutmix"))
    assert [cell.image.shape for cell in below] == [(11, 7, 3), (5, 13, 3)] * 2


def test_cutout_grays_a_square_as_training_does_and_keeps_the_label():
    config = Config()
    (gray,) = {round(255 * mean) for mean in config.mean}  # 0 after normalisation
    white = NamedImage(np.full((20, 30, 3), 255, np.uint8), "cat")
    _, below = mix_sheet([white], Compose(), policy("cutout"), seed=1)
    for cell in below:
        rows, columns = np.nonzero((cell.image == gray).all(axis=2))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert height <= 10 and width <= 10 and len(rows) == height * width
        assert (cell.image == 255).sum() == (20 * 30 - len(rows)) * 3
        assert cell.title == "cat"
    assert len({cell.image.tobytes() for cell in below}) == 4


def test_draws_begin_with_the_original_and_differ_by_seed_only():
    grid = draws_sheet(FIRST, darker, seed=2, rows=3, columns=3)
    cells = [cell for row in grid for cell in row]
    assert len(cells) == 9 and (cells[0].image == FIRST.image).all()
    for number, cell in enumerate(cells[1:]):
        assert (cell.image == darker(FIRST.image, stream(2, 0, number, "preview"))).all()
    again, other = (draws_sheet(FIRST, darker, seed, rows=3, columns=3) for seed in (2, 4))
    assert (again[2][2].image == cells[8].image).all()
    assert (other[2][2].image != cells[8].image).any()
