"""The verbs of `python -m paddle_aug`: one module each, with `main(argv) -> int`."""
