"""Lists and tables are read by value; every bad line is refused with file and line."""

import os
import zipfile

import numpy as np
import pytest

from paddle_aug.core.errors import UserError
from paddle_aug.data import list_files
from paddle_aug.data import options as data_options
from paddle_aug.data.load import DataOptions, describe, load_data
from tests.data_sets import TRAIN, load, make_folder, picture, values, write_lists


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path)


class TestLists:
    def test_a_pair_of_lists_is_found_with_its_images(self, folder):
        train, evaluation = load(write_lists(folder, TRAIN))
        assert values(train) == [(0, 0), (1, 0), (3, 1), (4, 1)]
        assert values(evaluation) == [(2, 0), (5, 1)]
        assert train.classes == evaluation.classes == ["a", "b"]  # the folders of 0 and 1
        assert train.labels.dtype == np.int64 and train.changes_label == frozenset()
        assert train.source(2) == str(folder / "Images" / "b" / "3.png")
        image = train[3][0]
        assert image.shape == (3, 5, 3) and image.dtype == np.uint8
        first, *concluded = describe(train, evaluation).split("\n  ")
        assert first.endswith("Train.txt: 4 training and 2 evaluation images, 2 classes")
        assert [line.split(" (otherwise ")[0] for line in concluded] == [
            "Eval.txt beside it is evaluated on, by its name",
            f"paths of the images start from {folder / 'Images'}",
            "classes are named by the folders in the paths, one for each label",
        ]

    def test_the_list_file_itself_may_be_named(self, folder):
        write_lists(folder, TRAIN)
        assert values(load(folder / "Train.txt")[1]) == [(2, 0), (5, 1)]

    def test_crlf_bom_blank_lines_comments_tabs_and_blanks_in_paths_are_accepted(self, folder):
        picture(folder / "Images" / "a" / "my dog.png", 9)
        text = "\ufeff# path label\r\n\r\na/my dog.png\tbig dog\r\n  b/3.png\tcat  \r\n"
        train, evaluation = load(write_lists(folder, text.encode(), "a/0.png\tbig dog\n"))
        assert values(train) == [(9, 0), (3, 1)] and values(evaluation) == [(0, 0)]
        assert train.classes == ["big dog", "cat"]

    def test_lines_that_may_be_names_and_are_taken_for_comments_are_told_of(self, folder, caplog):
        picture(folder / "Images" / "a" / "#8.png", 8)
        text = "# mine\n#\n## two\na/1.png 0\n#a/0.png 0\n#2.png 1\n"
        train, _ = load(write_lists(folder, text, "a/#8.png 0\n"))
        assert values(train) == [(1, 0)]
        assert "Train.txt: 2 lines beginning with # taken for a comment, such as line 5: '#a/0" in (
            caplog.text
        )
        picture(folder / "Images" / "#9.png", 9)
        caplog.clear()
        train, _ = load(write_lists(folder, "./#9.png 0\n", "a/#8.png 0\n"))
        assert values(train) == [(9, 0)] and "comment" not in caplog.text

    def test_names_are_sorted_and_numbers_by_value(self, folder):
        text = "a/0.png zebra\na/1.png ant\nb/3.png cow\n"
        train, _ = load(write_lists(folder, text, "b/4.png cow"))
        assert train.classes == ["ant", "cow", "zebra"] and list(train.labels) == [2, 0, 1]
        many = "".join(f"a/{i % 3}.png {i}\n" for i in range(1, 12) if i % 3 == i)
        assert many == "a/1.png 1\na/2.png 2\n"
        train, _ = load(write_lists(folder, many, "b/4.png 2"))
        assert train.classes == ["1", "2"] and list(train.labels) == [0, 1]

    def test_number_ten_comes_after_nine(self, folder):
        for i in range(11):
            picture(folder / "Images" / f"{i}.png", i)
        text = "".join(f"{i}.png {i}\n" for i in reversed(range(11)))
        train, _ = load(write_lists(folder, text, "0.png 0"))
        assert train.classes == [str(i) for i in range(11)]
        assert values(train) == [(i, i) for i in reversed(range(11))]

    def test_classes_txt_names_the_numbers(self, folder, caplog):
        (folder / "classes.txt").write_text("ant\nbee\ncow\n")
        train, _ = load(write_lists(folder, "a/0.png 0\nb/3.png 2\n", "a/1.png 2\n"))
        assert train.classes == ["ant", "bee", "cow"] and list(train.labels) == [0, 2]
        assert "no training image in 1 class of 3: bee" in caplog.text
        assert "no evaluation image in 2 classes of 3: ant, bee" in caplog.text
        with pytest.raises(UserError, match=r"Train.txt:2: label 3 is out of range, 0\.\.2"):
            load(write_lists(folder, "a/0.png 0\nb/3.png 3\n"))

    def test_one_list_is_split_by_row_order(self, folder):
        rows = "a/0.png a\nb/3.png b\na/1.png a\nb/4.png b\na/2.png a\n"
        train, evaluation = load(write_lists(folder, rows, None))
        assert [v for v, _ in values(train)] == [0, 3, 1, 4]
        assert [v for v, _ in values(evaluation)] == [2]

    def test_a_second_list_and_an_image_root_can_be_given(self, folder, tmp_path):
        write_lists(folder, TRAIN)
        (tmp_path / "mine.lst").write_text("b/5.png 1\n")
        train, evaluation = load(
            folder / "Train.txt",
            eval_data=str(tmp_path / "mine.lst"),
            images_root=str(folder / "Images"),
        )
        assert len(train) == 4 and values(evaluation) == [(5, 1)]

    def test_windows_separators_are_understood(self, folder):
        train, _ = load(write_lists(folder, "a\\0.png 0\nb\\3.png 1\n"))
        assert values(train) == [(0, 0), (3, 1)]

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("a/0.png 0\na/9.png 1\n", r"Train.txt:2: 'a/9.png': no such file"),
            ("a/0.png 0\nb/3.png\n", r"Train.txt:2: needs \"path label\""),
            ("a/0.png 0\nb/3.png -1\n", r"Train.txt:2: label '-1' is negative"),
            ("a/0.png 0\nb/3.png 99999999999999\n", r"Train.txt:2: .*far too large"),
            ("a/0.png 0\nb/3.png cat\n", r"Train.txt:2: label 'cat' is not a whole number"),
            ("a/0.png cat\nb/3.png 3\n", r"Train.txt:2: label '3' is a whole number, unlike"),
            ("a/0.png 0\na/./0.png 1\n", r"Train.txt:2: 'a/./0.png' has label '1', but '0' in li"),
            ("a/0.png 0\n../../x.png 1\n", r"Train.txt:2: '../../x.png' leaves the image root"),
            ("a/0.png 0\na/../../Eval.txt 1\n", r"Train.txt:2: .* leaves the image root"),
            ("a/0.png 0\n..\\..\\x.png 1\n", r"Train.txt:2: .* leaves the image root"),
            ("a/0.png 0\n/etc/passwd 1\n", r"Train.txt:2: absolute path '/etc/passwd'"),
            ("a/0.png 0\nC:\\x.png 1\n", r"Train.txt:2: absolute path"),
            ("a/0.png 0\na 1\n", r"Train.txt:2: 'a' is not an ordinary file"),
            (b"a/0.png 0\nb/\xd6\xd0.png 1\n", r"Train.txt:2: 'b/中.png': no such file"),
            (b"a/0.png 0\nb/caf\xe9.png 1\n", r"Train.txt:2: not UTF-8 text, nor GBK .*--encoding"),
            ("a/0.png 0\n".encode("utf-16")[:-1], r"Train.txt: not UTF-8"),
            (b"a/0.png 0\nb/3\0.png 1\n", r"Train.txt:2: holds a NUL"),
            ("# nothing\n\n", r"Train.txt: lists no images"),
        ],
    )
    def test_a_bad_line_is_refused_with_file_and_line(self, folder, text, error):
        with pytest.raises(UserError, match=error):
            load(write_lists(folder, text))

    def test_an_evaluation_label_that_training_lacks_is_refused(self, folder):
        with pytest.raises(UserError, match=r"Eval.txt:2: label '2' does not occur in training"):
            load(write_lists(folder, TRAIN, "a/2.png 0\nb/5.png 2\n"))

    def test_symbolic_links_outwards_are_refused_and_inwards_allowed(self, folder, tmp_path):
        picture(tmp_path / "outside" / "x.png", 8)
        images = folder / "Images"
        (images / "in.png").symlink_to(images / "a" / "0.png")
        (images / "out.png").symlink_to(tmp_path / "outside" / "x.png")
        (images / "outdir").symlink_to(tmp_path / "outside")
        assert values(load(write_lists(folder, "in.png 0\nb/3.png 1\n"))[0]) == [(0, 0), (3, 1)]
        for name in ("out.png", "outdir/x.png"):
            with pytest.raises(UserError, match=r"Train.txt:2: .* by a symbolic link"):
                load(write_lists(folder, f"a/0.png 0\n{name} 1\n"))

    def test_a_file_with_another_label_in_evaluation_is_refused(self, folder):
        text = r"Eval.txt:2: 'a/../a/0.png' has label '1', but '0' in .*Train.txt:1"
        with pytest.raises(UserError, match=text):
            load(write_lists(folder, TRAIN, "a/2.png 0\na/../a/0.png 1\n"))

    def test_a_file_in_both_parts_is_warned_of(self, folder, caplog):
        load(write_lists(folder, TRAIN, "a/0.png 0\nb/5.png 1\n"))
        assert "1 files are in training and in evaluation" in caplog.text
        assert "0.png" in caplog.text

    @pytest.mark.parametrize("place", ["AI Studio", "home", "variable", "folder of the lists"])
    def test_aistudio_layout_is_found_by_itself(self, folder, tmp_path, monkeypatch, place):
        lists = tmp_path / "ai" / "data" / "data22612"
        lists.mkdir(parents=True)
        write_lists(lists, TRAIN)
        monkeypatch.setattr(data_options, "AISTUDIO", tmp_path / "nowhere")
        monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
        monkeypatch.delenv("PADDLE_AUG_DATA", raising=False)
        if place == "AI Studio":
            monkeypatch.setattr(data_options, "AISTUDIO", tmp_path / "ai")
        elif place == "home":
            monkeypatch.setenv("HOME", str(tmp_path / "ai"))
        else:
            named = tmp_path / "ai" if place == "variable" else lists
            monkeypatch.setenv("PADDLE_AUG_DATA", str(named))
        with pytest.raises(UserError, match="no images"):
            load_data(DataOptions())
        with zipfile.ZipFile(lists / "Images.zip", "w") as archive:
            for path in sorted((folder / "Images").rglob("*.png")):
                archive.write(path, path.relative_to(folder))
        assert values(load_data(DataOptions())[0]) == [(0, 0), (1, 0), (3, 1), (4, 1)]
        home = lists if place == "folder of the lists" else tmp_path / "ai"
        (home / "work").mkdir()
        (folder / "Images").rename(home / "work" / "Images")
        train, _ = load_data(DataOptions())
        assert train.source(0) == str(home / "work" / "Images" / "a" / "0.png")

    def test_a_variable_that_names_a_wrong_folder_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PADDLE_AUG_DATA", str(tmp_path))
        with pytest.raises(UserError, match=r"PADDLE_AUG_DATA is .*has a Train\.txt; correct the"):
            load_data(DataOptions())


@pytest.mark.parametrize("name", ["train.txt", "train.csv"])
def test_lists_and_tables_of_too_many_lines_are_refused(folder, monkeypatch, name):
    text = "a/0.png 0\na/1.png 0\nb/3.png 1\n"
    if name == "train.csv":
        text = "image,label\n" + text.replace(" ", ",")
    (folder / name).write_text(text)
    count = text.count("\n")
    monkeypatch.setattr(list_files, "MAX_LINES", count)
    assert len(load(folder, eval_data=str(folder / name))[0]) == 3
    monkeypatch.setattr(list_files, "MAX_LINES", count - 1)
    with pytest.raises(UserError, match=f"{name}: {count} lines, the limit is {count - 1}: leave"):
        load(folder)
    assert not hasattr(list_files.ListRow("a", "b", "c", 1), "__dict__")  # which takes memory


class TestCsv:
    def write(self, folder, text, name="train.csv"):
        (folder / name).write_text(text)
        return folder

    def test_a_table_is_split_by_row_order(self, folder):
        rows = "image,label\na/0.png,0\nb/3.png,1\na/1.png,0\nb/4.png,1\na/2.png,0\n"
        train, evaluation = load(self.write(folder, rows))
        assert values(train) == [(0, 0), (3, 1), (1, 0), (4, 1)]
        assert values(evaluation) == [(2, 0)]

    @pytest.mark.parametrize(
        ("name", "header", "evaluated"),
        [
            ("test.csv", "image,kind", [(5, 1)]),
            ("TEST.csv", "kind, image", [(5, 1)]),
            ("test.csv", "image,label", [(2, 0)]),
            ("test.csv", "image", [(2, 0)]),
            ("val.csv", "image,kind", [(5, 1)]),
        ],
    )
    def test_a_test_table_is_evaluated_on_where_it_has_labels(
        self, folder, name, header, evaluated
    ):
        rows = "image,kind\na/0.png,0\nb/3.png,1\na/1.png,0\nb/4.png,1\na/2.png,0\n"
        self.write(folder, rows)
        row = ",".join({"image": "b/5.png"}.get(key.strip(), "1") for key in header.split(","))
        self.write(folder, f"{header}\n{row}\n", name)
        train, evaluation = load(folder, label_column="kind")
        assert values(evaluation) == evaluated and len(train) == (5 if evaluated[0][0] == 5 else 4)
        said = describe(train, evaluation)
        assert (f"{name} beside it is evaluated on" in said) == (len(train) == 5)
        left_out = f"{name} beside it has no column kind, and is left out (otherwise --eval-data"
        assert (left_out in said) == (len(train) == 4)

    def test_columns_can_be_named_and_a_second_table_given(self, folder):
        self.write(folder, "id,kind,file\n1,007,a/0.png\n2,NA,a/1.png\n", "one.csv")
        self.write(folder, 'kind,file\nNA,"b/3.png"\n', "two.csv")
        options = {"image_column": "file", "label_column": "kind"}
        with pytest.raises(UserError, match=r"one.csv:3: label 'NA' is not a whole number"):
            load(folder / "one.csv", eval_data=str(folder / "two.csv"), **options)
        self.write(folder, "id,kind,file\n1,x,a/0.png\n2,NA,a/1.png\n", "one.csv")
        train, evaluation = load(folder / "one.csv", eval_data=str(folder / "two.csv"), **options)
        assert train.classes == ["NA", "x"] and values(train) == [(0, 1), (1, 0)]
        assert values(evaluation) == [(3, 0)]

    def test_a_stratified_split_has_every_class_in_both_parts(self, folder):
        rows = "image,label\n" + "".join(f"{'ab'[i // 3]}/{i}.png,{i // 3}\n" for i in range(6))
        with pytest.raises(UserError, match=r"train.csv:\d: label '1' does not occur in training"):
            load(self.write(folder, rows), eval_share=0.5)
        train, evaluation = load(folder, split="stratified", eval_share=0.34)
        assert list(np.bincount(train.labels)) == [2, 2]
        assert list(np.bincount(evaluation.labels)) == [1, 1]
        both = values(train) + values(evaluation)
        assert sorted(both) == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1)]

    def test_numbers_written_by_pandas_as_floats_are_understood(self, folder):
        rows = "image,label\na/0.png,0.0\nb/3.png,1.0\na/1.png,0.0\n"
        train, _ = load(self.write(folder, rows), eval_share=0.3, class_names="labels")
        assert train.classes == ["0", "1"] and list(train.labels) == [0, 1]

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            (
                "path,label\na/0.png,0\n",
                r"train.csv:1: needs exactly one column 'image'; its columns: 'path",
            ),
            ("image,label\na/0.png,0\nb/3.png\n", r"train.csv:3: the label is empty"),
            ("image,label\na/0.png,0\n,1\n", r"train.csv:3: the image is empty"),
            ("image,label\na/0.png,0\nb/3.png,1,9\n", r"train.csv: not a table"),
            ("image,label\na/0.png,0,9\nb/3.png,1,9\n", r"train.csv: not a table"),
            ("image,label\na/0.png,0\n\na/9.png,0\n", r"train.csv:4: 'a/9.png': no such file"),
            ("image,label\na/0.png,0\nb/3.png,1.5\n", r"train.csv:3: label '1.5' is not a whole"),
            (
                'image,label,"two\nlines"\n"a/0.png",0,"a\nb\nc"\na/9.png,0,x\n',
                r"train.csv:6: 'a/9.p",
            ),
            ("image,label\n", r"train.csv: lists no images"),
            ("", r"train.csv: not a table"),
        ],
    )
    def test_a_bad_table_is_refused(self, folder, text, error):
        with pytest.raises(UserError, match=error):
            load(self.write(folder, text))


class TestPlaces:
    """Where the images of a list may lie."""

    @pytest.mark.parametrize(
        ("train_list", "eval_list"),
        [("train/train_rows.txt", "test/test_rows.txt"), ("train.txt", "test.txt"),
         ("Images/train.txt", "test/Images.txt")],
    )  # fmt: skip
    def test_each_list_takes_the_images_beside_itself_first(self, tmp_path, train_list, eval_list):
        for number in range(2):
            for part, value in (("train", 0), ("Images", 0), ("test", 7)):
                picture(tmp_path / part / f"{number}.png", value + number)
            if train_list == "train.txt":
                (tmp_path / "Images" / f"{number}.png").unlink()
        (tmp_path / train_list).write_text("0.png 0\n1.png 1\n")
        (tmp_path / eval_list).write_text("0.png 0\n1.png 1\n")
        train, evaluation = load(tmp_path / train_list, eval_data=str(tmp_path / eval_list))
        assert values(train) == [(0, 0), (1, 1)] and values(evaluation) == [(7, 0), (8, 1)]
        said = f"the images of {(tmp_path / eval_list).name} are taken from {tmp_path / 'test'}"
        assert said in describe(train, evaluation)

    def test_a_list_of_another_folder_may_name_the_training_images(self, folder, tmp_path, caplog):
        write_lists(folder, TRAIN, None)
        (tmp_path / "mine.lst").write_text("a/0.png 0\nb/5.png 1\n")
        train, evaluation = load(folder, eval_data=str(tmp_path / "mine.lst"))
        assert values(evaluation) == [(0, 0), (5, 1)]
        assert "are taken from" not in describe(train, evaluation)
        (tmp_path / "link").symlink_to(folder)  # another spelling of the same files
        caplog.clear()
        (folder / "Eval.txt").write_text("a/0.png 0\nb/5.png 1\n")
        load(folder, eval_data=str(tmp_path / "link" / "Eval.txt"))
        assert "1 files are in training and in evaluation" in caplog.text

    @pytest.mark.parametrize(
        ("names", "error"),
        [
            (["Train.txt", "train.txt", "Eval.txt"], "set: Train.txt and train.txt differ in cap"),
            (["Train.txt", "VAL.txt", "Val.txt"], "set: VAL.txt and Val.txt differ in capitals on"),
            (["Train.txt", "Eval.txt", "Test.txt", "TEST.txt"], None),  # not read
        ],
    )
    def test_two_lists_that_differ_in_capitals_only_are_refused(self, folder, names, error):
        for name in names:
            (folder / name).write_text("a/0.png 0\nb/3.png 1\n")
        if error:
            with pytest.raises(UserError, match=error):
                load(folder)
        chosen = {"eval_data": str(folder / names[-1])} if error else {}
        assert values(load(folder / names[0], **chosen)[1]) == [(0, 0), (3, 1)]

    @pytest.mark.parametrize("form", ["absolute", "through a link", "given root"])
    def test_absolute_paths_inside_the_image_root_are_read(self, folder, tmp_path, form):
        base, options = folder, {}
        if form == "through a link":
            (tmp_path / "link").symlink_to(folder)
            base = tmp_path / "link"
        elif form == "given root":
            (tmp_path / "lists").mkdir()
            options = {"images_root": str(folder)}
        place = tmp_path / "lists" if options else folder
        rows = [f"{base}/Images/a/0.png 0", f"{base}/Images/b/3.png 1"]
        write_lists(place, "\n".join(rows), f"{base}/Images/b/5.png 1\n")
        train, evaluation = load(place, **options)
        assert values(train) == [(0, 0), (3, 1)] and values(evaluation) == [(5, 1)]
        said = f"absolute paths of images lie inside {folder / 'Images'}"
        assert (said in describe(train, evaluation)) == (not options)

    def test_an_absolute_and_a_relative_path_of_one_file_are_one(self, folder):
        image = folder / "Images" / "a" / "0.png"
        write_lists(folder, f"{image} 0\nb/3.png 1\n", "a/0.png 1\nb/5.png 1\n")
        with pytest.raises(UserError, match=r"Eval.txt:1: 'a/0.png' has label '1', but '0' in"):
            load(folder, class_names="labels")

    @pytest.mark.parametrize("outside", ["/etc/passwd", "{tmp}/x.png", "{set}/Images/../../x.png"])
    def test_absolute_paths_elsewhere_are_refused(self, folder, tmp_path, outside):
        picture(tmp_path / "x.png")
        path = outside.format(tmp=tmp_path, set=folder)
        write_lists(folder, f"{folder}/Images/a/0.png 0\n{path} 1\n")
        with pytest.raises(UserError, match=r"Train.txt:2: absolute path .* outside the image ro"):
            load(folder)
        (folder / "Images" / "link").symlink_to(tmp_path)
        write_lists(folder, f"{folder}/Images/a/0.png 0\n{folder}/Images/link/x.png 1\n")
        with pytest.raises(UserError, match=r"Train.txt:2: absolute path .* outside the image ro"):
            load(folder)

    @pytest.mark.parametrize("codec", ["utf-8", "gbk"])
    @pytest.mark.parametrize("disk", ["utf-8", "gbk"])
    def test_names_in_the_list_and_on_the_disk_may_be_of_two_encodings(self, tmp_path, codec, disk):
        for value, name in enumerate(("圆盘", "方块")):
            picture(tmp_path / name / "图.png", value)
        if disk == "gbk":
            for name in ("圆盘", "方块"):
                raw = os.fsencode(tmp_path) + b"/" + name.encode("gbk")
                os.rename(tmp_path / name, raw)
                os.rename(raw + "/图.png".encode(), raw + "/图.png".encode("gbk"))
        text = "圆盘/图.png 0\n方块/图.png 1\n".encode(codec)
        write_lists(tmp_path, text, None)
        (tmp_path / "Eval.txt").write_bytes(text)
        train, _ = load(tmp_path)
        assert values(train) == [(0, 0), (1, 1)] and train.classes == ["圆盘", "方块"]
        assert train.source(0) == str(tmp_path / "圆盘" / "图.png")

    def test_accents_as_macos_writes_them_are_found(self, tmp_path):
        picture(tmp_path / "cafe\u0301" / "1.png", 7)
        picture(tmp_path / "b" / "1.png", 8)
        write_lists(tmp_path, "café/1.png 0\nb/1.png 1\n", None)
        train, _ = load(tmp_path, eval_data=str(tmp_path / "Train.txt"))
        assert values(train) == [(7, 0), (8, 1)] and train.classes == ["café", "b"]
