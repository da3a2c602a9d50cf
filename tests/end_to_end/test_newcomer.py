"""The first screen of the README as it stands there, from nothing to a comparison picture and to a
prediction, in a home folder of a test's own: on a bare machine, and on one laid out as AI Studio.

Only the trainings are made smaller. tests/tools/test_setup_scripts.py holds what installs.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from tests.test_notebooks import mount_data22612
from tools.run_notebooks import place_project

pytestmark = pytest.mark.usefixtures("programs_without_coverage")

ROOT = Path(__file__).parent.parent.parent
READMES = {"README.md": "## Your own images", "README_cn.md": "## 用自己的图片"}
# Without weights from the internet, and done in seconds.
SMALL = ("--model LeNet -o weights=null image_size=32 epochs=2 batch_size=8 eval_transforms=null "
         "train_transforms='[{Resize: [32, 32]}, RandomHorizontalFlip]'")  # fmt: skip


def own_images(document: str) -> list[str]:
    """The commands of the section on images of one's own."""
    text = (ROOT / document).read_text(encoding="utf-8")
    section = text.partition(READMES[document])[2].partition("\n## ")[0]
    lines = re.findall(r"^    (python .*)$", section, re.M)
    return [line.partition(" # ")[0].strip() for line in lines]


def photographs(folder: Path) -> None:
    """my_images/cats and my_images/dogs, and the new photos that the README names."""
    for name, photo in zip(("cats", "dogs"), load_sample_images().images, strict=True):
        (folder / "my_images" / name).mkdir(parents=True)
        for number in range(10):
            piece = photo[10 * number : 10 * number + 90, 20 * number : 20 * number + 120]
            Image.fromarray(piece).save(folder / "my_images" / name / f"{number + 1}.jpg")
    (folder / "more_photos").mkdir()
    for name in ("holiday.jpg", "more_photos/sea.jpg"):
        Image.fromarray(photo[200:300, 200:330]).save(folder / name)


def say(command: str, home: Path, folder: Path, language: str) -> str:
    """What a command of the README says there, with `python` as this one."""
    program, *words = shlex.split(command)
    assert program == "python"
    if words[0] == "train.py":
        words += shlex.split(SMALL)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PADDLE_AUG", "LC_"))}
    environment |= {"HOME": str(home), "LANG": language, "PYTHONIOENCODING": "utf-8"}
    environment.pop("LANGUAGE", None)
    done = subprocess.run([sys.executable, *words], cwd=folder, env=environment,
                          capture_output=True, encoding="utf-8", timeout=300)  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


def test_both_languages_have_the_same_commands():
    commands = own_images("README.md")
    assert commands == own_images("README_cn.md") and len(commands) == 8


@pytest.mark.parametrize("place", ["bare", "aistudio"])
def test_images_of_ones_own_lead_to_a_comparison_and_a_prediction(place, tmp_path):
    home = tmp_path / place
    project = home / "paddle_aug"
    place_project(project)
    photographs(project)
    language = "C.UTF-8"
    if place == "aistudio":
        mount_data22612(home)  # of which nothing may get into one's own
        language = "zh_CN.UTF-8"
    said = {line: say(line, home, project, language) for line in own_images("README.md")}

    checked, *_ = said.values()
    assert "no problems found" in checked or "没有发现问题" in checked
    comparison = np.asarray(Image.open(project / "logs/mine/compare.png").convert("RGB"))
    assert comparison.std() > 10
    compared = next(text for line, text in said.items() if " compare " in line)
    assert re.search(r"^no .*^mixup ", compared, re.M | re.S)
    predicted = next(text for line, text in said.items() if "predict.py" in line)
    for photo in ("holiday.jpg", "more_photos/sea.jpg"):
        assert re.search(rf"^{photo} +(cats|dogs) +[01]\.\d{{4}} ", predicted, re.M), predicted
    assert (project / "logs/mine/mixup/export/inference.yml").is_file()
    chinese = {line for line, text in said.items() if re.search("[\u4e00-\u9fff]", text)}
    assert chinese == (set(said) if place == "aistudio" else set())


def test_in_aistudio_its_data_are_found_trained_compared_and_a_photo_predicted(tmp_path):
    home = tmp_path / "aistudio"
    project = home / "work" / "paddle_aug"
    place_project(project)
    mount_data22612(home)
    zipped = home / "data/data22612/Images.zip"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", zipped, home / "work"], check=True)
    for options in ("userDef", "samplePairing --pairing-on 1"):
        train = f"python train.py --augment {options} --per-class 6"
        assert "data22612" in say(train, home, project, "zh_CN.UTF-8")
    say("python -m paddle_aug compare logs --output logs", home, project, "zh_CN.UTF-8")
    assert (project / "logs/compare.png").stat().st_size > 10_000
    photographs(project)
    answer = say("python predict.py logs/samplePairing holiday.jpg", home, project, "zh_CN.UTF-8")
    assert re.search(r"^holiday\.jpg +(ak47|cannon|dog) ", answer, re.M)
