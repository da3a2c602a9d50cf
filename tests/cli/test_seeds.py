"""0-4 and 0,2,5-7."""

import pytest

from paddle_aug.cli.seeds import parse_seeds


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0-4", [0, 1, 2, 3, 4]), ("3", [3]), ("0, 2, 5-7", [0, 2, 5, 6, 7]), ("7-7,1", [7, 1]),
     ("2147483647", [2**31 - 1])],
)  # fmt: skip
def test_seeds_are_counted_out(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "said"),
    [("4-0", "4-0: the second number is the smaller one"), ("a", "written as 0-4 or 0,2,5-7"),
     ("", "written as"), ("1,", "written as"), ("-3", "written as"), ("1.5", "written as"),
     ("0-3,2", "the same seed twice"), ("0-10000", "more than 10000 seeds"),
     ("2147483648", "a seed is below 2147483648")],
)  # fmt: skip
def test_other_texts_are_refused(text, said):
    with pytest.raises(ValueError, match=said):
        parse_seeds(text)
