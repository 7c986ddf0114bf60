import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from sentences import assert_one_sentence

from aigc_utils.data import texts
from aigc_utils.gpt import BPETokenizer, CharTokenizer, learn_merges, tokenizers

ODD_TEXTS = [
    "",
    " ",
    "\n\n \t x  y\r\n",
    "It's JULIET'S; they'll've_done__it.",
    "a" * 1000,
    "½²Ⅷ ٣ ３ 12 345",
    "床前明月光，疑是地上霜。",
    "👩‍👩‍👧 é é नमस्ते \x00\x1c\x85\u2028\ufeff\U0010ffff",
]


@pytest.fixture(scope="module")
def plays():
    return texts.load_plays()[:400_000]


@pytest.fixture(scope="module")
def poems():
    return texts.load_poems()[:60_000]


@pytest.fixture(scope="module")
def bpe(plays):
    return BPETokenizer.train(plays, 600)


@pytest.fixture(scope="module")
def chinese(poems):
    return BPETokenizer.train(poems, 600)


def random_texts(count):
    """Returns texts of characters from everywhere in Unicode, surrogates left out."""
    rng = random.Random(0)
    edges = [0x80, 0x800, 0x3000, 0xD800, 0x110000]
    for _ in range(count):
        codes = [rng.randrange(rng.choice(edges)) for _ in range(rng.randrange(40))]
        yield "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)


# --- characters -----------------------------------------------------------------------------


def test_characters():
    tokenizer = CharTokenizer("banana\n")
    assert tokenizer.characters == ["\n", "a", "b", "n"]
    assert tokenizer.vocab_size == 4
    assert tokenizer.encode("nab\n") == [3, 1, 2, 0]
    assert tokenizer.decode([3, 1, 2, 0]) == "nab\n"
    assert tokenizer.decode(torch.tensor([2, 1])) == "ba"


def test_characters_round_trip(plays, poems):
    for sample in (plays, poems, *ODD_TEXTS, *random_texts(50)):
        tokenizer = CharTokenizer(sample)
        assert tokenizer.decode(tokenizer.encode(sample)) == sample
        assert tokenizer.vocab_size == len(set(sample))


def test_plays_have_the_sonnets_characters():
    tokenizer = CharTokenizer(texts.load_plays())
    assert tokenizer.vocab_size == 68
    sonnets = texts.load_sonnets()
    assert tokenizer.decode(tokenizer.encode(sonnets)) == sonnets


def test_unknown_character():
    with pytest.raises(ValueError, match="had no") as error:
        CharTokenizer("abc").encode("ab€")
    assert_one_sentence(error, "'€'", "U+20AC")


# --- byte-pair encoding -----------------------------------------------------------------------


def test_merges_by_hand():
    # b follows a 9 times, ab a space 8 times, and d that 4 times; nothing else occurs twice.
    sample = "ab" * 1 + " ab" * 4 + "c" + " abd" * 4
    assert learn_merges(sample, 257) == [(b"a", b"b")]
    assert learn_merges(sample, 259) == [(b"a", b"b"), (b" ", b"ab"), (b" ab", b"d")]
    with pytest.raises(ValueError, match="enough for a vocab_size of 259"):
        learn_merges(sample, 260)
    tokenizer = BPETokenizer.train(sample, 259)
    assert tokenizer.encode("ab abd b") == [256, 258, 32, 98]
    assert [tokenizer.tokens[i] for i in (256, 257, 258)] == [b"ab", b" ab", b" abd"]


def test_earlier_merges_go_first():
    tokenizer = BPETokenizer([(b"b", b"c"), (b"a", b"b"), (b"ab", b"c")])
    assert tokenizer.encode("abc") == [97, 256]
    assert tokenizer.encode("ab") == [257]


def test_equal_bytes_are_one_token():
    tokenizer = BPETokenizer([(b"a", b"b"), (b"b", b"c"), (b"a", b"bc"), (b"ab", b"c")])
    assert tokenizer.vocab_size == 256 + 3
    assert tokenizer.decode(tokenizer.encode("abc bc")) == "abc bc"


def naive_merges(sample, vocab_size):
    """Counts every pair of the whole text anew for each merge, words and all."""
    words = [[bytes([b]) for b in word.encode()] for word in tokenizers.WORD.findall(sample)]
    merges = []
    while 256 + len({left + right for left, right in merges}) < vocab_size:
        counts = Counter(pair for word in words for pair in pairwise(word))
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        for word in words:
            i = 0
            while i + 1 < len(word):
                if (word[i], word[i + 1]) == best:
                    word[i : i + 2] = [best[0] + best[1]]
                i += 1
    return merges


def test_merges_equal_naive_ones(plays, poems):
    for sample in (plays[:20_000], poems[:5_000]):
        assert learn_merges(sample, 340) == naive_merges(sample, 340)


def naive_encode(tokenizer, sample):
    """Applies merge after merge to each word, whether or not it has the pair."""
    ids = []
    for word in tokenizers.WORD.findall(sample):
        parts = [bytes([b]) for b in word.encode()]
        for pair in tokenizer.merges:
            parts = tokenizers.merge(parts, pair)
        ids += [tokenizer.tokens.index(part) for part in parts]
    return ids


def test_ids_equal_naive_ones(bpe, plays):
    sample = plays[-1500:]
    assert bpe.encode(sample) == naive_encode(bpe, sample)


def byte_characters():
    """Returns the printable character that GPT-2 writes for each byte."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {**{b: chr(b) for b in shown}, **{b: chr(256 + i) for i, b in enumerate(hidden)}}


def reference(model):
    library = pytest.importorskip("tokenizers")
    theirs = library.Tokenizer(model)
    theirs.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    return theirs


def test_ids_equal_the_library(bpe, plays, poems):
    library = pytest.importorskip("tokenizers")
    names = byte_characters()
    named = {token: "".join(names[byte] for byte in token) for token in bpe.tokens}
    vocabulary = {named[token]: i for i, token in enumerate(bpe.tokens)}
    merges = [(named[left], named[right]) for left, right in bpe.merges]
    theirs = reference(library.models.BPE(vocab=vocabulary, merges=merges))
    samples = [plays[-50_000:], poems[:5_000], *ODD_TEXTS[:5], ODD_TEXTS[6]]
    for sample in samples:
        assert bpe.encode(sample) == theirs.encode(sample).ids


def test_merges_equal_the_library_up_to_ties(bpe, plays):
    library = pytest.importorskip("tokenizers")
    theirs = reference(library.models.BPE())
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=alphabet, show_progress=False
    )
    theirs.train_from_iterator([plays], trainer)
    names = byte_characters()
    ours = {"".join(names[byte] for byte in token) for token in bpe.tokens}
    # Of equally frequent pairs each side chooses its own, and what follows may differ.
    assert len(ours & set(theirs.get_vocab())) >= 590
    assert len(theirs.encode(plays).ids) == pytest.approx(len(bpe.encode(plays)), rel=1e-3)


def test_round_trip_of_any_text(bpe, chinese, plays, poems):
    for tokenizer in (BPETokenizer(), bpe, chinese):
        for sample in (plays[:50_000], poems[:5_000], *ODD_TEXTS, *random_texts(300)):
            assert tokenizer.decode(tokenizer.encode(sample)) == sample


def test_half_a_surrogate_pair_is_refused():
    for ask in (BPETokenizer().encode, lambda text: learn_merges(text, 256)):
        with pytest.raises(ValueError, match="surrogates") as error:
            ask("a\ud83d")
        assert_one_sentence(error, "U+D83D")


def test_every_character_is_in_one_word():
    everything = "".join(map(chr, range(0xD800))) + "".join(map(chr, range(0xE000, 0x20000)))
    assert "".join(tokenizers.WORD.findall(everything)) == everything


def test_words_are_gpt2s():
    words = tokenizers.WORD.findall("ROMEO:\nO, it's  two_2 o'clock'll 12th\n\n  x \n")
    assert words == [
        *("ROMEO", ":", "\n", "O", ",", " it", "'s", " ", " two", "_", "2", " o", "'", "clock"),
        *("'ll", " 12", "th", "\n\n ", " x", " \n"),
    ]


def test_merges_stay_within_words(bpe):
    for token in bpe.tokens[256:]:
        assert len(tokenizers.WORD.findall(token.decode())) == 1


def test_chinese_merges(chinese, poems):
    whole = [t for t in chinese.tokens[256:] if len(t) == 3 and t.decode("utf-8", "ignore")]
    assert "春".encode() in whole
    assert len(whole) > 100
    assert tokenizers.tokens_per_character(chinese, poems) < 2.3
    assert tokenizers.tokens_per_character(BPETokenizer(), poems) > 2.5


def test_half_a_character_is_marked():
    tokenizer = BPETokenizer()
    assert tokenizer.decode([0xE6, 0x98]) == "\ufffd"
    assert tokenizer.decode([0xE6, 0x98, 0xA5]) == "春"


@pytest.mark.parametrize("tokenizer", [CharTokenizer("ab"), BPETokenizer()])
@pytest.mark.parametrize(
    "ids",
    [
        *([True], [1.0], ["a"], [None], [[1]], "ab", 5, {0: 1}),
        *(torch.tensor([True]), torch.tensor([1.0]), torch.tensor([[1]]), torch.tensor(1)),
    ],
    ids=str,
)
def test_ids_that_are_no_whole_numbers(tokenizer, ids):
    with pytest.raises(ValueError, match=r"^Ids (are|stand) ") as error:
        tokenizer.decode(ids)
    assert_one_sentence(error)


def test_ids_of_numpy_and_of_an_iterator():
    tokenizer = CharTokenizer("ab")
    assert tokenizer.decode(np.array([1, 0])) == "ba"
    assert tokenizer.decode(iter([1, np.int32(0), torch.tensor(1)])) == "bab"


def test_a_tokenizer_of_nothing():
    tokenizer = CharTokenizer("")
    assert tokenizer.vocab_size == 0
    assert tokenizer.decode([]) == ""
    with pytest.raises(ValueError, match="Ids are whole numbers of nothing here, and 0 is none"):
        tokenizer.decode([0])


@pytest.mark.parametrize("text", [b"ab", ["a", "b"], 5, None])
def test_what_is_no_text(text):
    for ask in (
        CharTokenizer,
        CharTokenizer("ab").encode,
        BPETokenizer().encode,
        lambda text: learn_merges(text, 256),
        lambda text: BPETokenizer.train(text, 256),
        lambda text: tokenizers.encode_tensor(BPETokenizer(), text),
        lambda text: tokenizers.tokens_per_character(BPETokenizer(), text),
    ):
        with pytest.raises(ValueError, match=r"^A text must be a string, not ") as error:
            ask(text)
        assert_one_sentence(error, type(text).__name__)


@pytest.mark.parametrize(
    "merges",
    [
        [(b"ab", b"c"), (b"a", b"b")],
        [(b"a", b"b"), (b"b", b"c"), (b"a", b"b")],
        [(b"ab", b"c")],
        [(b"", b"a")],
        [("a", "b")],
        [(b"a", b"b", b"c")],
        ["ab"],
        [(bytearray(b"a"), b"b")],
    ],
    ids=["order", "twice", "unknown", "empty", "strings", "three", "text", "mutable"],
)
def test_merges_that_were_not_learned_so(merges):
    with pytest.raises(ValueError, match=r"^The merge of ") as error:
        BPETokenizer(merges)
    assert_one_sentence(error, *merges[-1 if merges[-1] == merges[0] else 0])


def test_merges_from_an_iterator_and_as_lists():
    pairs = [(b"a", b"b"), (b"ab", b"c")]
    for given in (iter(pairs), [list(pair) for pair in pairs]):
        tokenizer = BPETokenizer(given)
        assert tokenizer.merges == pairs
        assert tokenizer.encode("abc") == [257]


@pytest.mark.parametrize("tokenizer", [CharTokenizer("ab"), BPETokenizer()])
def test_wrong_ids(tokenizer):
    for i in (-1, tokenizer.vocab_size):
        with pytest.raises(ValueError, match="is none") as error:
            tokenizer.decode([0, i])
        assert_one_sentence(error, i, tokenizer.vocab_size - 1)


def test_too_small_a_vocabulary_or_text():
    with pytest.raises(ValueError, match="at least 256") as error:
        BPETokenizer.train("abc", 255)
    assert_one_sentence(error, 255)
    with pytest.raises(ValueError, match="at least 256"):
        learn_merges("abab", 257.5)
    with pytest.raises(ValueError, match="No pair is left") as error:
        BPETokenizer.train("abab", 300)
    assert_one_sentence(error, 257, 300)
    assert BPETokenizer.train("", 256).vocab_size == 256


def test_tensor_and_tokens_per_character(bpe, plays):
    ids = tokenizers.encode_tensor(bpe, plays[:1000])
    assert ids.dtype == torch.int64
    assert ids.tolist() == bpe.encode(plays[:1000])
    assert bpe.decode(ids) == plays[:1000]
    assert tokenizers.tokens_per_character(bpe, plays[:1000]) == len(ids) / 1000
    assert tokenizers.tokens_per_character(CharTokenizer(plays), plays) == 1
    with pytest.raises(ValueError, match=r"^[^.]+\.$"):
        tokenizers.tokens_per_character(bpe, "")


# --- files ------------------------------------------------------------------------------------
