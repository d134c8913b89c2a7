"""MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100 from small files in their own formats, through torchvision's own code.

The files are written here as the formats say; the download comes from a server on this machine. What is replaced is data
alone: addresses, MD5 sums and numbers of images.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets

from lwal_core.config import DataConfig, RunConfig
from lwal_core.config.data import DOWNLOADED_DATA
from lwal_core.data import load_dataset
from lwal_core.datafiles import check_source, source_stats
from lwal_core.datafiles.downloads import DOWNLOADS, data_folder
from lwal_core.errors import ConfigError, DataError
from lwal_core.taxonomy import load_taxonomy

TRAIN, TEST = 4, 2
"""Images per class in the small files."""
ASKED_A_FILE = 2
"""torchvision asks for a file once to learn of redirections and once to read it."""
FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOUR = ("mnist", "fashion_mnist", "cifar10", "cifar100")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where data is looked for. Nobody answers at the addresses, and the data sets are expected to be small."""
    monkeypatch.setenv("LWAL_DATA", str(tmp_path / "data"))
    for reader in (datasets.MNIST, datasets.FashionMNIST):
        monkeypatch.setattr(reader, "mirrors", ["http://127.0.0.1:9/"])
    for reader in (datasets.CIFAR10, datasets.CIFAR100):
        monkeypatch.setattr(reader, "url", "http://127.0.0.1:9/")
    for name in FOUR:
        classes = len(DOWNLOADS[name].train_per_class)
        small = replace(DOWNLOADS[name], train_per_class=(TRAIN,) * classes, test_per_class=(TEST,) * classes)
        monkeypatch.setitem(DOWNLOADS, name, small)
    return tmp_path / "data"


def pixels(name: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images ``[N, channels, H, W]`` and labels in mixed order."""
    channels, height, width = DOWNLOADS[name].shape
    classes, each = len(DOWNLOADS[name].train_per_class), TRAIN if part == "train" else TEST
    generator = np.random.default_rng([FOUR.index(name), part == "train"])
    y = generator.permutation(np.repeat(np.arange(classes), each))
    return generator.integers(0, 256, (len(y), channels, height, width), dtype=np.uint8), y


def idx_files(name: str) -> dict[str, bytes]:
    """The four files of MNIST, see http://yann.lecun.com/exdb/mnist/: big-endian headers, then bytes."""
    files = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        x, y = pixels(name, part)
        files[f"{prefix}-images-idx3-ubyte"] = struct.pack(">4B3I", 0, 0, 8, 3, len(x), 28, 28) + x.tobytes()
        files[f"{prefix}-labels-idx1-ubyte"] = struct.pack(">4BI", 0, 0, 8, 1, len(y)) + y.astype(np.uint8).tobytes()
    return files


def cifar_files(name: str) -> dict[str, bytes]:
    """The files of the Python version, see https://www.cs.toronto.edu/~kriz/cifar.html, by their names in the archive."""
    contents: dict[str, object] = {}
    parts = {part: pixels(name, part) for part in ("train", "test")}
    if name == "cifar10":
        x, y = parts["train"]
        for number, rows in enumerate(np.array_split(np.arange(len(y)), 5), start=1):
            contents[f"data_batch_{number}"] = {"data": x[rows].reshape(len(rows), -1), "labels": y[rows].tolist()}
        x, y = parts["test"]
        contents["test_batch"] = {"data": x.reshape(len(y), -1), "labels": y.tolist()}
        contents["batches.meta"] = {"label_names": list(CIFAR10)}
    else:
        for part, (x, y) in parts.items():
            contents[part] = {"data": x.reshape(len(y), -1), "fine_labels": y.tolist(), "coarse_labels": [0] * len(y)}
        names = [one.replace(" ", "_") for one in load_taxonomy("cifar100").classes]
        contents["meta"] = {"fine_label_names": sorted(names), "coarse_label_names": []}
    folder = getattr(datasets, name.upper()).base_folder
    return {f"{folder}/{file}": pickle.dumps(value, protocol=2) for file, value in contents.items()}


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def trust(monkeypatch: pytest.MonkeyPatch, name: str, files: dict[str, bytes]) -> None:
    """Put the MD5 sums of these CIFAR files where torchvision keeps those of the published ones."""
    reader = getattr(datasets, name.upper())
    sums = {path.rpartition("/")[2]: md5(content) for path, content in files.items()}
    for part in ("train_list", "test_list"):
        monkeypatch.setattr(reader, part, [[file, sums[file]] for file, _ in getattr(reader, part)])
    monkeypatch.setattr(reader, "meta", {**reader.meta, "md5": sums[reader.meta["filename"]]})


def unpack(files: dict[str, bytes], folder: Path) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def place(monkeypatch: pytest.MonkeyPatch, root: Path, name: str) -> None:
    """The unpacked files, as they lie after a download."""
    if name.startswith("cifar"):
        files = cifar_files(name)
        trust(monkeypatch, name, files)
        unpack(files, root)
    else:
        unpack(idx_files(name), root / DOWNLOADS[name].folder)


def class_names(name: str) -> tuple[str, ...]:
    return {
        "mnist": tuple("0123456789"),
        "fashion_mnist": FASHION,
        "cifar10": CIFAR10,
        "cifar100": tuple(sorted(load_taxonomy("cifar100").classes)),
    }[name]


def refusal(**values: object) -> DataError:
    with pytest.raises(DataError) as caught:
        load_dataset(DataConfig.model_validate(values))
    assert caught.value.hint
    return caught.value


class TestReading:
    @pytest.mark.parametrize("name", FOUR)
    def test_is_what_was_written(self, name, root, monkeypatch):
        place(monkeypatch, root, name)
        data = load_dataset(DataConfig(name=name))
        for part, x, y in (("train", data.x_train, data.y_train), ("test", data.x_test, data.y_test)):
            images, labels = pixels(name, part)
            np.testing.assert_array_equal(x, images)
            np.testing.assert_array_equal(y, labels)
        assert data.class_names == class_names(name)
        assert data.notes == ()

    @pytest.mark.parametrize("name", FOUR)
    def test_taxonomy_covers_the_classes(self, name, root, monkeypatch):
        place(monkeypatch, root, name)
        data = load_dataset(DataConfig(name=name))
        assert data.taxonomy == {"mnist": None}.get(name, name)
        if data.taxonomy:
            unmatched = load_taxonomy(data.taxonomy).match(data.class_names)[1]
            assert unmatched == (["T-shirt/top", "Ankle boot"] if name == "fashion_mnist" else [])

    @pytest.mark.parametrize("name", FOUR)
    @pytest.mark.parametrize("options", [{}, {"per_class": 3}, {"per_class": 2, "image_size": 16}, {"image_size": 56}])
    def test_facts_told_beforehand_are_the_facts(self, name, options, root, monkeypatch):
        place(monkeypatch, root, name)
        config = DataConfig(name=name, **options)
        facts, data = source_stats(config), load_dataset(config)
        assert (facts.train, facts.test, facts.classes) == (len(data.y_train), len(data.y_test), data.num_classes)
        assert (facts.unit, facts.notes) == ("images", ())
        size = options.get("image_size", DOWNLOADS[name].shape[1])
        assert data.input_shape == (DOWNLOADS[name].shape[0], size, size)

    @pytest.mark.parametrize("name", FOUR)
    def test_subsets_are_balanced_nested_seeded_and_leave_the_test_set_alone(self, name, root, monkeypatch):
        place(monkeypatch, root, name)
        full, three, two, other = (
            load_dataset(DataConfig(name=name, per_class=n, split_seed=seed))
            for n, seed in ((None, 0), (3, 0), (2, 0), (2, 1))
        )
        np.testing.assert_array_equal(np.bincount(three.y_train), [3] * full.num_classes)
        rows = [{image.numpy().tobytes() for image in data.x_train} for data in (two, three, full, other)]
        assert rows[0] < rows[1] < rows[2]
        assert rows[3] != rows[0]
        assert torch.equal(two.x_test, full.x_test)

    def test_twice_the_size_repeats_pixels(self, root, monkeypatch):
        """As the paper's networks get MNIST: 28 x 28 up-sampled to 56."""
        place(monkeypatch, root, "mnist")
        large = load_dataset(DataConfig(name="mnist", image_size=56))
        np.testing.assert_array_equal(large.x_test[0, 0], np.kron(pixels("mnist", "test")[0][0, 0], np.ones((2, 2))))

    def test_without_a_folder_of_its_own_data_lies_in_the_home(self, home, monkeypatch):
        monkeypatch.delenv("LWAL_DATA", raising=False)
        assert data_folder() == home / "data"
        monkeypatch.setenv("LWAL_DATA", "")
        assert data_folder() == home / "data"

    @pytest.mark.parametrize("look", [source_stats, load_dataset])
    def test_a_mistyped_folder_is_refused_and_not_made(self, tmp_path, monkeypatch, look):
        for wrong, said in (
            (tmp_path / "dta" / "sets", "is not there, and neither is the folder"),
            (tmp_path / "f", "a file"),
        ):
            (tmp_path / "f").touch()
            monkeypatch.setenv("LWAL_DATA", str(wrong))
            with pytest.raises(DataError, match=said) as error:
                look(DataConfig(name="mnist"))
            assert "Correct LWAL_DATA" in error.value.hint
        assert [path.name for path in tmp_path.iterdir()] == ["f"]


class TestDownload:
    @pytest.mark.parametrize("name", FOUR)
    def test_is_made_once(self, name, root, web_server, monkeypatch):
        serve(monkeypatch, web_server, name)
        assert "will be downloaded once" in source_stats(DataConfig(name=name)).notes[0]
        first = load_dataset(DataConfig(name=name))
        np.testing.assert_array_equal(first.x_train, pixels(name, "train")[0])
        assert source_stats(DataConfig(name=name)).notes == ()
        asked = list(web_server.asked)
        assert len(asked) == ASKED_A_FILE * len(DOWNLOADS[name].files)
        assert load_dataset(DataConfig(name=name)).fingerprint == first.fingerprint
        assert web_server.asked == asked

    @pytest.mark.parametrize("name", FOUR)
    def test_files_that_were_put_there_by_hand_are_used(self, name, root, web_server, monkeypatch):
        serve(monkeypatch, web_server, name)
        DOWNLOADS[name].place.mkdir(parents=True)
        for file in DOWNLOADS[name].files:
            (web_server.folder / file).rename(DOWNLOADS[name].place / file)
        assert len(load_dataset(DataConfig(name=name)).y_train) == sum(DOWNLOADS[name].train_per_class)
        assert web_server.asked == []

    @pytest.mark.parametrize("name", FOUR)
    def test_an_altered_file_is_not_used(self, name, root, web_server, monkeypatch):
        serve(monkeypatch, web_server, name)
        for file in web_server.folder.iterdir():
            file.write_bytes(file.read_bytes() + b"\0")
        error = refusal(name=name)
        assert "corrupted" in error.message
        assert not DOWNLOADS[name].here

    @pytest.mark.parametrize("name", FOUR)
    def test_without_a_network_files_and_folders_are_named(self, name, root):
        error = refusal(name=name)
        download = DOWNLOADS[name]
        assert f"{download.title} is not on this machine and cannot be downloaded from {download.url}" in error.message
        assert "Connection refused" in error.message
        assert all(file in error.hint for file in download.files)
        assert str(download.place) in error.hint and "LWAL_DATA" in error.hint

    def test_by_two_at_once_is_made_once(self, root, web_server, monkeypatch):
        serve(monkeypatch, web_server, "cifar10")
        found: list[str] = []
        threads = [
            threading.Thread(target=lambda: found.append(load_dataset(DataConfig(name="cifar10")).fingerprint))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 2 and len(set(found)) == 1
        assert len(web_server.asked) == ASKED_A_FILE


def serve(monkeypatch: pytest.MonkeyPatch, web_server: object, name: str) -> None:
    """Give out the archives of a data set at a local address, with their MD5 sums known to torchvision."""
    folder, address = web_server.folder, f"{web_server.address}/"  # type: ignore[attr-defined]
    reader = {"mnist": datasets.MNIST, "fashion_mnist": datasets.FashionMNIST}.get(name)
    if reader is not None:
        archives = {f"{file}.gz": gzip.compress(content) for file, content in idx_files(name).items()}
        monkeypatch.setattr(reader, "mirrors", [address])
        monkeypatch.setattr(reader, "resources", [(file, md5(archives[file])) for file, _ in reader.resources])
    else:
        reader, files, packed = getattr(datasets, name.upper()), cifar_files(name), io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, content in files.items():
                entry = tarfile.TarInfo(path)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        archives = {reader.filename: packed.getvalue()}
        trust(monkeypatch, name, files)
        monkeypatch.setattr(reader, "url", address + reader.filename)
        monkeypatch.setattr(reader, "tgz_md5", md5(packed.getvalue()))
    assert set(archives) == set(DOWNLOADS[name].files)
    for file, content in archives.items():
        (folder / file).write_bytes(content)


class TestDamage:
    @pytest.mark.parametrize("cut", [3, 20, 5_000])
    def test_a_cut_off_mnist_file(self, root, monkeypatch, cut):
        place(monkeypatch, root, "mnist")
        images = root / "MNIST" / "raw" / "train-images-idx3-ubyte"
        images.write_bytes(images.read_bytes()[:cut])
        error = refusal(name="mnist")
        assert "The files of MNIST" in error.message and "not whole or not the published ones" in error.message
        assert f"Delete '{root / 'MNIST'}'" in error.hint

    def test_images_and_labels_that_do_not_fit(self, root, monkeypatch):
        place(monkeypatch, root, "mnist")
        unpack({"train-labels-idx1-ubyte": struct.pack(">4BI", 0, 0, 8, 1, 3) + b"\0\1\2"}, root / "MNIST" / "raw")
        assert "3 training images instead of 40" in refusal(name="mnist").message

    def test_labels_that_no_digit_has(self, root, monkeypatch):
        place(monkeypatch, root, "mnist")
        labels = root / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
        labels.write_bytes(labels.read_bytes()[:-1] + b"\xc8")
        assert "or other numbers of a class" in refusal(name="mnist").message

    @pytest.mark.parametrize("name", ["cifar10", "cifar100"])
    def test_a_file_with_another_sum_is_not_unpickled(self, name, root, tmp_path, monkeypatch):
        """A pickle can call any function; torchvision's comparison with its list of MD5 sums stands before it."""
        place(monkeypatch, root, name)
        witness = tmp_path / "witness"

        class Attack:
            def __reduce__(self) -> tuple[object, ...]:
                return Path.touch, (witness,)

        file = root / DOWNLOADS[name].ready[0]
        file.write_bytes(pickle.dumps({"data": Attack()}, protocol=2))
        pickle.loads(file.read_bytes())
        assert witness.exists()
        witness.unlink()
        error = refusal(name=name)
        assert "not whole or not the published ones" in error.message
        assert not witness.exists()

    def test_files_of_another_size_are_refused(self, root, monkeypatch):
        place(monkeypatch, root, "cifar10")
        larger = replace(DOWNLOADS["cifar10"], train_per_class=(5_000,) * 10)
        monkeypatch.setitem(DOWNLOADS, "cifar10", larger)
        assert "40 training images instead of 50,000" in refusal(name="cifar10").message


class TestStats:
    """Against what the data sets' authors publish, and what torchvision knows of them."""

    def test_names(self):
        assert tuple(DOWNLOADS) == DOWNLOADED_DATA
        for name in DOWNLOADED_DATA:
            check_source(name)
            assert DataConfig(name=name).title == name

    @pytest.mark.parametrize(
        ("name", "train", "test", "classes"),
        [
            ("mnist", 60_000, 10_000, 10),
            ("fashion_mnist", 60_000, 10_000, 10),
            ("cifar10", 50_000, 10_000, 10),
            ("cifar100", 50_000, 10_000, 100),
            ("food101", 75_750, 25_250, 101),
        ],
    )
    def test_sizes(self, name, train, test, classes, monkeypatch, tmp_path):
        monkeypatch.setenv("LWAL_DATA", str(tmp_path))
        facts = source_stats(DataConfig(name=name))
        assert (facts.train, facts.test, facts.classes) == (train, test, classes)
        assert source_stats(DataConfig(name=name, per_class=50)).train == 50 * classes
        assert f"downloaded once ({DOWNLOADS[name].megabytes:,} MB from" in facts.notes[0]
        assert str(tmp_path) in facts.notes[0]
        assert not list(tmp_path.iterdir())  # asking changes nothing

    @pytest.mark.parametrize(
        ("name", "most"),
        [("mnist", 5_421), ("fashion_mnist", 6_000), ("cifar10", 5_000), ("cifar100", 500), ("food101", 750)],
    )
    def test_a_subset_larger_than_a_class_is_refused_before_anything_is_fetched(self, name, most, web_server):
        assert source_stats(DataConfig(name=name, per_class=most)).train > 0
        config = DataConfig(name=name, per_class=most + 1)
        with pytest.raises(DataError, match=rf"only {most:,} training samples. Use at most {most:,}") as asking:
            source_stats(config)
        with pytest.raises(DataError) as loading:
            load_dataset(config)
        assert str(asking.value) == str(loading.value)

    def test_too_much_memory_is_refused_before_anything_is_fetched(self):
        for name in set(DOWNLOADED_DATA) - {"food101"}:
            with pytest.raises(DataError, match="GiB of memory; at most 4 GiB"):
                load_dataset(DataConfig(name=name, image_size=512))
        assert "streamed" in source_stats(DataConfig(name="food101", image_size=224)).notes[0]

    def test_addresses_and_files_are_torchvisions(self):
        for name, reader in (("mnist", datasets.MNIST), ("fashion_mnist", datasets.FashionMNIST)):
            download = DOWNLOADS[name]
            assert download.url == reader.mirrors[0]
            assert download.files == tuple(file for file, _ in reader.resources)
            assert download.folder == f"{reader.__name__}/raw"
        for name, reader in (("cifar10", datasets.CIFAR10), ("cifar100", datasets.CIFAR100)):
            download = DOWNLOADS[name]
            assert download.url + download.files[0] == reader.url
            assert all(path.startswith(f"{reader.base_folder}/") for path in download.ready)
        food = DOWNLOADS["food101"]
        assert food.url + food.files[0] == datasets.Food101._URL

    def test_a_share_to_hold_out_does_not_apply(self):
        with pytest.raises(ConfigError, match="test_fraction does not apply to cifar10"):
            RunConfig.parse({"data": {"name": "cifar10", "test_fraction": 0.3}})
        assert RunConfig.parse({"data": {"name": "cifar10", "test_fraction": 0.2}}).data.test_fraction == 0.2
