"""What both parts of the page are made with: texts, choosers of images, errors in words."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from paddle_aug.core.errors import UserError
from paddle_aug.demo.words import CHINESE, ENGLISH
from paddle_aug.language import translate

LANGUAGES = gr.I18n(**{"en": ENGLISH, "zh": CHINESE, "zh-CN": CHINESE, "zh-TW": CHINESE})


def words(key: str) -> Any:
    """A text of words.py in the language of the browser."""
    return LANGUAGES(key)


def image_chooser(key: str, images: dict[str, str], value: str) -> gr.Image:
    """An image to upload, or to choose from bundled ones (paths by name).

    Its value is a path, "" for none."""
    with gr.Column(min_width=130):
        chosen = gr.Dropdown(
            list(images), value=value, label=words("bundled"), elem_id=f"{key}_name"
        )
        image = gr.Image(images[value], type="filepath", format="png", label=words(key),
                         sources=["upload", "clipboard"], height=200, elem_id=key,
                         buttons=[])  # fmt: skip
        # The file as it was uploaded. Gradio would write another one, and raise an error of its own
        # where it is no image.
        image.preprocess = lambda payload: payload.path if payload else ""
        chosen.input(lambda name: images[name], chosen, image)
    return image


def in_words(said: object, request: gr.Request) -> str:
    """An error, or a message of ours, in the language of the browser."""
    wanted = request.headers.get("accept-language", "")
    return translate(str(said), "zh" if wanted.startswith("zh") else "en")


def told(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its errors said on the page: what can be put right there."""

    def answer(request: gr.Request, *args: Any) -> Any:
        try:
            if None in args:  # of a control whose value was deleted
                raise UserError("a field is empty: give it a value")
            return function(*args)
        except (UserError, ValueError) as error:
            raise gr.Error(in_words(error, request), 10, print_exception=False) from None

    return answer
