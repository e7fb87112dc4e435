"""Folders of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from goodfit.data import files, load
from goodfit.errors import DataError
from goodfit.recipe import DataSource

RNG = np.random.default_rng(0)


def save(path: Path, *, mode: str = "L", size: tuple[int, int] = (6, 4), value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = RNG.integers(0, 256, (size[1], size[0], *channels), dtype=np.uint8)
    pixels.flat[0] = value
    Image.fromarray(pixels).save(path)


def make(folder: Path, *, mode: str = "L", num: int = 5) -> Path:
    for kind in ("dog", "cat"):
        for number in range(num):
            save(folder / kind / f"{number}.png", mode=mode)
    return folder


def read(folder: Path) -> np.ndarray:
    return np.asarray(load(DataSource(path=str(folder))).inputs)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 3)])
def test_shape_classes_and_pixels(tmp_path: Path, mode: str, channels: int) -> None:
    data = load(DataSource(path=str(make(tmp_path, mode=mode))))
    images = np.asarray(data.inputs)
    assert (images.shape, images.dtype) == ((10, channels, 4, 6), np.uint8)
    assert (data.classes, data.target.tolist()) == (("cat", "dog"), [0] * 5 + [1] * 5)
    with Image.open(tmp_path / "dog" / "3.png") as image:
        expected = np.asarray(image).reshape(4, 6, -1)[..., :channels]
    assert (images[8] == np.moveaxis(expected, -1, 0)).all()


def test_one_colour_image_makes_all_of_them_colour(tmp_path: Path) -> None:
    save(make(tmp_path) / "dog" / "9.png", mode="RGB")
    data = load(DataSource(path=str(tmp_path)))
    images = np.asarray(data.inputs)
    assert images.shape == (11, 3, 4, 6)
    assert (images[0, 0] == images[0, 1]).all()
    (note,) = data.notes
    assert note.startswith("10 grey and 1 colour images are mixed") and "converted" in note


def test_a_class_folder_without_images_is_told(tmp_path: Path) -> None:
    (make(tmp_path) / "bird").mkdir()
    data = load(DataSource(path=str(tmp_path)))
    assert data.classes == ("cat", "dog")
    assert data.notes == ('1 class has no images and cannot be learned: "bird".',)
    (tmp_path / "cow").mkdir()
    (note,) = load(DataSource(path=str(tmp_path))).notes
    assert note == '2 classes have no images and cannot be learned: "bird", "cow".'


def test_palettes_and_other_formats(tmp_path: Path) -> None:
    make(tmp_path, num=3)
    for kind in ("cat", "dog"):
        Image.new("P", (6, 4), 3).save(tmp_path / kind / "p.gif")
        Image.new("1", (6, 4), 1).save(tmp_path / kind / "q.BMP")
    assert read(tmp_path).shape == (10, 3, 4, 6)


def test_other_files_are_ignored_and_counted(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "cat" / ".0.png").write_text("no image")
    (tmp_path / "cat" / "notes.csv").write_text("a")
    (tmp_path / "dog" / "more.png").mkdir()
    data = load(DataSource(path=str(tmp_path)))
    assert data.num_rows == 10
    assert data.notes == (
        "5 files or folders beside the images (hidden, or of another kind) were not read.",
    )


def test_different_sizes_name_two_files(tmp_path: Path) -> None:
    save(make(tmp_path) / "dog" / "9.png", size=(7, 4))
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert f"{tmp_path}/cat/0.png is 6x4" in str(caught.value.given)
    assert f"{tmp_path}/dog/9.png is 7x4" in str(caught.value.given)
    assert "Resize" in caught.value.do


@pytest.mark.parametrize("keep", [0, 10, 60])
def test_a_damaged_image_is_named(tmp_path: Path, keep: int) -> None:
    path = make(tmp_path) / "dog" / "2.png"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert str(path) in str(caught.value.given)


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    make(tmp_path)
    Image.fromarray(np.full((4, 6), 40_000, np.uint16)).save(tmp_path / "cat" / "9.png")
    with pytest.raises(DataError, match="more than 8 bits"):
        read(tmp_path)


def test_more_images_than_fit_in_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path)
    monkeypatch.setattr(files, "physical_bytes", lambda: 10 * 4 * 6 - 1)
    with pytest.raises(DataError, match="larger than this machine's memory"):
        read(tmp_path)


def test_folders_without_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert "0 sub-folders" in str(caught.value.given)
    save(tmp_path / "train" / "cat" / "0.png")
    with pytest.raises(DataError, match="no images in class folders"):
        read(tmp_path)
