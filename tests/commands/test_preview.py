"""preview: which sheet shows what, methods of one's own, and what is refused."""

import sys
import types

import cv2
import numpy as np
import pytest

from paddle_aug.__main__ import main
from paddle_aug.augment.policies import POLICIES
from paddle_aug.core import own_code
from paddle_aug.core.errors import UserError
from paddle_aug.mix.methods import METHODS, Draw, Method
from paddle_aug.modes import MODES

# The left half stays, the right half is the partner's.
HALVES = Method(
    lambda rng, numbers, height, width: Draw(0.5, (0, width // 2, height, width)),
    lambda a, b, draw, numbers: np.concatenate(
        [a[..., : draw.box[1]], b[..., draw.box[1] : draw.box[3]]], -1
    ),
)
DIMMED = Method(lambda *_: Draw(), lambda a, b, draw, numbers: np.maximum(a, b))


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / "cat.png", tmp_path / "dog.png"]
    for path in paths:
        cv2.imwrite(str(path), rng.integers(0, 256, (40, 56, 3), dtype=np.uint8))
    return [word for path in paths for word in ("--image", str(path))]


@pytest.fixture
def drawn(monkeypatch):
    """The grid and the title of every sheet that is drawn."""
    from paddle_aug.report import image_sheet

    sheets = []
    draw = image_sheet.draw_sheet
    monkeypatch.setattr(image_sheet, "draw_sheet", lambda *a: sheets.append(a) or draw(*a))
    return sheets


@pytest.fixture
def own(monkeypatch):
    """The module `mine_to_preview`, whose names are known only when they are asked for."""
    module = types.ModuleType("mine_to_preview")
    module.__dict__.update(halves=HALVES, dimmed=DIMMED, dark=lambda image, rng: image // 2)
    monkeypatch.setitem(sys.modules, "mine_to_preview", module)
    monkeypatch.setattr(own_code, "_allowed", set())
    tables = [(table, dict(table)) for table in (MODES, METHODS, POLICIES)]
    yield "mine_to_preview"
    for table, before in tables:
        table.clear()
        table.update(before)


@pytest.mark.parametrize("call", ["first", "second"])
def test_a_method_of_ones_own_has_a_sheet_of_its_mixes(call, own, pictures, drawn, tmp_path):
    command = ["preview", "--augment", f"{own}:halves", *pictures, "--output", str(tmp_path)]
    if call == "second":
        main(command)
        drawn.clear()
    assert main(command) == 0
    ((grid, title),) = drawn
    above, below = grid
    assert title == "halves" and (tmp_path / "preview_halves.png").is_file()
    for number, cell in enumerate(below):
        own_half, other_half = above[number].image[:, :28], above[number ^ 1].image[:, 28:]
        np.testing.assert_allclose(cell.image[:, :28], own_half, atol=1)
        np.testing.assert_allclose(cell.image[:, 28:], other_half, atol=1)
    assert [cell.title for cell in below[:2]] == ["0.50 cat + 0.50 dog", "0.50 dog + 0.50 cat"]


def test_its_images_are_augmented_by_the_base(own, pictures, drawn, tmp_path):
    command = ["preview", "--augment", f"{own}:halves", "--base", "flip"]
    main([*command, *pictures, "--output", str(tmp_path)])
    main([*command, "--sheet", "draws", *pictures, "--output", str(tmp_path)])
    (_, mixes), (grid, draws) = drawn
    assert (mixes, draws) == ("halves over flip", "flip")
    original, *others = (cell.image for row in grid for cell in row)
    assert {(image == original).all() for image in others} == {True, False}


def test_a_method_for_arrays_alone_is_shown_without_asking_for_tensors(own, pictures, tmp_path):
    command = ["preview", "--augment", f"{own}:dimmed", *pictures, "--output", str(tmp_path)]
    assert main(command) == 0


def test_an_image_part_of_ones_own_is_shown_in_draws(own, pictures, drawn, tmp_path):
    main(["preview", "--augment", f"{own}:dark", *pictures, "--output", str(tmp_path)])
    ((grid, _),) = drawn
    np.testing.assert_array_equal(grid[1][0].image, grid[0][0].image // 2)


def test_a_method_of_ones_own_needs_two_images(own, pictures, tmp_path):
    command = ["preview", "--augment", f"{own}:halves", *pictures[:2], "--output", str(tmp_path)]
    with pytest.raises(UserError, match="halves needs 2 images: give --image again"):
        main(command)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--augment", "mixup", "--alpha", "0"],
         "--sheet mixup would show no mixing: --alpha is 0, so that lam is 1"),
        (["--augment", "cutmix", "--alpha", "0"],
         "--sheet cutmix would show no mixing: --alpha is 0, so that lam is 1"),
        (["--sheet", "mixup", "--augment", "cutmix"],
         "augment: cutmix is not what --sheet mixup draws (mixup); leave one of them out"),
        (["--sheet", "pairing", "--augment", "mixup"],
         "augment: mixup is not what --sheet pairing draws (samplePairing); "
         "leave one of them out"),
        (["--sheet", "cutmix", "--augment", "userDef", "--base", "flip"],
         "base: --sheet cutmix draws cutmix over --augment userDef; leave one of them out"),
        (["--operation", "Resize: 2024-13-45"],
         "--operation Resize: 2024-13-45: not valid YAML: month must be in 1..12"),
        (["--operation", "Resize: {size: 3, size: 4}"],
         "--operation Resize: {size: 3, size: 4}: not valid YAML: 'size' is given twice in what "
         "begins at line 1"),
    ],
)  # fmt: skip
def test_what_a_sheet_would_not_show_is_refused_in_a_line(options, message, pictures, tmp_path):
    with pytest.raises(UserError) as error:
        main(["preview", *options, *pictures, "--output", str(tmp_path)])
    assert str(error.value) == message


def test_another_method_of_ones_own_is_not_what_a_sheet_draws(own, pictures, tmp_path):
    command = ["preview", "--sheet", "mixup", "--augment", f"{own}:halves", *pictures]
    with pytest.raises(UserError, match=f"^augment: {own}:halves is not what --sheet mixup draws"):
        main([*command, "--output", str(tmp_path)])


@pytest.mark.parametrize("options", [
    ["--sheet", "mixup", "--augment", "mixup"], ["--sheet", "pairing", "--augment", "userDef"],
    ["--sheet", "cutmix", "--base", "flip"],
])  # fmt: skip
def test_a_sheet_and_what_it_draws_go_together(options, pictures, tmp_path):
    assert main(["preview", *options, *pictures, "--output", str(tmp_path)]) == 0
