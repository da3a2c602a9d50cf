"""Splits are partitions that follow the labels and the seed."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddle_aug.core.errors import UserError
from paddle_aug.data.load import DataOptions, load_data
from paddle_aug.data.splits import order_split, per_class_subset, stratified_split
from tests.data_sets import TRAIN, load, make_folder, write_lists


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path)


class TestSplits:
    def test_the_first_share_of_the_rows_trains(self):
        train, evaluation = order_split(560, 0.2)
        assert (len(train), list(evaluation[:2]), evaluation[-1]) == (448, [448, 449], 559)
        with pytest.raises(UserError):
            order_split(1, 0.2)

    @pytest.mark.parametrize(
        ("rows", "share", "train"),
        [(7, 0.2, 5), (9, 0.2, 7), (11, 0.3, 7), (18353, 0.2, 14682), (100, 0.9, 10), (2, 0.9, 1),
         (2, 0.1, 1)],
    )  # fmt: skip
    def test_the_rows_are_cut_and_not_rounded(self, rows, share, train):
        if share == 0.2:
            assert train == int(0.8 * rows)  # the CutMix document's split
        assert [len(part) for part in order_split(rows, share)] == [train, rows - train]

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(st.integers(0, 4), min_size=2, max_size=60).filter(lambda x: len(x) > len(set(x))),
        st.floats(0.01, 0.99),
        st.integers(0, 99),
    )
    def test_a_stratified_split_is_a_partition_with_every_class_in_training(
        self, rows, share, seed
    ):
        labels = np.array(rows)
        train, evaluation = stratified_split(labels, share, seed)
        np.testing.assert_array_equal(np.sort(np.r_[train, evaluation]), np.arange(len(labels)))
        assert set(labels[train]) == set(rows)
        for label in set(rows):
            count, taken = rows.count(label), int((labels[evaluation] == label).sum())
            assert taken == (0 if count == 1 else min(max(round(count * share), 1), count - 1))

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(1, 9))
    def test_fewer_images_a_class_are_a_part_of_more(self, rows, count):
        labels = np.array(rows)
        fewer, more = (per_class_subset(labels, k, seed=7) for k in (count, count + 3))
        assert set(fewer) <= set(more) and list(fewer) == sorted(fewer)
        for label in set(rows):
            assert (labels[fewer] == label).sum() == min(count, rows.count(label))

    def test_per_class_limits_training_only(self, caplog):
        with caplog.at_level(logging.WARNING):
            train, evaluation = load_data(DataOptions("digits", per_class=7, seed=5))
        assert list(np.bincount(train.labels)) == [7] * 10 and len(evaluation) == 359
        assert caplog.text == ""
        again, _ = load_data(DataOptions("digits", per_class=7, seed=5))
        other, _ = load_data(DataOptions("digits", per_class=7, seed=6))
        sources = [[d.source(i) for i in range(70)] for d in (train, again, other)]
        assert sources[0] == sources[1] != sources[2]

    def test_eval_per_class_takes_the_same_images_whatever_the_seed(self):
        parts = [load_data(DataOptions("digits", eval_per_class=3, seed=s))[1] for s in (5, 6)]
        assert list(np.bincount(parts[0].labels)) == [3] * 10
        sources = [[part.source(i) for i in range(30)] for part in parts]
        assert sources[0] == sources[1]
        everything = load_data(DataOptions("digits"))[1]
        assert set(sources[0]) < {everything.source(i) for i in range(len(everything))}

    def test_a_class_with_fewer_images_is_taken_whole_and_named(self, folder, caplog):
        train, _ = load(write_lists(folder, TRAIN + "a/2.png 0\n", "b/5.png 1"), per_class=3)
        assert list(np.bincount(train.labels)) == [3, 2]
        assert "is more than 1 class can give: b (2)" in caplog.text

    @pytest.mark.parametrize("option", ["per_class", "eval_per_class"])
    def test_a_class_without_images_is_named_and_the_others_are_limited(
        self, folder, option, caplog
    ):
        (folder / "classes.txt").write_text("ant\nbee\ncow\n")
        lists = write_lists(folder, TRAIN)
        parts = load(lists, **{option: 1})
        limited = parts[option == "eval_per_class"]
        assert np.bincount(limited.labels, minlength=3).tolist() == [1, 1, 0]
        assert "no training image in 1 class of 3: cow" in caplog.text
        assert "is more than" not in caplog.text

    @pytest.mark.parametrize(
        ("option", "value"), [("eval_share", 0.0), ("eval_share", 1.0), ("split", "x"),
                              ("per_class", 0), ("eval_per_class", 0)],
    )  # fmt: skip
    def test_options_out_of_range_are_refused(self, option, value):
        with pytest.raises(UserError, match=f"{option} is .*allowed"):
            DataOptions(**{option: value})
