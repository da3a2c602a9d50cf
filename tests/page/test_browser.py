"""The report page in a real headless Chromium: on a phone, a desktop, dark, and in print.

Skipped where there is no Chromium, or no playwright to drive it.
"""

import numpy as np
import pytest

from paddle_aug.commands import report
from paddle_aug.data.dataset import data_digest
from paddle_aug.data.load import DataOptions, load_data
from paddle_aug.runs.layout import CURVES, LAST_EVALUATION, PREDICTIONS
from paddle_aug.runs.predictions import write_predictions
from tests.browser import chromium, needs_chromium
from tests.run_folders import ENVIRONMENT, write_run

pytestmark = needs_chromium
HOSTILE = "<script>alert('x')</script>" + "a_very_long_name_without_any_space" * 2
EPOCHS = 60
# Of each curve its size and how much of it is drawn; of each image whether it is one.
MEASURE = """() => ({
  wide: document.documentElement.scrollWidth,
  curves: [...document.querySelectorAll('.drawn svg')].map(svg => {
    const box = svg.getBoundingClientRect();
    const drawn = [...svg.querySelectorAll('path')].filter(p => p.getBBox().width > 50).length;
    return [box.width, box.height, drawn];
  }),
  images: [...document.images].map(i => [i.complete, i.naturalWidth, i.alt.length]),
  titles: [...document.querySelectorAll('h2')].map(h => h.textContent),
  background: getComputedStyle(document.body).backgroundColor,
  cut: [...document.querySelectorAll('.scroll')]
    .filter(e => getComputedStyle(e).overflowX === 'visible' && e.scrollWidth > e.clientWidth + 1)
    .map(e => [e.ariaLabel, e.scrollWidth, e.clientWidth]),
})"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module", params=["en", "zh"])
def page(request, tmp_path_factory):
    """A page with everything that a page can have: three methods on the digits, two seeds."""
    folder = tmp_path_factory.mktemp("runs")
    _, evaluation = load_data(DataOptions(data="digits"))
    recorded = {"images": len(evaluation), "digest": data_digest(evaluation)}
    environment = {**ENVIRONMENT, "data": {**ENVIRONMENT["data"], "eval": recorded}}
    rng, names = np.random.default_rng(0), []
    for mode, label, level in (
        ("userDef", "userDef", 0.5),
        ("samplePairing", HOSTILE, 0.6),
        ("mixup", "mixup", 0.55),
    ):
        for seed in (0, 1):
            place = folder / f"{mode}{seed}"
            rise = 1 - np.exp(-np.arange(EPOCHS) / 10)
            curves = {name: level * rise + 0.02 * rng.random(EPOCHS) for name in CURVES}
            mixing = [int(6 <= epoch < 54 and epoch % 10 < 8) for epoch in range(EPOCHS)]
            config = {"seed": seed, "epochs": EPOCHS, "data": "digits", "image_size": 32,
                      "cache": False}  # fmt: skip
            write_run(place, mode, curves, config=config, environment=environment, mixing=mixing)
            shares = rng.random((len(evaluation), 10))
            shares[np.arange(len(evaluation)), evaluation.labels] += level
            shares /= shares.sum(axis=1, keepdims=True)
            (place / mode / LAST_EVALUATION).mkdir()
            write_predictions(place / mode / LAST_EVALUATION / PREDICTIONS, shares,
                              evaluation.labels, evaluation.classes)  # fmt: skip
            names.append(f"{label}={place}")
    output = folder / "report.html"
    report.main([*names, "--output", str(output), "--language", request.param])
    return output


def open_page(browser, path, width, scheme, media="screen"):
    """What is measured in it; asserts that nothing went wrong or was asked for."""
    said, asked = [], []
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab = context.new_page()
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    tab.on("request", lambda request: asked.append(request.url))
    tab.emulate_media(media=media, color_scheme=scheme)
    tab.goto(path.as_uri())
    found = tab.evaluate(MEASURE)
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    return found


@pytest.mark.parametrize(
    ("width", "scheme"), [(390, "light"), (1280, "light"), (390, "dark")], ids=str
)
def test_everything_is_drawn_and_fits(browser, page, width, scheme):
    found = open_page(browser, page, width, scheme)
    assert found["wide"] <= width
    assert len(found["curves"]) == 4  # accuracy and loss, and the zoom of both
    for box_width, box_height, drawn in found["curves"]:
        assert 300 <= box_width <= width and box_height > 150
        assert drawn >= 6  # two lines of three methods at least
    # 8 training images of each method, 10 changed ones of two.
    assert len(found["images"]) == 3 * 8 + 2 * 10
    assert all(complete and size >= 8 and alt for complete, size, alt in found["images"])
    assert len(found["titles"]) == 9
    levels = [int(part) for part in found["background"][4:-1].split(",")]
    assert max(levels) < 60 if scheme == "dark" else min(levels) > 200


def test_printed_nothing_is_cut_off(browser, page):
    found = open_page(browser, page, 680, "dark", media="print")  # A4 less its margins
    assert found["wide"] <= 680 and found["cut"] == []
    assert found["background"] == "rgb(255, 255, 255)"
