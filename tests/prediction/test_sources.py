"""Each kind of input names its images; what cannot be read is one image's fault, or the user's."""

import os
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from paddle_aug.core.errors import ImageError, UserError
from paddle_aug.prediction.sources import find_photos
from tests.data_sets import picture, raw_zip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """photos/1.png, photos/a b.png, photos/子/图.png, with grey values 1, 2, 3."""
    monkeypatch.chdir(tmp_path)
    for value, name in enumerate(("1.png", "a b.png", "子/图.png"), 1):
        picture(tmp_path / "photos" / name, value)
    return tmp_path


def greys(found) -> list[int]:
    """The grey value of each image: which files were read."""
    return [int(photo.read()[0, 0, 0]) for photo in found.photos]


@pytest.mark.parametrize(
    ("named", "expected"),
    [(["photos/1.png"], [1]), (["photos"], [1, 2, 3]), (["photos/子", "photos/1.png"], [3, 1]),
     (["photos/*.png"], [1, 2]), (["photos/**/*.png"], [1, 2, 3]), (["photos/*"], [1, 2, 3]),
     (["photo?/[1a]*.png"], [1, 2]), (["photos/子/图.png"], [3])],
)  # fmt: skip
def test_photos_folders_and_globs(folder, named, expected):
    found = find_photos(named)
    assert greys(found) == expected
    assert all(photo.source.startswith("photos/") for photo in found.photos)


def test_a_name_with_a_globs_characters_is_a_name(folder):
    picture(folder / "[1].png", 9)
    assert greys(find_photos(["[1].png"])) == [9]


def test_no_name_is_a_formula_in_a_spreadsheet(folder):
    picture(folder / "=1+1.png", 7)
    (folder / "list.txt").write_text("=1+1.png\n")
    for named in ("*.png", "list.txt", "."):
        photo = next(p for p in find_photos([named]).photos if "=" in p.source)
        assert photo.source == "./=1+1.png" and int(photo.read()[0, 0, 0]) == 7


def test_what_is_named_twice_is_taken_once(folder):
    found = find_photos(["photos/a b.png", "photos", str(folder / "photos/1.png")])
    assert greys(found) == [2, 1, 3]
    assert found.read_as == ["2 images named more than once, predicted once"]


def test_what_is_to_be_written_is_no_input(folder):
    assert greys(find_photos(["photos"], without=[folder / "photos" / "1.png"])) == [2, 3]
    with pytest.raises(UserError, match="no image is left"):
        find_photos(["photos/1.png"], without=[folder / "photos" / "1.png"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk"])
def test_a_list_of_paths_a_line_each(folder, encoding):
    text = "# mine\r\nphotos/a b.png\r\n\r\n photos/子/图.png\r\n"
    (folder / "list.txt").write_bytes(text.encode(encoding))
    found = find_photos(["list.txt"])
    assert greys(found) == [2, 3]
    said = {"utf-16": "UTF-16", "gbk": "GBK"}.get(encoding)
    assert found.read_as == (
        [f"list.txt is read as {said} (otherwise --encoding NAME)"] if said else []
    )


def test_a_name_that_looks_like_a_comment_is_told_of(folder, caplog):
    (folder / "list.txt").write_text("#2.png\nphotos/a b.png\n", encoding="utf-8")
    assert greys(find_photos(["list.txt"])) == [2]
    assert "list.txt: 1 line beginning with # taken for a comment" in caplog.text


def test_labels_in_a_list_are_passed_over_and_it_is_said(folder):
    (folder / "list.txt").write_text("photos/a b.png 4\nphotos/子/图.png cat\n", encoding="utf-8")
    found = find_photos(["list.txt"])
    assert greys(found) == [2, 3]
    assert found.read_as == ["labels in list.txt are passed over"]


def test_where_paths_in_a_list_start(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("lists") / "list.txt"
    elsewhere.write_text("1.png\nnone.png\n")
    found = find_photos([str(elsewhere)], images_root="photos")
    assert found.photos[0].read()[0, 0, 0] == 1
    with pytest.raises(ImageError, match="none.png: no such file"):
        found.photos[1].read()
    (folder / "photos" / "list.txt").write_text(f"{folder}/photos/1.png\n")
    assert greys(find_photos(["photos/list.txt"])) == [1]


@pytest.mark.parametrize(
    ("text", "message"),
    [("../secret.png\n", r"leaves the image root"), ("/etc/hostname\n", "outside the image root"),
     ("# nothing\n\n", "lists no images"), ("photos/1.png\n\0", "NUL character")],
)  # fmt: skip
def test_lists_that_are_refused(folder, text, message):
    (folder / "list.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        find_photos(["list.txt"])


def test_a_link_out_of_its_folder_is_not_followed(folder, tmp_path_factory):
    target = tmp_path_factory.mktemp("outside") / "7.png"
    picture(target, 7)
    (folder / "photos" / "link.png").symlink_to(target)
    found = find_photos(["photos"])
    (link,) = [photo for photo in found.photos if photo.problem]
    assert link.source == "photos/link.png" and len(found.photos) == 4
    with pytest.raises(ImageError, match=r"link.png: a symbolic link that leaves photos;.*root"):
        link.read()
    assert sorted(greys(find_photos(["photos"], images_root=str(target.parent)))) == [1, 2, 3, 7]


def test_archives_are_unpacked_once(folder):
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        for path in sorted((folder / "photos").rglob("*.png")):
            archive.write(path, path.relative_to(folder))
    with tarfile.open(folder / "more.tar.gz", "w:gz") as archive:
        archive.add(folder / "photos" / "1.png", "x/1.png")
    for _ in range(2):
        found = find_photos(["photos.zip", "more.tar.gz"])
        assert greys(found) == [1, 2, 3, 1]
        assert found.read_as == ["photos.zip is unpacked to photos_unpacked",
                                 "more.tar.gz is unpacked to more_unpacked"]  # fmt: skip


def test_names_in_a_zip_of_windows(folder):
    png = (folder / "photos" / "1.png").read_bytes()
    raw_zip(folder / "w.zip", [("照片/圆盘.png".encode("gbk"), png)])
    found = find_photos(["w.zip"])
    assert [photo.source for photo in found.photos] == ["w_unpacked/照片/圆盘.png"]
    assert "are read as GBK: 照片, 圆盘.png" in found.read_as[1]


def test_dangerous_archives_are_refused(folder):
    with zipfile.ZipFile(folder / "out.zip", "w") as archive:
        archive.writestr("../1.png", b"x")
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.png", bytes(80 << 20))
    (folder / "cut.zip").write_bytes((folder / "out.zip").read_bytes()[:50])
    for name, message in (("out", "leads outside"), ("bomb", "far more than its own size"),
                          ("cut", "damaged, encrypted or no archive")):  # fmt: skip
        with pytest.raises(UserError, match=rf"{name}.zip: .*{message}"):
            find_photos([f"{name}.zip"])
        assert not (folder / f"{name}_unpacked").exists()


@pytest.mark.parametrize(
    ("named", "message"),
    [("none.png", "none.png: no such file or folder"), ("no*.png", "no image or folder is called"),
     ("empty", "empty: holds no image"), ("table.csv", "table.csv: a table; give a list")],
)  # fmt: skip
def test_what_is_not_there_is_the_users_to_put_right(folder, named, message):
    (folder / "empty").mkdir()
    (folder / "table.csv").write_text("image,label\n")
    with pytest.raises(UserError, match=message):
        find_photos(["photos", named])


def test_other_files_are_named_not_dropped(folder, caplog):
    (folder / "photos" / "notes.md").write_text("x")
    (folder / "photos" / ".DS_Store").write_text("x")
    find_photos(["photos"])
    find_photos(["photos/*"])
    assert [record.getMessage() for record in caplog.records] == [
        "photos: left out: 1 file does not end as images do (.md), such as photos/notes.md",
        "photos/*: left out: 1 file does not end as images do",
    ]


def test_options_without_effect_are_named(folder, caplog):
    find_photos(["photos/1.png"], images_root="photos", encoding="gbk")
    assert [record.getMessage() for record in caplog.records] == [
        "--encoding has no effect on these images", "--images-root has no effect on these images"
    ]  # fmt: skip
    with pytest.raises(UserError, match="--images-root none: no such folder"):
        find_photos(["photos"], images_root="none")


def test_images_are_read_as_training_reads_them(folder):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6, 4, 3), np.uint8)
    place = folder / "kinds"
    place.mkdir()
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned clockwise
    Image.fromarray(pixels).save(place / "exif.png", exif=turned)
    Image.fromarray(pixels[..., 0]).save(place / "gray.png")
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(place / "deep.png")
    alpha = np.full((6, 4, 1), 0, np.uint8)
    Image.fromarray(np.concatenate([pixels, alpha], 2)).save(place / "alpha.png")
    Image.new("CMYK", (4, 6), (0, 255, 255, 0)).save(place / "cmyk.jpg", quality=95)
    images = {os.path.basename(p.path): p.read() for p in find_photos(["kinds"]).photos}
    np.testing.assert_array_equal(images["exif.png"], np.rot90(pixels, -1))
    for name in ("gray.png", "deep.png"):
        np.testing.assert_array_equal(images[name], np.repeat(pixels[..., :1], 3, 2))
    assert (images["alpha.png"] == 255).all()
    assert images["cmyk.jpg"][..., 0].min() > 240 and images["cmyk.jpg"][..., 1:].max() < 16
