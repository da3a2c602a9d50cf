"""Numbers in words."""

from paddle_aug.core.text import counted, duration


def test_durations_in_words():
    times = (0.2, 12, 99, 100, 720, 12_240, 216_000)
    words = ["0 s", "12 s", "99 s", "2 min", "12 min", "3.4 h", "2.5 days"]
    assert [duration(seconds) for seconds in times] == words


def test_counts_carry_their_nouns():
    assert counted(1, "image") == "1 image" and counted(1234, "image") == "1,234 images"
    assert counted(2, "class", "classes") == "2 classes"
