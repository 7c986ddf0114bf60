import hashlib
import math
import shutil
import time
from collections import Counter
from itertools import islice, pairwise

import pytest
import torch
from sentences import assert_one_sentence

from aigc_utils.data import files, texts
from aigc_utils.gpt import baselines, batches

LOADERS = {
    "plays.txt": texts.load_plays,
    "sonnets.txt": texts.load_sonnets,
    "poems.txt": texts.load_poems,
}


@pytest.fixture
def assets(tmp_path, monkeypatch):
    """Returns a copy of the bundled files that a test may damage."""
    shutil.copytree(files.ASSETS / "texts", tmp_path / "texts")
    monkeypatch.setattr(texts, "ASSETS", tmp_path)
    return tmp_path / "texts"


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# --- the texts --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOADERS)
def test_texts_are_what_was_made(name):
    content = LOADERS[name]().encode("utf-8")
    expected = texts.CHECKSUMS[name]
    assert len(content) == expected.unpacked_size
    assert hashlib.md5(content).hexdigest() == expected.unpacked_md5
    assert (files.ASSETS / "texts" / f"{name}.xz").stat().st_size == expected.size


def test_plays():
    plays = texts.load_plays()
    speeches = plays.removesuffix("\n\n").split("\n\n")
    assert len(speeches) == 30_963
    assert all("\n" in speech and speech.split("\n")[0].endswith(":") for speech in speeches)
    assert "HAMLET:\nTo be, or not to be: that is the question:\n" in plays
    speakers = Counter(speech.split(":")[0] for speech in speeches)
    assert speakers["HAMLET"] > 300
    assert not {"Scene III", "OF EPHESUS", "BISHOP", "Here stand I"} & speakers.keys()
    assert not set("_*#[]()\\\t$") & set(plays)


def test_sonnets():
    sonnets = texts.load_sonnets().removesuffix("\n\n").split("\n\n")
    assert len(sonnets) == 154
    lines = Counter(len(sonnet.split("\n")) - 1 for sonnet in sonnets)
    assert lines == {14: 152, 15: 1, 12: 1}  # the 99th and the 126th are so
    assert sonnets[17].startswith("XVIII\nShall I compare thee to a summer's day?\n")


def test_poems():
    poems = [poem.split("\n") for poem in texts.load_poems().removesuffix("\n\n").split("\n\n")]
    assert len(poems) == 6587
    assert {len(poem) for poem in poems} == {4}  # title, poet, two couplets
    assert {len(couplet) for poem in poems for couplet in poem[2:]} == {12, 16}
    assert ["靜夜思", "李白", "牀前看月光，疑是地上霜。", "舉頭望山月，低頭思故鄉。"] in poems


def test_loads_under_a_third_of_a_second():
    def seconds(load):
        start = time.process_time()
        load()
        return time.process_time() - start

    for load in LOADERS.values():
        assert min(seconds(load) for _ in range(3)) < 0.3


def test_notice_states_the_checksums():
    notice = (files.ASSETS / "NOTICE.md").read_text(encoding="utf-8")
    for name, expected in texts.CHECKSUMS.items():
        row = (f"`{name}.xz`", expected.size, f"`{expected.sha256}`", f"`{expected.unpacked_md5}`")
        assert "| " + " | ".join(map(str, row)) + " |" in notice


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (None, "can't be read"),
        (lambda whole: b"", "is cut short at 0 of"),
        (lambda whole: whole[: len(whole) // 2], "is cut short at"),
        (lambda whole: whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:], "is damaged"),
        (lambda whole: whole + b"\0", "is damaged"),
    ],
)
def test_damaged_asset(assets, name, change, said):
    path = assets / f"{name}.xz"
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes()))
    with pytest.raises(files.DataError) as error:
        LOADERS[name]()
    assert_one_sentence(error, path, said, "git checkout", "install the course again")


def test_split_text():
    assert texts.split_text("abcdefghij") == ("abcdefghi", "j")
    assert texts.split_text("abcdefghij", 0.25) == ("ab", "cdefghij")
    plays = texts.load_plays()
    train, validation = texts.split_text(plays)
    assert train + validation == plays
    assert len(train) == int(0.9 * len(plays))


@pytest.mark.parametrize(
    ("sample", "train"),
    [
        *(("", 0.9), ("a", 0.9), ("ab", 0), ("ab", 1)),
        *(("abcd", -0.5), ("abcd", 1.5), ("abcd", math.nan), ("abcd", math.inf)),
    ],
)
def test_split_text_refuses(sample, train):
    with pytest.raises(ValueError, match="can't be cut") as error:
        texts.split_text(sample, train)
    assert_one_sentence(error, train)


@pytest.mark.parametrize("sample", [b"abcd", list("abcd"), torch.arange(4)])
def test_split_text_cuts_strings(sample):
    with pytest.raises(ValueError, match=r"must be a string, not (bytes|list|Tensor)"):
        texts.split_text(sample, 0.5)


# --- batches ----------------------------------------------------------------------------------


def test_targets_are_the_next_tokens():
    for inputs, targets in islice(batches.token_batches(torch.arange(100) * 3, 8, 5, seeded()), 20):
        assert inputs.shape == targets.shape == (5, 8)
        assert inputs.dtype == targets.dtype == torch.int64
        assert torch.equal(targets, inputs + 3)


def test_blocks_begin_everywhere():
    starts = Counter()
    for inputs, _ in islice(batches.token_batches(torch.arange(11), 8, 100, seeded()), 30):
        starts.update(inputs[:, 0].tolist())
    assert set(starts) == {0, 1, 2}  # the last target is the last id
    assert all(900 < count < 1100 for count in starts.values())


@pytest.mark.parametrize("batch_size", [3, 9])
def test_an_epoch_of_blocks_holds_each_target_once(batch_size):
    rows = 9  # of 8 ids, and a rest: the first row may begin at any of 0 to 7
    drawn = islice(
        batches.token_batches(torch.arange(8 * (rows + 1)), 8, batch_size, seeded()), 600
    )
    starts = torch.cat([inputs[:, 0] for inputs, _ in drawn]).view(-1, rows)
    firsts = starts.amin(dim=1)
    assert set(firsts.tolist()) == set(range(8))
    assert torch.equal(starts.sort().values, firsts[:, None] + 8 * torch.arange(rows))
    assert not torch.equal(starts.sort().values, starts)


def test_seed_decides_the_blocks():
    def drawn(seed):
        found = islice(batches.token_batches(torch.arange(1000), 4, 3, seeded(seed)), 5)
        return torch.cat([inputs for inputs, _ in found]).tolist()

    assert drawn(1) == drawn(1) != drawn(2)


def test_blocks_are_copies():
    ids = torch.arange(100)
    inputs, _ = next(batches.token_batches(ids, 8, 5, seeded()))
    inputs.fill_(7)
    assert torch.equal(ids, torch.arange(100))


@pytest.mark.parametrize("size", [2, 8, 9, 10, 16, 17, 25, 33, 100])
def test_all_blocks_hold_each_target_once(size):
    ids = torch.randint(50, (size,), generator=seeded())
    pairs = list(batches.consecutive_batches(ids, min(8, size - 1), 3))
    assert torch.equal(torch.cat([inputs.flatten() for inputs, _ in pairs]), ids[:-1])
    assert torch.equal(torch.cat([targets.flatten() for _, targets in pairs]), ids[1:])
    assert all(inputs.shape == targets.shape for inputs, targets in pairs)
    assert all(len(inputs) <= 3 and inputs.size(1) <= 8 for inputs, _ in pairs)


@pytest.mark.parametrize(
    ("ids", "context", "batch_size"),
    [
        (torch.arange(8), 8, 1),
        (torch.arange(8), 0, 1),
        (torch.arange(8), 4, 0),
        (torch.arange(8).float(), 4, 1),
        (torch.zeros((8, 8), dtype=torch.int64), 4, 1),
        (torch.arange(8), 4.0, 1),
        (list(range(8)), 4, 1),
        (torch.arange(8) - 1, 4, 1),
        (torch.tensor([0, 1, 2, 3, 4, -100, 5, 6]), 4, 1),
    ],
)
def test_blocks_refuse_at_the_call(ids, context, batch_size):
    problem = r"must be a whole number of at least 1|needs at least|^ids must be at least 0"
    with pytest.raises(ValueError, match=problem) as error:
        batches.token_batches(ids, context, batch_size, seeded())
    assert_one_sentence(error)
    with pytest.raises(ValueError, match=problem):
        batches.consecutive_batches(ids, context, batch_size)


# --- baselines --------------------------------------------------------------------------------


def test_unigram_of_a_uniform_text_is_log_v():
    ids = torch.arange(7).repeat(11)
    assert baselines.unigram_nats(ids, ids, 7) == pytest.approx(math.log(7), abs=1e-12)


def test_unigram_by_hand():
    train, validation = torch.tensor([0, 0, 0, 1]), torch.tensor([1, 0, 2, 2])
    # Counts plus one: 4, 2 and 1 of 7. The first validation id is not predicted.
    expected = -(math.log(4 / 7) + 2 * math.log(1 / 7)) / 3
    assert baselines.unigram_nats(train, validation, 3) == pytest.approx(expected, abs=1e-12)


def test_bigram_by_hand():
    train = torch.tensor([0, 1, 0, 1, 0, 2])
    # After 0 come 1, 1 and 2: T = 2. The unigrams with one added are 4, 3, 2 and 1 of 10.
    expected = [(2 + 2 * 0.3) / 5, (1 + 2 * 0.2) / 5, (0 + 2 * 0.1) / 5, 0.4, 0.1]
    for (a, b), p in zip([(0, 1), (0, 2), (0, 3), (3, 0), (2, 3)], expected, strict=True):
        nats = baselines.bigram_nats(train, torch.tensor([a, b]), 4)
        assert nats == pytest.approx(-math.log(p), abs=1e-12)


def test_bigram_probabilities_sum_to_one():
    train = torch.randint(20, (100,), generator=seeded())
    for a in range(21):
        nats = [baselines.bigram_nats(train, torch.tensor([a, b]), 21) for b in range(21)]
        assert sum(math.exp(-loss) for loss in nats) == pytest.approx(1, abs=1e-9)


def test_bigram_equals_a_loop():
    ids = torch.randint(12, (400,), generator=seeded()) ** 2 % 12
    train, validation = ids[:300], ids[300:]
    counts = Counter(pairwise(train.tolist()))
    ones = Counter(train.tolist())
    total = 0.0
    for a, b in pairwise(validation.tolist()):
        after = {pair[1]: n for pair, n in counts.items() if pair[0] == a}
        t = max(1, len(after))
        unigram = (ones[b] + 1) / (len(train) + 12)
        total -= math.log((after.get(b, 0) + t * unigram) / (sum(after.values()) + t))
    expected = total / (len(validation) - 1)
    assert baselines.bigram_nats(train, validation, 12) == pytest.approx(expected, abs=1e-9)


def test_each_baseline_knows_more():
    codes = torch.tensor([ord(character) for character in texts.load_plays()[:500_000]])
    _, ids = codes.unique(return_inverse=True)
    size = int(ids.max()) + 1
    train, validation = ids[:450_000], ids[450_000:]
    bigram = baselines.bigram_nats(train, validation, size)
    unigram = baselines.unigram_nats(train, validation, size)
    assert 2.3 < bigram < 2.7 < 3.2 < unigram < 3.5 < math.log(size)


@pytest.mark.parametrize("measure", [baselines.unigram_nats, baselines.bigram_nats])
def test_baselines_refuse(measure):
    good = torch.tensor([0, 1, 2])
    for wrong in (good[:1], good.float(), good[None], torch.tensor([0, 3]), torch.tensor([-1, 0])):
        for pair in ((good, wrong), (wrong, good)):
            with pytest.raises(ValueError, match=r"^(train|validation) ") as error:
                measure(*pair, 3)
            assert_one_sentence(error)


def test_bits_per_character():
    assert baselines.bits_per_character(math.log(2), 3, "abc") == pytest.approx(1)
    # A uniform guess costs the same bits, whether a token is one letter of 26 or two of 26².
    letters = baselines.bits_per_character(math.log(26), 10, "a" * 10)
    pairs = baselines.bits_per_character(math.log(26**2), 5, "a" * 10)
    assert letters == pytest.approx(pairs) == pytest.approx(math.log2(26))
    # Characters count, not bytes.
    assert baselines.bits_per_character(math.log(2), 6, "春曉") == pytest.approx(3)
    with pytest.raises(ValueError, match=r"^[^.]+\.$"):
        baselines.bits_per_character(1.0, 0, "")
    assert baselines.bits_per_character(math.inf, 1, "a") == math.inf


@pytest.mark.parametrize(
    ("nats", "tokens", "text", "problem"),
    [
        (1.0, -3, "abc", "tokens must be a whole number of at least 1, not -3"),
        (1.0, 0, "abc", "tokens must be a whole number"),
        (1.0, 2.5, "abc", "tokens must be a whole number"),
        (-0.1, 3, "abc", "nats_per_token must be a loss of at least 0, not -0.1"),
        (math.nan, 3, "abc", "nats_per_token must be a loss"),
        (1.0, 3, ["a", "b"], "A text must be a string, not list"),
    ],
)
def test_bits_per_character_refuses(nats, tokens, text, problem):
    with pytest.raises(ValueError, match=f"^{problem}"):
        baselines.bits_per_character(nats, tokens, text)
