"""The page in a real headless Chromium: upload, move a slider, see the picture change."""

import io
import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from paddle_aug.__main__ import main
from paddle_aug.demo import mixing

pytest.importorskip("gradio", reason="the extra demo is not installed")
from tests.browser import chromium, needs_chromium

pytestmark = needs_chromium
COMMAND = "#command textarea, #command input"
ROOT = Path(__file__).parent.parent.parent


def serve(*command: str, **variables: str) -> Iterator[str]:
    """Start the page's server; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = tuple(part.replace("PORT", port) for part in command)
    variables = {name: value.replace("PORT", port) for name, value in variables.items()}
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **variables},
    )  # fmt: skip
    assert process.stdout
    try:
        said = ""
        while "http://" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run of LeNet on a few digits, trained by the real command."""
    logs = tmp_path_factory.mktemp("logs")
    options = ["--data", "digits", "--per-class", "3", "--epochs", "2", "--augment", "no"]
    assert main(["train", *options, "--output", str(logs)]) == 0
    return logs / "no"


@pytest.fixture(scope="module")
def address(run) -> Iterator[str]:
    yield from serve("-m", "paddle_aug", "demo", str(run), "--port", "PORT")


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, request):
    """An empty page that must ask nobody but this machine, and complain of nothing."""
    width = getattr(request, "param", 1280)
    context = browser.new_context(viewport={"width": width, "height": 844}, locale="en-US")
    page = context.new_page()
    page.set_default_timeout(60_000)
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    own = ("http://127.0.0.1", "http://localhost", "data:", "blob:")
    assert asked and [url for url in asked if not url.startswith(own)] == []
    assert complaints == []


def pixels(page, element: str) -> np.ndarray:
    """The picture that the page shows in an element."""
    source = page.locator(f"#{element} img").get_attribute("src")
    with urllib.request.urlopen(source) as answer:
        return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB"))


def wait_for_another(page, element: str, before: str | None) -> None:
    page.wait_for_function(
        "([id, old]) => { const i = document.querySelector(`#${id} img`); "
        "return i && i.complete && i.src != old }",
        arg=[element, before],
    )


def wait_for_value(page, selector: str, value: str) -> None:
    page.wait_for_function(
        "([selector, value]) => document.querySelector(selector)?.value == value",
        arg=[selector, value],
    )


def source(page, element: str) -> str | None:
    return page.locator(f"#{element} img").get_attribute("src")


def choose(page, element: str, text: str) -> None:
    page.locator(f"#{element} input").click()
    page.get_by_role("option", name=text, exact=True).click()


def upload(page, element: str, path: Path) -> None:
    page.locator(f"#{element} input[type=file]").set_input_files(str(path))


@pytest.mark.parametrize("page", [1280, 390], indirect=True)
def test_upload_move_a_slider_and_see_the_picture_change(page, address, tmp_path):
    files = {"first": (220, 30, 30), "second": (20, 40, 200)}
    for name, colour in files.items():
        Image.new("RGB", (60, 40), colour).save(tmp_path / f"{name}.png")
    page.goto(address)
    wait_for_another(page, "mixed", None)
    for name in files:
        before = source(page, "mixed")
        upload(page, name, tmp_path / f"{name}.png")
        wait_for_another(page, "mixed", before)
    before = source(page, "mixed")
    choose(page, "part", "no")
    wait_for_another(page, "mixed", before)
    assert pixels(page, "mixed")[20, 30].tolist() == [120, 35, 115]
    assert page.locator("#weights").inner_text().count("50%") == 2
    before = source(page, "mixed")
    slider = page.locator("#lam input[type=range]")
    slider.focus()
    slider.press("End")
    wait_for_another(page, "mixed", before)
    assert pixels(page, "mixed")[20, 30].tolist() == [220, 30, 30]
    assert re.search(r"first\s*100%", page.locator("#weights").inner_text())
    # Nothing is wider than the screen.
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_every_control_that_a_method_or_an_operation_has_appears(page, address):
    page.goto(address)
    wait_for_another(page, "mixed", None)
    for method in mixing.methods():
        used = mixing.uses(method)
        choose(page, "method", method)
        for name, there in (("lam", used.lam), ("across", used.box), ("side", used.side)):
            page.locator(f"#{name}").wait_for(state="visible" if there else "hidden")
    choose(page, "part", "RandAugment: Rotate")
    page.locator("#magnitude").wait_for(state="visible")
    before = source(page, "first_after")
    page.locator("#magnitude input[type=range]").focus()
    page.locator("#magnitude input[type=range]").press("End")
    wait_for_another(page, "first_after", before)
    choose(page, "part", "transforms: Resize")
    page.locator("#magnitude").wait_for(state="hidden")
    steps = page.locator("#steps textarea, #steps input")
    steps.wait_for(state="visible")
    assert steps.input_value() == "[{Resize: 96}]"
    steps.fill("[{Resise: 96}]")
    page.get_by_text("did you mean Resize?").wait_for()
    steps.fill("[{Pad: 16384}, {Pad: 16384}]")
    page.get_by_text("Pad would make an image of 33").wait_for()


def test_an_emptied_field_is_told_and_the_next_draw_fills_it(page, address):
    page.goto(address)
    wait_for_another(page, "mixed", None)
    page.locator("#seed input").fill("")
    page.get_by_text("a field is empty: give it a value").wait_for()
    page.locator("#again").click()
    wait_for_value(page, "#seed input", "1")


def test_the_schedule_and_the_command_follow_its_sliders(page, address):
    page.goto(address)
    wait_for_another(page, "mixed", None)
    choose(page, "method", "samplePairing")
    own = "python train.py --augment samplePairing"
    wait_for_value(page, COMMAND, own)
    page.wait_for_timeout(1000)  # and so it stays
    assert page.locator(COMMAND).input_value() == own
    page.locator("#phases button").first.click()
    wait_for_value(page, "#on input[type=number]", "8")  # the method's own
    wait_for_another(page, "schedule", None)
    before = source(page, "schedule")
    page.locator("#off input[type=range]").focus()
    page.locator("#off input[type=range]").press("End")
    wait_for_another(page, "schedule", before)
    page.locator("#epochs input[type=range]").focus()
    page.locator("#epochs input[type=range]").press("End")
    wait_for_value(page, COMMAND, f"{own} --pairing-off 50 --epochs 500")


def predicted(page) -> list[tuple[str, ...]]:
    """(class, probability) of each row that the page shows."""
    rows = page.locator("#answer tr").all()
    return [tuple(cell.inner_text() for cell in row.locator("td").all()[::2]) for row in rows]


def another_answer(page, before: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    page.wait_for_function(
        "old => document.querySelector('#answer td:last-child').innerText != old",
        arg=before[0][1],
    )
    return predicted(page)


def predict(run: Path, photo: Path, capsys) -> list[tuple[str, ...]]:
    """The same of the real command."""
    capsys.readouterr()
    assert main(["predict", str(run), str(photo), "--jsonl", "-"]) == 0
    answers = json.loads(capsys.readouterr().out)["predictions"]
    return [(one["class"], f"{one['probability']:.4f}") for one in answers]


def test_a_photo_is_predicted_as_the_command_predicts_it(page, address, run, tmp_path, capsys):
    # As a camera writes it: the picture lies on its side, and EXIF says so.
    digits: Any = load_digits()
    drawn = (digits.images[3] * 15).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = tmp_path / "three.jpg"
    Image.fromarray(drawn).resize((90, 60)).save(photo, exif=exif, quality=60)
    (tmp_path / "broken.png").write_bytes(b"no picture")

    page.goto(address)
    page.get_by_role("tab", name="Predict").click()
    page.locator("#answer tr").first.wait_for()
    assert "LeNet of" in page.locator("#model input, #model textarea").input_value()
    before = predicted(page)
    choose(page, "photo_name", "digit 8")
    assert another_answer(page, before) != before
    before = predicted(page)
    upload(page, "photo", photo)
    answer = another_answer(page, before)
    assert len(answer) == 5 and answer == predict(run, photo, capsys)
    command = page.locator("#predict_command input, #predict_command textarea").input_value()
    assert command == f"python predict.py {run} three.jpg"
    upload(page, "photo", tmp_path / "broken.png")
    page.get_by_text("broken.png: not an image").wait_for()


def test_the_browsers_language_is_the_pages(browser, address, tmp_path):
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(address)
    page.get_by_text("混合方法").wait_for(timeout=60_000)
    page.get_by_text("第一张图片的权重").wait_for()
    page.get_by_role("tab", name="预测").click()
    page.get_by_text("要预测的图片").wait_for()
    page.locator("#answer tr").first.wait_for()
    assert "的 LeNet" in page.locator("#model input, #model textarea").input_value()
    # A probability stands in one line.
    heights = [page.locator(f"#answer td >> nth={n}").bounding_box()["height"] for n in (0, 2)]
    assert heights[0] == heights[1] < 45
    (tmp_path / "broken.png").write_bytes(b"no picture")
    upload(page, "photo", tmp_path / "broken.png")
    page.get_by_text("broken.png：不是图片").wait_for()
    context.close()


def test_ai_studios_file_serves_the_same_page(page):
    server = serve("app.gradio.py", GRADIO_SERVER_PORT="PORT")
    page.goto(next(server))
    wait_for_another(page, "mixed", None)
    page.get_by_role("tab", name="Predict").click()
    page.get_by_text("No model was named").wait_for()
    server.close()
