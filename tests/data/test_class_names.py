"""Classes are called by what names them: a file, the folders in the paths, or their numbers."""

import pytest

from paddle_aug.core.errors import UserError
from paddle_aug.data.class_names import folder_names
from paddle_aug.data.list_files import ListRow
from paddle_aug.data.load import describe
from tests.data_sets import load, picture, values


def write(root, train, evaluation=None, **files):
    """Lists with a picture for each path, of grey values 0, 1, ...; files: name -> content."""
    root.mkdir(parents=True, exist_ok=True)
    value = 0
    for name, text in (("train.txt", train), ("val.txt", evaluation)):
        if text is None:
            continue
        for line in text.splitlines():
            picture(root / line.rsplit(None, 1)[0].replace("\\", "/"), value)
            value += 1
        (root / name).write_text(text, encoding="utf-8")
    for name, content in files.items():
        content = content if isinstance(content, bytes) else content.encode()
        (root / f"{name}.txt").write_bytes(content)
    return root


FLAT = "0.png 0\n1.png 1\n2.png 2\n"


class TestFiles:
    @pytest.mark.parametrize("name", ["classes", "labels", "label_list", "label"])
    @pytest.mark.parametrize(
        "text",
        [
            "2 big bird\n0 cat\n1 dog\n",
            "0 cat\r\n1 dog\r\n2 big bird",
            "0\tcat\n1\tdog\n2\tbig bird",
            "0,cat\n1,dog\n2,big bird\n",
            "0: cat\n1: dog\n2: big bird\n",
            "cat\ndog\nbig bird\n",
            "\ufeff0 cat\n1 dog\n2 big bird\n",
        ],
        ids=["out of order", "crlf", "tabs", "commas", "colons", "lines", "mark"],
    )  # fmt: skip
    def test_names_are_read_by_number_where_every_line_has_one(self, tmp_path, name, text):
        root = write(tmp_path / "set", FLAT, "v.png 1\n", **{name: text})
        train, evaluation = load(root)
        assert train.classes == evaluation.classes == ["cat", "dog", "big bird"]
        assert list(train.labels) == [0, 1, 2] and list(evaluation.labels) == [1]
        by_number = text[0] != "c"
        said = "by the numbers in" if by_number else "by the lines of"
        assert f"classes are named {said} {root / name}.txt" in describe(train, evaluation)

    def test_numbers_with_gaps_are_mapped_and_said(self, tmp_path):
        root = write(tmp_path / "s", "0.png 10\n1.png 4\n2.png 7\n", "v.png 7\n",
                     label_list="7 bird\n4 dog\n10 cat\n5 eel\n")  # fmt: skip
        train, evaluation = load(root)
        assert train.classes == ["dog", "eel", "bird", "cat"]
        assert values(train) == [(0, 3), (1, 0), (2, 2)] and list(evaluation.labels) == [2]
        assert "labels 4, 5, 7, 10 become classes 0 to 3" in describe(train, evaluation)

    def test_labels_may_count_from_one_or_have_gaps_without_a_file(self, tmp_path):
        root = write(tmp_path / "s", "0.png 3\n1.png 1\n2.png 9\n3.png 1\n", "v.png 9\n")
        train, evaluation = load(root)
        assert train.classes == ["1", "3", "9"]
        assert list(train.labels) == [1, 0, 2, 0] and list(evaluation.labels) == [2]
        assert "labels 1, 3, 9 become classes 0 to 2" in describe(train, evaluation)
        many = "".join(f"{i}.png {i}\n" for i in range(1, 11))
        train, evaluation = load(write(tmp_path / "m", many, "v.png 1\n"))
        assert "labels 1, 2, 3, ..., 9, 10 become classes 0 to 9" in describe(train, evaluation)

    def test_lines_without_numbers_count_from_one_where_the_last_label_says_so(self, tmp_path):
        root = write(tmp_path / "s", "0.png 1\n1.png 3\n2.png 2\n", "v.png 3\n",
                     classes="cat\ndog\nbird\n")  # fmt: skip
        train, evaluation = load(root)
        assert train.classes == ["cat", "dog", "bird"] and list(train.labels) == [0, 2, 1]
        assert list(evaluation.labels) == [2]
        assert "classes.txt, from label 1 on" in describe(train, evaluation)

    @pytest.mark.parametrize(
        ("train", "names", "error"),
        [
            (FLAT, "0 cat\n1 dog\n", r"train.txt:3: label 2 is not in .*label_list.txt"),
            (FLAT, "cat\ndog\n", r"train.txt:3: label 2 is out of range, 0\.\.1 are named"),
            ("0.png 1\n1.png 4\n", "a\nb\nc\n", r"train.txt:2: label 4 is out of range, 0\.\.2"),
            ("0.png 1\n1.png 2\n", "a\nb\nc\n", r"3 names, but labels 1 to 2: counted from 0 or fro"
                                                r"m 1\? Begin each line with its number"),
            (FLAT, "0 cat\n1 dog\n0 bird\n", r"label_list.txt:3: number 0 is given twice"),
            (FLAT, "0 cat\n1 dog\n2 cat\n", r"label_list.txt:3: has an empty or a repeated class"),
            (FLAT, "cat\n\ndog\n", r"train.txt:3: label 2 is out of range, 0\.\.1 are named"),
            (FLAT, "", r"label_list.txt: names no class"),
        ],
    )  # fmt: skip
    def test_what_does_not_fit_is_refused(self, tmp_path, train, names, error):
        with pytest.raises(UserError, match=error):
            load(write(tmp_path / "s", train, "v.png 1\n", label_list=names))

    def test_lines_of_which_only_some_begin_with_a_number_are_names(self, tmp_path):
        root = write(tmp_path / "s", FLAT, "v.png 0\n", classes="7 up\ncola\n3 musketeers\n")
        assert load(root)[0].classes == ["7 up", "cola", "3 musketeers"]

    def test_a_list_that_is_called_like_a_file_of_names_is_none(self, tmp_path):
        root = write(tmp_path / "s", FLAT, labels=FLAT)
        (root / "train.txt").unlink()
        train, _ = load(root / "labels.txt", eval_data=str(root / "labels.txt"))
        assert train.classes == ["0", "1", "2"]

    def test_files_that_differ_are_refused_and_one_can_be_chosen(self, tmp_path):
        root = write(
            tmp_path / "s", FLAT, "v.png 0\n", classes="a\nb\nc\n", label="0 a\n1 b\n2 c\n"
        )
        assert load(root)[0].classes == ["a", "b", "c"]
        (root / "label.txt").write_text("0 a\n1 c\n2 b\n")
        with pytest.raises(UserError, match=r"classes.txt and .*label.txt name the classes differ"):
            load(root)
        train, _ = load(root, class_names=str(root / "label.txt"))
        assert train.classes == ["a", "c", "b"]

    def test_a_label_for_each_image_beside_the_names_is_passed_over(self, tmp_path):
        root = write(tmp_path / "s", FLAT, "v.png 0\n", classes="a\nb\nc\n", label="0\n1\n1\n")
        assert load(root)[0].classes == ["a", "b", "c"]


class TestChosen:
    def test_names_can_be_given_in_every_way(self, tmp_path):
        root = write(tmp_path / "s", "a/0.png 0\nb/1.png 1\n", "b/v.png 1\n", classes="x\ny\n")
        assert load(root)[0].classes == ["x", "y"]
        assert load(root, class_names="cat,big dog")[0].classes == ["cat", "big dog"]
        assert load(root, class_names="labels")[0].classes == ["0", "1"]
        assert load(root, class_names="folders")[0].classes == ["a", "b"]
        (tmp_path / "mine.txt").write_text("1 p\n0 q\n")
        assert load(root, class_names=str(tmp_path / "mine.txt"))[0].classes == ["q", "p"]

    @pytest.mark.parametrize(
        ("chosen", "error"),
        [("nowhere.txt", "--class-names nowhere.txt: no such file; give a file, names"),
         ("a,b,a", "has an empty or a repeated"), ("a,,b", "has an empty or a repeated"),
         ("a,b", r"train.txt:3: label 2 is out of range, 0\.\.1"),
         ("folders", "in the paths there is no folder for each label alone")],
    )  # fmt: skip
    def test_what_does_not_fit_is_refused(self, tmp_path, chosen, error):
        with pytest.raises(UserError, match=error):
            load(write(tmp_path / "s", FLAT, "v.png 1\n"), class_names=chosen)

    def test_labels_that_are_names_take_the_order_of_a_file(self, tmp_path, caplog):
        root = write(tmp_path / "s", "0.png cat\n1.png ant\n", "v.png cat\n", classes="cat\nant\n")
        assert load(root)[0].classes == ["cat", "ant"]
        (root / "classes.txt").write_text("cow\nant\n")
        assert load(root)[0].classes == ["ant", "cat"]
        assert "classes.txt: does not name the label 'cat', and is not used" in caplog.text
        with pytest.raises(UserError, match="does not name the label 'cat'"):
            load(root, class_names="cow,ant")
        with pytest.raises(UserError, match=r"'cat' in .*train.txt:1, are names already"):
            load(root, class_names="folders")


class TestFolders:
    @pytest.mark.parametrize(
        ("paths", "names"),
        [
            (["ak47/1.png", "bonsai/1.png", "ak47/2.png"], {0: "ak47", 1: "bonsai"}),
            (["train/a/1.png", "train/b/1.png", "val/a/1.png"], {0: "a", 1: "b"}),
            (["a/day/1.png", "b/day/2.png", "a/night/3.png"], {0: "a", 1: "b"}),
            (["a\\1.png", "b\\1.png", ".\\a\\2.png"], {0: "a", 1: "b"}),
            (["a/1.png", "b/1.png", "b/2.png"], None),
            (["a/1.png", "a/2.png", "a/3.png"], None),
            (["a/1.png", "b/1.png", "2.png"], None),
            (["1.png", "2.png", "3.png"], None),
        ],
    )
    def test_a_folder_for_each_label_alone_names_it(self, paths, names):
        rows = [ListRow(path, "", "x", i) for i, path in enumerate(paths)]
        assert folder_names(rows, [0, 1, 0]) == names
        assert folder_names(rows[:1], [0]) is None

    def test_lists_that_number_the_folders_differently_are_refused(self, tmp_path):
        root = write(tmp_path / "s", "train/a/1.png 0\ntrain/b/1.png 1\n",
                     "val/b/1.png 0\nval/a/1.png 1\n")  # fmt: skip
        with pytest.raises(UserError, match=r"val.txt: label 0 lies in folders called 'b', in .*tra"
                           r"in.txt in 'a': number the classes alike, or say"):  # fmt: skip
            load(root)
        assert load(root, class_names="labels")[0].classes == ["0", "1"]

    def test_a_file_that_contradicts_the_folders_is_refused(self, tmp_path):
        root = write(tmp_path / "s", "a/1.png 0\nb/1.png 1\n", "a/v.png 0\n", label="0 b\n1 a\n")
        with pytest.raises(UserError, match=r"label.txt: label 0 is called 'b', but its images lie "
                           r"in folders called 'a': choose with --class-names FILE"):  # fmt: skip
            load(root)
        assert load(root, class_names="folders")[0].classes == ["a", "b"]
        assert load(root, class_names=str(root / "label.txt"))[0].classes == ["b", "a"]
        (root / "label.txt").write_text("0 x\n1 y\n")  # other names are no contradiction
        assert load(root)[0].classes == ["x", "y"]


class TestPaddle:
    """The bytes that the tools around Paddle write."""

    def test_the_list_maker_of_paddleclas(self, tmp_path):
        # In the disk's order, paths from the folder above the parts, no line end at the end.
        root = write(
            tmp_path / "set",
            "images/rose/1.jpg.png 0\nimages/lily/sub/2.png 1\nimages/ivy/3.png 2",
            "images_val/ivy/9.png 2\nimages_val/rose/8.png 0",
            label="0 rose\n1 lily\n2 ivy",
        )
        train, evaluation = load(root)
        assert train.classes == ["rose", "lily", "ivy"]
        assert values(train) == [(0, 0), (1, 1), (2, 2)]
        assert values(evaluation) == [(3, 2), (4, 0)]

    def test_paddlex_of_before_version_3(self, tmp_path):
        root = write(tmp_path / "set", "dog/d1.png 0\ncat/c1.png 1\nsnake/s1.png 2\n",
                     "cat/c2.png 1\n", labels="dog\ncat\nsnake\n")  # fmt: skip
        for part in ("train", "val"):
            (root / f"{part}.txt").rename(root / f"{part}_list.txt")
        picture(root / "dog" / "t.png")
        (root / "test_list.txt").write_text("dog/t.png 0\n")
        train, evaluation = load(root)
        assert train.classes == ["dog", "cat", "snake"] and values(evaluation) == [(3, 1)]
        assert "val_list.txt beside it is evaluated on, by its name, not test_list.txt" in describe(
            train, evaluation
        )

    @pytest.mark.parametrize("codec", ["gbk", "utf-8", "utf-8-sig", "utf-16"])
    def test_lists_and_names_of_windows(self, tmp_path, codec):
        root = write(
            tmp_path / "set", "图片/圆盘/1.png 0\n图片/方块/1.png 1\n", "图片/圆盘/2.png 0\n",
            label_list="1 方块\n0 圆盘\n".encode(codec),
        )  # fmt: skip
        for part in ("train", "val"):
            path = root / f"{part}.txt"
            path.write_bytes(path.read_text("utf-8").replace("\n", "\r\n").encode(codec))
        train, evaluation = load(root)
        assert train.classes == ["圆盘", "方块"]
        assert values(train) == [(0, 0), (1, 1)] and values(evaluation) == [(2, 0)]
        said = describe(train, evaluation)
        encoding = {"gbk": "GBK", "utf-16": "UTF-16"}.get(codec)
        for name in ("train.txt", "val.txt", "label_list.txt"):
            assert (f"{name} is read as {encoding}" in said) == (encoding is not None)

    def test_a_table_of_excel_in_gbk(self, tmp_path):
        picture(tmp_path / "图" / "1.png", 1)
        picture(tmp_path / "图" / "2.png", 2)
        rows = "图片,类别\r\n图/1.png,圆盘\r\n图/2.png,方块\r\n"
        (tmp_path / "train.csv").write_bytes(rows.encode("gbk"))
        names = {"image_column": "图片", "label_column": "类别"}
        train, _ = load(tmp_path, eval_data=str(tmp_path / "train.csv"), **names)
        assert train.classes == ["圆盘", "方块"] and values(train) == [(1, 0), (2, 1)]
        assert "train.csv is read as GBK (otherwise --encoding NAME)" in train.read_as
