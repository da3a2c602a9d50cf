"""The page to play with, as AI Studio's hosting starts it: python app.gradio.py."""

from paddle_aug.core.errors import run_command

# A run's folder, a checkpoint or an exported folder, such as "logs/mine/mixup": what it says of an
# image is shown in the page's second tab.
RUN = None


def main() -> None:
    from paddle_aug.demo.command import read_trained
    from paddle_aug.demo.page import LAUNCH, build_page

    build_page(read_trained(RUN)).launch(**LAUNCH)


if __name__ == "__main__":
    run_command(main)
