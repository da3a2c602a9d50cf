"""The page's second part, in Gradio: an image, and what a trained model says of it."""

from typing import TYPE_CHECKING, NamedTuple

import gradio as gr

from paddle_aug.core.errors import UserError
from paddle_aug.demo.controls import image_chooser, in_words, words

if TYPE_CHECKING:
    from paddle_aug.prediction.predictor import Predictor


class Trained(NamedTuple):
    """run: as it was named on the command line. The browser names no path: it cannot choose what
    is read on this machine."""

    run: str
    predictor: "Predictor"


def add_prediction(page: gr.Blocks, images: dict[str, str], trained: Trained | None) -> None:
    """Fill the tab. images: paths of bundled ones by name; without a model it says how to name
    one."""
    if trained is None:
        gr.Markdown(words("no_model"), elem_id="no_model")
        return
    from paddle_aug.demo import predicting

    def update(request: gr.Request, path: str) -> tuple[str, str, str]:
        what = in_words(trained.predictor.what, request)
        if not path:
            return what, "", ""
        try:
            answer = predicting.as_html(predicting.predict(trained.predictor, path))
        except UserError as error:  # in the answer's place, where that of another image stood
            answer = predicting.reason_as_html(in_words(error, request))
        return what, answer, predicting.predict_command(trained.run, path)

    model = gr.Textbox(label=words("model"), interactive=False, elem_id="model")
    with gr.Row():
        photo = image_chooser("photo", images, next(iter(images)))
        with gr.Column():
            answer = gr.HTML(elem_id="answer")
            command = gr.Textbox(
                label=words("predict_command"), elem_id="predict_command", buttons=["copy"]
            )
    change = {"fn": update, "inputs": photo, "outputs": [model, answer, command]}
    photo.change(**change, show_progress="hidden", trigger_mode="always_last")
    page.load(**change)
