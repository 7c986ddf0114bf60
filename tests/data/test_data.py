import errno
import gzip
import hashlib
import shutil
import socket
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from sentences import assert_one_sentence

from aigc_utils import data
from aigc_utils.data.mnist import CHECKSUMS

TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
SMALL = "t10k-labels-idx1-ubyte"


@pytest.fixture(scope="module")
def mnist():
    return data.load_mnist()


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """Returns a copy of the bundled files that a test may damage."""
    folder = tmp_path / "assets"
    shutil.copytree(data.ASSETS / "mnist", folder / "mnist")
    monkeypatch.setattr("aigc_utils.data.mnist.ASSETS", folder)
    return folder / "mnist"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    return data.mnist_root(tmp_path_factory.mktemp("unpacked"))


@pytest.fixture
def root(tmp_path, unpacked):
    """Returns a copy of an unpacked root that a test may damage."""
    shutil.copytree(unpacked, tmp_path / "root")
    return tmp_path / "root"


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# --- load_mnist -----------------------------------------------------------------------------


def test_shapes_and_types(mnist):
    assert mnist.train_images.shape == (60_000, 1, 28, 28)
    assert mnist.test_images.shape == (10_000, 1, 28, 28)
    assert mnist.train_labels.shape == (60_000,)
    assert mnist.test_labels.shape == (10_000,)
    assert mnist.train_images.dtype == mnist.test_images.dtype == torch.uint8
    assert mnist.train_labels.dtype == mnist.test_labels.dtype == torch.int64


def test_known_facts(mnist):
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert mnist.train_labels.bincount().tolist() == TRAIN_COUNTS
    assert mnist.test_labels.bincount().tolist() == TEST_COUNTS


def test_tensors_are_fresh_and_writable():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = data.load_mnist(), data.load_mnist()
    for tensor in first:
        tensor.fill_(3)
    assert second.train_labels[0] == 5
    assert second.train_images.max() == 255


def test_loads_under_half_a_second():
    def seconds():
        # Processor time of all threads: what the clock shows at most, were nothing else running.
        start = time.process_time()
        data.load_mnist()
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 0.5


def test_notice_states_the_checksums():
    notice = (data.ASSETS / "NOTICE.md").read_text(encoding="utf-8")
    for name, expected in CHECKSUMS.items():
        row = (f"`{name}.gz`", expected.size, f"`{expected.sha256}`", f"`{expected.unpacked_md5}`")
        assert "| " + " | ".join(map(str, row)) + " |" in notice
    assert files(data.ASSETS / "mnist") == sorted(f"{name}.gz" for name in CHECKSUMS)


# --- damaged bundled files ------------------------------------------------------------------


def damage_file(path, how):
    whole = path.read_bytes()
    middle = len(whole) // 2
    if how == "missing":
        path.unlink()
    elif how == "flipped":
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    else:
        path.write_bytes({"empty": b"", "truncated": whole[:-1], "longer": whole + b"\0"}[how])


@pytest.mark.parametrize("name", list(CHECKSUMS))
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("missing", "can't be read"),
        ("empty", "is cut short at 0 of"),
        ("truncated", "is cut short at"),
        ("flipped", "is damaged"),
        ("longer", "is damaged"),
    ],
)
def test_damaged_asset(assets, name, how, said):
    path = assets / f"{name}.gz"
    damage_file(path, how)
    with pytest.raises(data.DataError) as error:
        data.load_mnist()
    assert_one_sentence(error, path, said, "git checkout", "install the course again")


@pytest.mark.parametrize("name", list(CHECKSUMS))
def test_damaged_asset_is_not_unpacked(assets, tmp_path, name):
    damage_file(assets / f"{name}.gz", "flipped")
    with pytest.raises(data.DataError, match="is damaged"):
        data.mnist_root(tmp_path / "root")
    assert set(files(tmp_path / "root")) <= set(CHECKSUMS) - {name}


@pytest.mark.parametrize("change", ["type", "axes", "count", "short", "long"])
@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", SMALL])
def test_wrong_idx_file(assets, monkeypatch, name, change):
    path = assets / f"{name}.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    if change == "short":
        del content[-1]
    elif change == "long":
        content += b"\0"
    else:
        content[{"type": 2, "axes": 3, "count": 7}[change]] ^= 1
    packed = gzip.compress(content, 1)
    path.write_bytes(packed)
    wrong = data.Checksum(len(packed), hashlib.sha256(packed).hexdigest(), len(content), "")
    monkeypatch.setitem(CHECKSUMS, name, wrong)
    with pytest.raises(data.DataError) as error:
        data.load_mnist()
    assert_one_sentence(error, path, "isn't an idx file")


# --- mnist_root -----------------------------------------------------------------------------


def test_torchvision_reads_the_root_offline(mnist, unpacked, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("The network was asked for.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for train, images, labels in [(True, *mnist[:2]), (False, *mnist[2:])]:
        theirs = torchvision.datasets.MNIST(root=unpacked, train=train, download=True)
        assert torch.equal(theirs.data, images.squeeze(1))
        assert torch.equal(theirs.targets, labels)


def test_unpacked_files_are_the_originals(unpacked):
    folder = unpacked / "MNIST" / "raw"
    assert files(unpacked) == sorted(CHECKSUMS)
    for name, expected in CHECKSUMS.items():
        content = (folder / name).read_bytes()
        assert len(content) == expected.unpacked_size
        assert hashlib.md5(content).hexdigest() == expected.unpacked_md5


def test_intact_files_are_left_alone(root, monkeypatch):
    def refuse(*args):
        raise AssertionError("An intact file was unpacked again.")

    monkeypatch.setattr("aigc_utils.data.mnist._read_asset", refuse)
    start = time.process_time()
    assert data.mnist_root(str(root)) == root
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "flipped", "longer"])
def test_damaged_copy_is_replaced(root, damage):
    path = root / "MNIST" / "raw" / SMALL
    whole = path.read_bytes()
    damage_file(path, damage)
    data.mnist_root(root)
    assert path.read_bytes() == whole
    assert files(root) == sorted(CHECKSUMS)


def test_concurrent_callers(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        roots = list(pool.map(data.mnist_root, [tmp_path / "same"] * 4))
    assert set(roots) == {tmp_path / "same"}
    test_unpacked_files_are_the_originals(tmp_path / "same")


def test_no_two_writers_share_a_temporary_file(root, monkeypatch):
    replace, parts = Path.replace, []

    def record(self, target):
        parts.append(self)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", record)
    for _ in range(2):
        (root / "MNIST" / "raw" / SMALL).unlink()
        data.mnist_root(root)
    assert len(set(parts)) == 2
    assert {part.parent for part in parts} == {root / "MNIST" / "raw"}  # one file system


def test_lost_race_is_won_when_the_others_file_is_intact(root, monkeypatch):
    path = root / "MNIST" / "raw" / SMALL
    whole = path.read_bytes()
    path.unlink()

    def other_was_first(self, target):
        target.write_bytes(whole)
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "replace", other_was_first)
    assert data.mnist_root(root) == root
    assert files(root) == sorted(CHECKSUMS)


def refuse_writes(monkeypatch, code, after=0, below=None):
    """Lets every file below a folder take `after` bytes and then fail as the system would."""
    write_bytes = Path.write_bytes

    def write(self, content):
        if below and not self.is_relative_to(below):
            return write_bytes(self, content)
        if after:
            write_bytes(self, content[:after])
        raise OSError(code, {errno.ENOSPC: "No space left on device"}.get(code, "Read-only"))

    monkeypatch.setattr(Path, "write_bytes", write)


@pytest.mark.parametrize(("code", "after"), [(errno.ENOSPC, 1000), (errno.EROFS, 0)])
def test_full_or_read_only_disk(tmp_path, monkeypatch, code, after):
    refuse_writes(monkeypatch, code, after)
    with pytest.raises(data.DataError) as error:
        data.mnist_root(tmp_path / "root")
    assert_one_sentence(error, tmp_path / "root", "pass another folder")
    assert files(tmp_path) == []


def test_full_disk_leaves_no_half_written_file(root, monkeypatch):
    path = root / "MNIST" / "raw" / SMALL
    path.write_bytes(b"damaged")
    refuse_writes(monkeypatch, errno.ENOSPC, 1000)
    with pytest.raises(data.DataError):
        data.mnist_root(root)
    assert files(root) == sorted(CHECKSUMS)
    assert path.read_bytes() == b"damaged"  # and not half of the right one


def test_root_is_a_file(tmp_path):
    (tmp_path / "root").write_text("mine")
    with pytest.raises(data.DataError) as error:
        data.mnist_root(tmp_path / "root")
    assert_one_sentence(error, tmp_path / "root", "pass another folder")
    assert (tmp_path / "root").read_text() == "mine"


def test_a_folder_stands_in_the_way(root):
    path = root / "MNIST" / "raw" / SMALL
    path.unlink()
    path.mkdir()
    with pytest.raises(data.DataError) as error:
        data.mnist_root(root)
    assert_one_sentence(error, root)
    assert files(root) == sorted(set(CHECKSUMS) - {SMALL})


def test_no_home(monkeypatch):
    def no_home(self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)
    with pytest.raises(data.DataError) as error:
        data.mnist_root("~/data")
    assert_one_sentence(error, "home directory")


@pytest.fixture
def defaults(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path


def test_default_root_is_the_users_cache(defaults):
    assert data.mnist_root() == defaults / "cache" / "aigc_utils"


@pytest.mark.parametrize("base", [None, "", "relative"])
def test_default_root_without_a_named_cache(base, tmp_path, monkeypatch):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
        if base is not None:
            monkeypatch.setenv(name, base)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setattr("aigc_utils.data.mnist.CHECKSUMS", {})  # where, not what
    assert data.mnist_root() == tmp_path / ".cache" / "aigc_utils"


def test_default_root_falls_back_to_the_temporary_folder(defaults, monkeypatch):
    refuse_writes(monkeypatch, errno.EROFS, below=defaults / "cache")
    root = data.mnist_root()
    assert root.parent == defaults / "temporary"
    assert files(root) == sorted(CHECKSUMS)


def test_default_root_with_no_place_at_all(defaults, monkeypatch):
    refuse_writes(monkeypatch, errno.EROFS)
    with pytest.raises(data.DataError) as error:
        data.mnist_root()
    assert_one_sentence(error, defaults / "temporary", "pass another folder")

    def no_temporary_folder():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", no_temporary_folder)
    with pytest.raises(data.DataError) as error:
        data.mnist_root()
    assert_one_sentence(error, defaults / "cache", "pass another folder")


# --- to_float, to_signed, binarize, standardize, split ----------------------------------------


def test_to_float():
    images = torch.tensor([[0, 51, 255]], dtype=torch.uint8)
    scaled = data.to_float(images)
    assert scaled.dtype == torch.float32
    assert torch.equal(scaled, torch.tensor([[0, 0.2, 1]]))
    assert images.tolist() == [[0, 51, 255]]
    with pytest.raises(ValueError, match="uint8"):
        data.to_float(scaled)


def test_to_signed():
    images = torch.tensor([[0, 51, 204, 255]], dtype=torch.uint8)
    signed = data.to_signed(images)
    assert signed.dtype == torch.float32
    torch.testing.assert_close(signed, torch.tensor([[-1, -0.6, 0.6, 1]]))
    assert signed.aminmax() == (-1, 1)
    assert images.tolist() == [[0, 51, 204, 255]]
    with pytest.raises(ValueError, match="uint8"):
        data.to_signed(signed)


def test_from_signed_leaves_black_and_white_where_pixels_lie_beyond():
    signed = torch.tensor([[-3.0, -1.0, 0.2, 1.0, 2.0]])
    assert data.from_signed(signed).tolist() == [[0, 0, 153, 255, 255]]
    with pytest.raises(ValueError, match="to_uint8"):
        data.from_signed(torch.tensor([float("nan")]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_binarize(dtype):
    images = torch.linspace(0, 1, 11, dtype=dtype).expand(20_000, 11).clone()
    before = images.clone()
    binary = data.binarize(images, seeded())
    assert binary.dtype == dtype
    assert binary.shape == (20_000, 11)
    assert binary.unique().tolist() == [0, 1]
    assert binary[:, 0].max() == 0, "black stays black"
    assert binary[:, -1].min() == 1, "white stays white"
    grey = images[0].double()
    error = (grey * (1 - grey) / 20_000).sqrt()
    assert ((binary.double().mean(0) - grey).abs() <= 5 * error).all()
    assert binary.double().T[1:-1].corrcoef().fill_diagonal_(0).abs().max() < 0.04
    assert torch.equal(images, before)


def test_binarize_draws_from_its_generator(mnist):
    images = data.to_float(mnist.test_images[:50])
    generator, before = seeded(1), torch.get_rng_state()
    first, second = data.binarize(images, generator), data.binarize(images, generator)
    assert not torch.equal(first, second)
    assert torch.equal(data.binarize(images, seeded(1)), first)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool])
def test_binarize_refuses_what_is_no_probability(dtype):
    with pytest.raises(ValueError, match=r"^binarize expects floats of 0 to 1: .*to_float"):
        data.binarize(torch.tensor([0, 1], dtype=dtype), seeded())


@pytest.mark.parametrize("value", [255.0, -0.01, 1.01, float("nan"), float("inf")])
def test_floats_out_of_range_are_not_standardized(mnist, value):
    images = data.to_float(mnist.test_images[:2])
    images[1, 0, 3, 4] = value
    with pytest.raises(ValueError, match=r"^standardize expects uint8 .* floats of 0 to 1\.$"):
        data.standardize(images)
    with pytest.raises(ValueError, match=r"^to_uint8 expects floats of 0 to 1"):
        data.to_uint8(images)
    with pytest.raises(ValueError, match=r"^binarize expects floats of 0 to 1"):
        data.binarize(images, seeded())
    assert not data.is_unit_range(images)


def test_bytes_of_half_precision_are_rounded_once():
    # 0.498046875 * 255 = 127.00195, and 0.5 * 255 = 127.5 goes to the even 128.
    for dtype in (torch.bfloat16, torch.float16):
        levels = torch.linspace(0, 1, 4097).to(dtype)
        expected = (levels.double() * 255).round()
        assert torch.equal(data.to_uint8(levels).double(), expected)


def test_arrays_that_are_no_tensors_are_named():
    array = np.zeros((2, 1, 28, 28), np.uint8)
    for convert in (data.to_float, data.to_signed, data.to_uint8, data.standardize):
        with pytest.raises(ValueError, match=r"^images must be a tensor, not ndarray"):
            convert(array)
    with pytest.raises(ValueError, match="must be a tensor, not ndarray"):
        next(data.batches((array,), 1, rng=seeded()))


def test_no_images_at_all_lie_in_any_range():
    assert data.is_unit_range(torch.zeros(0, 1, 28, 28))
    assert data.to_float(torch.zeros(0, 4, dtype=torch.uint8)).shape == (0, 4)


def test_constants_are_the_training_sets(mnist):
    counts = mnist.train_images.flatten().bincount(minlength=256).double() / mnist[0].numel()
    levels = torch.arange(256) / 255
    mean = (counts * levels).sum()
    std = (counts * (levels - mean) ** 2).sum().sqrt()
    assert mean.item() == pytest.approx(data.MNIST_MEAN, abs=5e-5)
    assert std.item() == pytest.approx(data.MNIST_STD, abs=5e-5)


def test_standardize(mnist):
    images = mnist.train_images[:6000]
    z = data.standardize(images)
    assert z.dtype == torch.float32
    assert z.mean().abs() < 0.02
    assert (z.std() - 1).abs() < 0.02
    assert torch.equal(data.standardize(data.to_float(images)), z)
    torch.testing.assert_close(
        z[0],
        torchvision.transforms.functional.normalize(
            data.to_float(images[0]), [data.MNIST_MEAN], [data.MNIST_STD]
        ),
    )
    generated = torch.full((2, 1, 28, 28), 0.5, requires_grad=True)
    data.standardize(generated).sum().backward()
    assert generated.grad.unique().item() == pytest.approx(1 / data.MNIST_STD)
    with pytest.raises(ValueError, match="uint8"):
        data.standardize(images.long())


def test_split():
    images, labels = torch.arange(100)[:, None], torch.arange(100) * 2
    train_images, train_labels, images_held, labels_held = data.split(images, labels, 30, seed=1)
    assert (len(train_images), len(images_held)) == (70, 30)
    assert sorted(torch.cat((train_images, images_held)).flatten().tolist()) == list(range(100))
    assert torch.equal(train_labels, train_images[:, 0] * 2)
    assert torch.equal(labels_held, images_held[:, 0] * 2)
    assert torch.equal(data.split(images, labels, 30, seed=1)[2], images_held)
    assert not torch.equal(data.split(images, labels, 30, seed=2)[2], images_held)


@pytest.mark.parametrize(("count", "validation"), [(10, 0), (10, 10), (10, -1), (9, 5), (0, 1)])
def test_split_refuses(count, validation):
    with pytest.raises(ValueError, match=r"^[^.]+\.$"):
        data.split(torch.zeros(10, 1), torch.zeros(count), validation, seed=0)


# --- batches --------------------------------------------------------------------------------


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_each_epoch_is_a_new_permutation():
    examples = torch.arange(10)
    drawn = list(data.batches((examples, examples * 3), 5, rng=seeded(), epochs=3))
    assert len(drawn) == 6
    epochs = [torch.cat((drawn[i][0], drawn[i + 1][0])).tolist() for i in (0, 2, 4)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert all(torch.equal(x * 3, y) for x, y in drawn)


def test_last_batch():
    examples = (torch.arange(10),)
    kept = [len(x) for (x,) in data.batches(examples, 4, rng=seeded(), epochs=2)]
    assert kept == [4, 4, 4, 4]


def test_endless_without_epochs():
    drawn = data.batches((torch.arange(4),), 2, rng=seeded())
    assert len(list(islice(drawn, 1001))) == 1001
    assert list(data.batches((torch.arange(4),), 2, rng=seeded(), epochs=0)) == []


def test_seed_decides_the_order():
    def order(seed):
        drawn = data.batches((torch.arange(64),), 8, rng=seeded(seed), epochs=2)
        return torch.cat([x for (x,) in drawn]).tolist()

    torch.manual_seed(0)
    first = order(1)
    torch.manual_seed(5)
    assert order(1) == first
    assert order(2) != first


def test_source_stays_as_it_is(mnist):
    images = mnist.test_images[:100]
    before = images.clone()
    for (batch,) in data.batches((images,), 10, rng=seeded(), epochs=1):
        assert batch.dtype == torch.uint8
        assert batch.shape == (10, 1, 28, 28)
        batch.fill_(7)
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    ("tensors", "batch_size", "epochs"),
    [
        ((torch.zeros(4), torch.zeros(5)), 2, None),
        ((), 2, None),
        ((torch.zeros(0),), 1, None),
        ((torch.tensor(1.0),), 1, None),
        ((torch.zeros(4),), 0, None),
        ((torch.zeros(4),), -1, None),
        ((torch.zeros(4),), 5, None),
        ((torch.zeros(4),), 2, -1),
    ],
)
def test_batches_refuses_at_the_call(tensors, batch_size, epochs):
    with pytest.raises(ValueError, match=r"^[^.]+\.$"):
        data.batches(tensors, batch_size, rng=seeded(), epochs=epochs)


def test_images_alone_need_a_tuple(mnist):
    with pytest.raises(ValueError, match=r"takes a tuple of tensors, as in batches\(\(images,\)"):
        data.batches(mnist.test_images[:100], 64, rng=seeded())


@pytest.mark.parametrize("size", [2.0, "2", True, None])
def test_a_batch_size_is_a_whole_number(size):
    with pytest.raises(ValueError, match=r"^batch_size must be a whole number"):
        data.batches((torch.zeros(4),), size, rng=seeded())


@pytest.mark.parametrize("epochs", [1.5, True, "3"])
def test_a_number_of_epochs_is_a_whole_number(epochs):
    with pytest.raises(ValueError, match=r"^epochs must be a whole number"):
        data.batches((torch.zeros(4),), 2, rng=seeded(), epochs=epochs)


@pytest.mark.parametrize("validation", [2.0, True, "2"])
def test_the_number_held_back_is_a_whole_number(validation):
    with pytest.raises(ValueError, match=r"^validation must be a whole number"):
        data.split(torch.zeros(10, 1), torch.zeros(10), validation, seed=0)
