"""The page to play with, as AI Studio's hosting starts it: python app.gradio.py."""

from paddle_aug.core.errors import run_command


def main() -> None:
    from paddle_aug.demo.page import LAUNCH, build_page

    build_page().launch(**LAUNCH)


if __name__ == "__main__":
    run_command(main)
