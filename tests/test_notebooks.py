"""The notebooks run from the first cell to the last in a home folder of a test's own, with AI
Studio's data set and without, and hold the outputs of the cells that stand in them.

Their outputs are made anew with: python tools/run_notebooks.py
"""

import inspect
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

import cv2
import nbformat
import numpy as np
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from PIL import Image
from sklearn.datasets import load_digits

from paddle_aug.augment import ops
from paddle_aug.augment.transform_list import VOCABULARY
from tools.run_notebooks import NOTEBOOKS, PARTS, ROOT, digest, execute, place_project

pytestmark = pytest.mark.usefixtures("programs_without_coverage")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
PICTURES = {"image/png", "image/jpeg"}


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def code_of(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def said(cells: list[NotebookNode]) -> str:
    return "".join(output.get("text", "") for cell in cells for output in cell.outputs)


def pictures(cell: NotebookNode) -> int:
    return sum(bool(PICTURES & set(output.get("data", {}))) for output in cell.outputs)


def shortened(path: Path) -> NotebookNode:
    """The notebook without its outputs, trained for fewer epochs."""
    notebook = read(path)
    for cell in code_of(notebook):
        cell.source = re.sub(r"(--epochs |EPOCHS = )\d+", r"\g<1>6", cell.source)
        cell.outputs = []
    return notebook


def mount_data22612(home: Path) -> None:
    """AI Studio's data set as the SamplePairing article has it, with drawn digits for photographs:
    two lists, and Images.zip of a folder a class."""
    digits = load_digits()
    lists = home / "data" / "data22612"
    lists.mkdir(parents=True)
    lines = {"Train": [], "Eval": []}
    with zipfile.ZipFile(lists / "Images.zip", "w") as archive:
        for label, name in enumerate(("ak47", "cannon", "dog")):
            for number, index in enumerate(np.flatnonzero(digits.target == label)[:30]):
                pixels = (digits.images[index] * 15).astype(np.uint8)
                image = cv2.resize(pixels, (80, 60 + number), interpolation=cv2.INTER_CUBIC)
                file = f"{name}/{label:03}_{number:04}.jpg"
                archive.writestr(f"Images/{file}", cv2.imencode(".jpg", image)[1].tobytes())
                lines["Eval" if number % 5 == 0 else "Train"].append(f"{file} {label}")
    for part, paths in lines.items():
        (lists / f"{part}.txt").write_text("\n".join(paths) + "\n", encoding="utf-8")


@pytest.fixture
def person(tmp_path) -> tuple[Path, Path]:
    """(home folder with the project in it, another folder where the notebook is started)."""
    home, elsewhere = tmp_path / "person", tmp_path / "else where"
    place_project(home / "paddle_aug")
    elsewhere.mkdir()
    return home, elsewhere


NEEDED = "requirements-aistudio.txt"


@pytest.fixture
def aistudio(tmp_path) -> tuple[Path, Path]:
    """(AI Studio's home folder with its data set and installed libraries, the same)."""
    home = tmp_path / "aistudio"
    project = home / "work" / "paddle_aug"
    place_project(project)
    (project / NEEDED).symlink_to(ROOT / NEEDED)
    libraries = home / "external-libraries"
    libraries.mkdir()
    installed = f"{sys.implementation.cache_tag}\n{(ROOT / NEEDED).read_text('utf-8')}"
    (libraries / ".paddle_aug_installed").write_text(installed, "utf-8")
    mount_data22612(home)
    return home, home


@each_notebook
@pytest.mark.parametrize("place", ["person", "aistudio"])
def test_a_notebook_runs_and_shows_what_the_committed_one_shows(path, place, request):
    home, folder = request.getfixturevalue(place)
    notebook = shortened(path)
    execute(notebook, home, folder)
    cells = code_of(notebook)
    text = said(cells)
    assert "Traceback" not in text and not re.search(r"^error: |^usage: ", text, re.M)
    assert re.match("项目目录 Project: .*\nPython 3" if place == "aistudio" else "Python 3", text)
    assert "stays: " not in text  # nothing was installed
    assert ("data22612\n" in text) == (place == "aistudio")
    assert list(map(pictures, cells)) == list(map(pictures, code_of(read(path))))
    if path.stem.startswith("2_"):
        assert re.search(r"userDef +6 .*\nsamplePairing +6 .*\nmixup +6 ", text)
        assert ("3 classes" in text) == (place == "aistudio")
        *_, last = re.findall(r"accuracy (0\.\d+) on 297 images", text)
        assert float(last) > 0.8
    if path.stem.startswith("3_"):
        assert f"{9 if place == 'aistudio' else 6} images predicted" in text
        assert "no problems found" in text and "top-1" in text
    if path.stem.startswith("4_"):
        (accuracy,) = re.findall(r"'acc': (\d\.\d+)", text)
        assert float(accuracy) > (0 if place == "aistudio" else 0.6)
    if place == "person":
        check_that_no_earlier_result_is_shown(notebook, home, folder)


def check_that_no_earlier_result_is_shown(notebook: NotebookNode, home: Path, folder: Path) -> None:
    """Run it again in a home folder where all has run, with commands that fail; cells are run on
    after one that stops, as a user may."""
    commands = [cell for cell in code_of(notebook) if "!python" in cell.source]
    stop = [pictures(cell) > 0 or "train.py" in cell.source for cell in commands]
    for cell in code_of(notebook):
        cell.source = cell.source.replace("!python", "!exit 2;")
        cell.metadata["tags"] = ["raises-exception"]
    notebook.cells.append(nbformat.v4.new_code_cell("print(globals().get('RUN'))"))
    execute(notebook, home, folder)
    assert list(map(pictures, commands)) == [0] * len(commands)
    errors = [[o.evalue for o in c.outputs if o.output_type == "error"] for c in commands]
    assert ["命令失败了" in "".join(said) for said in errors] == stop
    assert said(notebook.cells[-1:]) == "None\n"


def test_of_a_folder_of_ones_own_without_new_photos_evaluation_images_are_predicted(person):
    home, folder = person
    rng = np.random.default_rng(0)
    for name in ("猫", "狗"):
        (home / "我的图片" / name).mkdir(parents=True)
        for number in range(15):
            image = rng.integers(0, 256, (40, 40, 3), np.uint8)
            Image.fromarray(image).save(home / "我的图片" / name / f"{number}.png")
    notebook = shortened(NOTEBOOKS[2])
    assert NOTEBOOKS[2].stem == "3_own_images"
    for cell in code_of(notebook):
        cell.source = cell.source.replace('MY_IMAGES = ""', 'MY_IMAGES = "~/我的图片"')
        # A smaller network: what is learned does not matter.
        small = 'SETTING = "--model LeNet --image-size 32 --augment flip --epochs 1"'
        cell.source = cell.source.replace("!python train.py", f"{small}\n!python train.py")
    execute(notebook, home, folder)
    text = said(code_of(notebook))
    assert "我的图片: 24 training and 6 evaluation images" in text
    *_, last = code_of(notebook)
    assert "NEW_PHOTOS is empty: these are evaluation images" in said([last])
    assert "6 images predicted" in said([last]) and pictures(last) == 1
    assert len(re.findall(r"evaluation_images/000\d_[猫狗].png ", said([last]))) == 6
    assert "error:" not in text


@each_notebook
def test_a_committed_notebook_holds_the_outputs_of_its_cells_and_is_small(path):
    notebook = read(path)
    nbformat.validate(notebook)
    cells = code_of(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    changed = [c.source for c in cells if c.metadata.get("executed") != digest(c.source)]
    assert changed == [], "run it again: python tools/run_notebooks.py"
    assert sum(map(pictures, cells)) >= 3
    assert path.stat().st_size < 300_000


@each_notebook
def test_committed_outputs_hold_no_path_of_a_machine(path):
    outputs = [output for cell in code_of(read(path)) for output in cell.outputs]
    words = [o.get("text", "") + str(o.get("data", {}).get("text/plain", "")) for o in outputs]
    assert len(words) >= 6
    found = [w for w in words if re.search(r"/(home|root|work|tmp|usr|opt|Users)/|[A-Z]:\\", w)]
    assert found == []


@each_notebook
def test_a_text_cell_is_chinese_with_one_line_of_english_below(path):
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            *chinese, english = cell.source.split("\n\n")
            assert re.search("[\u4e00-\u9fff]", "".join(chinese)), cell.source
            assert re.fullmatch(r"\*[ -~]+\*", english), cell.source


def start(path: Path) -> list[str]:
    return [c.source for c in code_of(read(path)) if "start" in c.metadata.get("tags", [])]


def test_all_notebooks_begin_with_the_same_cells():
    assert len(NOTEBOOKS) >= 2
    first, *others = map(start, NOTEBOOKS)
    assert len(first) == 3
    assert [code.source for code in code_of(read(NOTEBOOKS[0]))][:3] == first
    assert all(start == first for start in others)


def only_start(count: int = 3) -> NotebookNode:
    cells = [nbformat.v4.new_code_cell(source) for source in start(NOTEBOOKS[0])[:count]]
    where = "from pathlib import Path\nprint([f.name for f in Path('.').resolve().parents][:1])"
    return nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell(where)])


def test_away_from_the_project_the_first_cell_says_where_to_go(tmp_path):
    notebook = only_start()
    with pytest.raises(CellExecutionError):
        execute(notebook, tmp_path, tmp_path)
    (output,) = [o for o in notebook.cells[0].outputs if o.output_type == "error"]
    assert output.ename == "SystemExit"
    assert "%cd" in output.evalue and "train.py" in output.evalue
    assert not any("StopIteration" in line for line in output.traceback)


def write_zip(path: Path, needed: str = "numpy", setup: str = "", folder: str = "main/") -> None:
    """The project as a zip; setup: what its installation does after a line that begins with for."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{folder}train.py", "")
        archive.writestr(f"{folder}{NEEDED}", needed)
        script = f'echo "for $PYTHON"; mkdir -p "$1"\n{setup}\n'
        archive.writestr(f"{folder}tools/setup_aistudio.sh", script)
        for file in (ROOT / "paddle_aug").rglob("*.py"):
            archive.write(file, f"{folder}{file.relative_to(ROOT)}")


def run_start(home: Path, count: int = 3) -> str:
    """What is said by so many of the cells that all notebooks begin with."""
    notebook = only_start(count)
    execute(notebook, home, home)
    return said(notebook.cells)


def found_project(home: Path, folder: Path | None = None) -> Path:
    """The project that a notebook finds which is started in the folder, or else in `home`."""
    notebook = only_start(1)
    execute(notebook, home, folder or home)
    (project,) = re.findall("^项目目录 Project: (.*)$", said(notebook.cells), re.M)
    return Path(project)


def test_in_aistudio_the_zip_is_unpacked_and_libraries_are_installed_once(tmp_path):
    home = tmp_path / "aistudio"
    mount_data22612(home)
    write_zip(home / "paddle_aug-main.zip")
    for times in (1, 0):
        text = run_start(home)
        assert text.count("for ") == text.count("解压到 Unpacked: ") == times
        assert "data22612\n" in text
    assert (home / "external-libraries").is_dir()
    assert len(list((home / "work" / "Images" / "ak47").iterdir())) == 30
    shutil.rmtree(home / "data")  # a restart empties it; the unpacked images stay


@pytest.mark.parametrize("folder", ["main/", ""])
def test_a_newer_zip_goes_to_a_folder_of_its_own(tmp_path, folder):
    home = tmp_path / "aistudio"
    home.mkdir()
    archive = home / "paddle_aug-main.zip"
    write_zip(archive, "numpy<2", folder=folder)
    older = archive.read_bytes()
    old = found_project(home)
    (old / "logs").mkdir()
    (old / "models.py").write_text("my own")
    kept = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    write_zip(archive, "numpy<3", folder=folder)
    new = found_project(home)
    assert new != old and (new / NEEDED).read_text() == "numpy<3"
    assert not (new / "models.py").exists() and not (new / "logs").exists()
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == kept
    # A notebook that lies in the old one goes on with it, and says so.
    assert found_project(home, old / "logs") == old
    # What was uploaded last counts, an older version, too; where no zip is left, the newest files.
    archive.write_bytes(older)
    assert found_project(home) == old
    archive.unlink()
    os.utime(old / "train.py", (0, 0))
    assert found_project(home) == new


def test_a_zip_that_is_cut_off_is_not_used(tmp_path):
    home = tmp_path / "aistudio"
    home.mkdir()
    archive = home / "paddle_aug-main.zip"
    write_zip(archive)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    assert "命令失败了" in stopped(home, 1)
    assert [path.name for path in home.glob("paddle_aug*")] == [archive.name]
    archive.write_bytes(whole)
    assert found_project(home).parent.parent == home


def stopped(home: Path, count: int) -> str:
    """What the start's first cells say where they stop."""
    notebook = only_start(count)
    with pytest.raises(CellExecutionError):
        execute(notebook, home, home)
    (error,) = [o for c in notebook.cells for o in c.outputs if o.output_type == "error"]
    assert error.ename == "SystemExit"
    return error.evalue


def test_libraries_are_installed_anew_for_other_requirements_and_after_a_failure(tmp_path):
    home = tmp_path / "aistudio"
    (home / "external-libraries").mkdir(parents=True)  # of an earlier version, or another project
    mine = home / "external-libraries" / "mine.py"
    mine.touch()
    archive = home / "paddle_aug-main.zip"
    write_zip(archive, "numpy", setup="echo no internet; exit 1")
    for _ in range(2):
        assert "命令失败了" in stopped(home, 2)
    write_zip(archive, "numpy")
    assert [run_start(home, 2).count("for ") for _ in range(2)] == [1, 0]
    write_zip(archive, "numpy\nwcwidth")
    assert [run_start(home, 2).count("for ") for _ in range(2)] == [1, 0]
    assert mine.exists()


def test_the_first_notebook_shows_every_operation_and_every_transform():
    source = "\n".join(cell.source for cell in code_of(read(NOTEBOOKS[0])))
    names = [
        name for name in ops.__all__
        if callable(kind := getattr(ops, name)) and "image" in inspect.signature(kind).parameters
    ]  # fmt: skip
    assert len(names) >= 20
    assert [name for name in names if f"ops.{name}(" not in source] == []
    assert [name for name in VOCABULARY if f'"{name}"' not in source] == []


def test_the_notebooks_find_what_they_use_in_the_test():
    assert [name for name in PARTS if not (ROOT / name).exists()] == []
