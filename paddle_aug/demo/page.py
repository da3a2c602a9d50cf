"""The page itself, in Gradio: what stands where, and which function answers which control.

Its texts are in words.py; what is drawn, in the other files of this folder.
"""

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.themes import Default

from paddle_aug.demo import figures, image_parts, mixing
from paddle_aug.demo.controls import LANGUAGES, image_chooser, told, words
from paddle_aug.demo.predict_tab import Trained, add_prediction
from paddle_aug.demo.train_command import train_command

NO_MIXING = "no"
# Fonts of the reader's own machine: nothing is fetched from elsewhere.
THEME = Default(
    font=["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"],
    font_mono=["ui-monospace", "Consolas", "monospace"],
)
# On a phone the result stays in view while the sliders below it are moved.
CSS = """
#answer td { padding: 0.2em 0.8em; border: none; white-space: nowrap; }
#answer td:first-child { white-space: normal; overflow-wrap: anywhere; }
#title p { font-size: 1.5em; font-weight: 600; }
@media (max-width: 700px) {
  #result { position: sticky; top: 0; z-index: 5; background: var(--body-background-fill); }
  #mixed { height: 220px !important; }
}
"""
LAUNCH: dict[str, Any] = {
    "theme": THEME, "css": CSS, "i18n": LANGUAGES, "footer_links": [], "share": False,
    "ssr_mode": False,
}  # fmt: skip


class Part(NamedTuple):
    """What is done to each image, as the page's controls say it."""

    kind: str
    name: str
    magnitude: int
    steps: str

    @classmethod
    def of(cls, chosen: str, magnitude: int, steps: str) -> "Part":
        kind, _, name = chosen.partition(":")
        return cls(kind, name, magnitude, steps)


def build_page(trained: Trained | None = None) -> gr.Blocks:
    """The page, not yet served; `launch(**LAUNCH)` serves it. trained: predicts in its tab."""
    images = _as_files(image_parts.bundled_images())
    with gr.Blocks(title="paddle_aug", analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        gr.Markdown(words("title"), elem_id="title")
        with gr.Tab(words("augment_tab"), elem_id="augment_tab"):
            _add_augmentation(page, images)
        with gr.Tab(words("predict_tab"), elem_id="predict_tab"):
            add_prediction(page, images, trained)
    return page


def _add_augmentation(page: gr.Blocks, images: dict[str, str]) -> None:
    first_name, second_name = list(images)[:2]
    gr.Markdown(words("intro"))
    with gr.Row():
        first = image_chooser("first", images, first_name)
        second = image_chooser("second", images, second_name)
    with gr.Row():
        with gr.Column(scale=3, elem_id="result"):
            mixed = _result("mixed", 420)
            label = gr.Label(
                label=words("weights"), elem_id="weights", show_heading=False, num_top_classes=2
            )
        with gr.Column(scale=2):
            part, magnitude, steps, seed, again = _part_controls()
            method = gr.Dropdown([NO_MIXING, *mixing.methods()], value="mixup",
                                 label=words("method"), elem_id="method")  # fmt: skip
            lam, alpha, across, down, side, draw = _mixing_controls()
    with gr.Row():
        after = [_result("first_after", 200), _result("second_after", 200)]
        drawn = _result("drawn", 200)
    command = gr.Textbox(label=words("command"), elem_id="command", buttons=["copy"])
    shown = [*after, mixed, label, drawn, command]
    phases = _schedule(page, method)

    controls = [first, second, part, magnitude, steps, seed, method, lam, alpha, across, down,
                side, *phases]  # fmt: skip
    update = {"fn": told(_update), "inputs": controls, "outputs": shown}
    gr.on([control.change for control in controls], **update, show_progress="hidden",
          trigger_mode="always_last")  # fmt: skip
    page.load(**update)
    part.change(_part_shown, part, [magnitude, steps])
    turns = phases[1:]
    method.change(_method_shown, method, [lam, alpha, across, down, side, draw, part, *turns])
    again.click(lambda seed: int(seed or 0) + 1, seed, seed)
    draw.click(told(_draw), [method, alpha, seed], [lam, across, down, seed])


def _as_files(images: dict[str, Any]) -> dict[str, str]:
    """The bundled images as files, so that they are read as uploaded ones are."""
    from PIL import Image

    folder = Path(tempfile.mkdtemp(prefix="paddle_aug_demo_"))
    for name, image in images.items():
        Image.fromarray(image).save(folder / f"{name}.png")
    return {name: str(folder / f"{name}.png") for name in images}


def _result(key: str, height: int) -> gr.Image:
    return gr.Image(label=words(key), format="png", height=height, elem_id=key, min_width=140,
                    buttons=[])  # fmt: skip


def _part_controls() -> tuple[Any, ...]:
    choices = [
        *((name, f"policy:{name}") for name in image_parts.policies()),
        *((f"RandAugment: {name}", f"operation:{name}") for name in image_parts.operations()),
        *((f"transforms: {name}", f"transforms:{name}") for name in image_parts.transforms()),
    ]
    return (
        gr.Dropdown(choices, value="policy:userDef", label=words("part"), elem_id="part"),
        gr.Slider(0, image_parts.BINS - 1, image_parts.DEFAULT_MAGNITUDE, step=1, visible=False,
                  label=words("magnitude"), elem_id="magnitude"),
        gr.Textbox("", label=words("steps"), visible=False, elem_id="steps"),
        gr.Number(0, precision=0, minimum=0, maximum=2**31 - 1, label=words("seed"),
                  elem_id="seed"),
        gr.Button(words("again"), elem_id="again"),
    )  # fmt: skip


def _mixing_controls() -> tuple[Any, ...]:
    return (
        gr.Slider(0, 1, 0.5, label=words("lam"), elem_id="lam"),
        gr.Slider(0, 4, mixing.default_alpha("mixup"), step=0.05, label=words("alpha"),
                  elem_id="alpha"),
        gr.Slider(0, 1, 0.5, label=words("across"), elem_id="across", visible=False),
        gr.Slider(0, 1, 0.5, label=words("down"), elem_id="down", visible=False),
        gr.Slider(0.05, 1, mixing.default_side(), label=words("side"), elem_id="side",
                  visible=False),
        gr.Button(words("draw"), elem_id="draw"),
    )  # fmt: skip


def _schedule(page: gr.Blocks, method: Any) -> list[Any]:
    on, off = mixing.own_turns("mixup")
    with gr.Accordion(words("schedule"), open=False, elem_id="phases"):
        with gr.Row():
            epochs = gr.Slider(1, 500, 100, step=1, label=words("epochs"), elem_id="epochs")
            on = gr.Slider(1, 50, on, step=1, label=words("on"), elem_id="on")
            off = gr.Slider(0, 50, off, step=1, label=words("off"), elem_id="off")
        image = gr.Image(show_label=False, format="png", elem_id="schedule", buttons=[])
    inputs = [method, epochs, on, off]
    triggers = [control.change for control in inputs]
    gr.on(triggers, told(_draw_schedule), inputs, image, show_progress="hidden",
          trigger_mode="always_last")  # fmt: skip
    page.load(told(_draw_schedule), inputs, image)
    return [epochs, on, off]


def _update(
    first: str, second: str, part: str, magnitude: int, steps: str, seed: int,
    method: str, lam: float, alpha: float, across: float, down: float, side: float,
    epochs: int, on: int, off: int,
) -> tuple[Any, ...]:  # fmt: skip
    """Everything that is shown, from everything that can be chosen."""
    if not first or not second:
        return (None,) * 6
    chosen = Part.of(part, magnitude, steps)
    transform = image_parts.build(*chosen)
    names = (Path(first).stem, Path(second).stem)
    one, two = (
        image_parts.augmented(image_parts.read(path), transform, seed, number)
        for number, path in enumerate((first, second))
    )
    command = train_command(*chosen, method, alpha, side, epochs, on, off)
    if method == NO_MIXING:
        return one, two, one, {names[0]: 1.0}, None, command
    mixed = mixing.mix(method, one, two, lam, across, down, side)
    label = mixing.label_weights(mixed.weights, names)
    drawn = None
    if mixing.uses(method).lam:
        drawn = figures.picture(figures.beta_figure(alpha, mixed.weights[0]))
    return one, two, mixed.image, label, drawn, command


def _part_shown(part: str) -> tuple[Any, Any]:
    """The controls that the chosen image part has."""
    kind, _, name = part.partition(":")
    has_magnitude = kind == "operation" or name == "randAugment"
    steps = image_parts.start_of(name) if kind == "transforms" else ""
    return gr.update(visible=has_magnitude), gr.update(visible=kind == "transforms", value=steps)


def _method_shown(method: str) -> tuple[Any, ...]:
    """The controls that the chosen method has, at its own values."""
    if method == NO_MIXING:
        return (*(gr.update(visible=False) for _ in range(6)), gr.skip(), gr.skip(), gr.skip())
    used = mixing.uses(method)
    on, off = mixing.own_turns(method)
    return (
        gr.update(visible=used.lam),
        gr.update(visible=used.lam, value=mixing.default_alpha(method)),
        gr.update(visible=used.box),
        gr.update(visible=used.box),
        gr.update(visible=used.side),
        gr.update(visible=used.lam or used.box),
        f"policy:{mixing.default_part(method)}",
        min(on, 50),
        off,
    )


def _draw(method: str, alpha: float, seed: int) -> tuple[float, float, float, int]:
    """lam and the box's place of the next seed."""
    seed = int(seed) + 1
    return (*mixing.draw_numbers(method, alpha, seed), seed)


def _draw_schedule(method: str, epochs: int, on: int, off: int) -> Any:
    if method == NO_MIXING:
        return None
    return figures.picture(figures.schedule_figure(method, epochs, on, off))
