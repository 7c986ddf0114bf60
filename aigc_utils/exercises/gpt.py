"""The exercises of chapter 4."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from .. import gpt
from . import gpt_attention, gpt_given, gpt_text
from .answers import a_choice, a_number, a_picture, a_tensor, drawn_lines, numbers
from .chapter import Chapter, Draw
from .checking import expect

CHAPTER = Chapter("04_gpt")


@CHAPTER.exercise(
    "Words, characters, tokens",
    kind="predict",
    objective="tokenisation (characters, BPE, Chinese too)",
    misconceptions=("tokens = words",),
    points=2,
    hints=(
        "A token is what the merges leave, not a word. Write the line as single bytes and join.",
        "Go through the merges in their order; each joins all its pairs in all words. Every "
        "Chinese character begins as three bytes.",
        "`tokens` is the number of characters less one for each time a merge joins a pair; "
        "`chinese` is three times the characters less two for each that has its merges.",
    ),
    given=gpt_given.lines,
)
def counts(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer` holds the English line's words, characters and tokens, and the Chinese tokens."""
    answer = numbers(answer, "counts", ("words", "characters", "tokens", "chinese"))
    gpt_text.judge_counts(answer, given)


@CHAPTER.exercise(
    "More heads",
    kind="predict",
    objective="heads; grouped queries; KV cache",
    misconceptions=("more heads = more parameters",),
    points=2,
    hints=(
        "Look at the rows of the two matrices in `gpt.Attention`: what does each count?",
        "The matrices for queries and for the result have width rows each; those for keys and for "
        "values have `kv_heads * head_dim` rows. All have width columns.",
        "With as many keys as queries it is `4 * width**2`; grouped, `2 * width**2 + 2 * width * "
        "kv_heads * head_dim`. The cache holds `2 * kv_heads * head_dim` numbers a token.",
    ),
    given=gpt_given.attention_layer,
)
def heads(layer: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer` holds the weights with few and many heads and in groups, and the cache's numbers."""
    answer = numbers(answer, "heads", ("few", "many", "grouped", "cache"))

    def weights(heads: int, kv_heads: int = 0) -> int:
        config = gpt.GPTConfig(9, 9, num_heads=heads, width=layer.width, kv_heads=kv_heads)
        return sum(p.numel() for p in gpt.Attention(config).parameters())

    expect(
        answer["many"] == answer["few"],
        "More heads are not more parameters, nor fewer: the same matrices are cut into more parts.",
    )
    few, many = weights(layer.heads), weights(layer.more_heads)
    grouped = weights(layer.more_heads, layer.kv_heads)
    expect(
        answer["few"] != few * 3 // 4,
        "There is a fourth matrix: it mixes what the heads have gathered.",
    )
    expect(
        answer["few"] == few and answer["many"] == many,
        f"The layer does not have {answer['few']:g} weights. No head has a matrix of full width.",
    )
    expect(
        answer["grouped"] != many,
        "Where queries share keys and values, the matrices of keys and values have fewer rows.",
    )
    expect(
        answer["grouped"] != many * layer.kv_heads // layer.more_heads,
        "Only keys and values are shared: queries and the result keep their full matrices.",
    )
    expect(
        answer["grouped"] == grouped,
        f"The layer with groups does not have {answer['grouped']:g} weights.",
    )
    kept = 2 * layer.kv_heads * layer.width // layer.more_heads * layer.tokens
    expect(answer["cache"] != kept // 2, "The cache holds keys and values, so both count.")
    expect(
        answer["cache"] != 2 * layer.width * layer.tokens,
        "This is the cache without groups; only the heads of keys and values are kept.",
    )
    expect(answer["cache"] == kept, f"The cache does not hold {answer['cache']:g} numbers.")


@CHAPTER.exercise(
    "Who may see whom",
    kind="complete",
    objective="causal mask; encoder-decoder against decoder-only (what each is for); KV cache",
    misconceptions=("GPT has an encoder",),
    points=3,
    hints=(
        "Ask for each row: which tokens are known when this one is read? Those it may see.",
        "A mask has a row for each token that looks and a column for each that is looked at. For "
        "GPT, question and answer are one text, and nothing is read from both sides.",
        "`ones(T, T).tril()`, `ones(T, S)`, `ones(S + T, S + T).tril()` and `ones(1, S + T)`, all "
        "of dtype bool.",
    ),
)
def sight(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(source, target)` is a dictionary of five masks."""
    source = draw.integer(3, 6)
    for sizes in ((source, source + draw.integer(2, 4)), (source + 2, source), (1, 1), (4, 1)):
        gpt_attention.judge_masks(answer(*sizes), *sizes)


@CHAPTER.exercise(
    "A loss that is too good",
    kind="mend",
    objective="next-token loss; causal mask; teacher forcing",
    misconceptions=("the mask matters only at inference",),
    points=3,
    hints=(
        "There are two faults: one in what a position may see, one in what it is asked for.",
        "A model that sees the next token in training learns to copy it. And the target of a "
        "position is the token that follows, so the last position has none.",
        "Always use `mask.tril()`; then compare `logits[:, :-1].flatten(0, 1)` with "
        "`tokens[:, 1:].flatten()`.",
    ),
    given=gpt_given.reader,
)
def next_token_loss(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(model, tokens)` is the mean loss of the next token, in training and in use."""
    model, vocabulary = given.model, given.model.head.out_features
    for shape in ((3, draw.integer(4, 12)), (1, 2)):
        tokens = draw.integers(0, vocabulary, *shape)
        for training in (False, True):
            model.train(training)
            loss = a_tensor(answer(model, tokens.clone()), "The loss", ())
            expect(model.training == training, "Leave the model in the mode in which it comes.")
            gpt_attention.judge_loss(loss, model, tokens)
    expect(loss.requires_grad, "The loss has no gradient, so nothing can be learned from it.")


@CHAPTER.exercise(
    "Temperature and top-p",
    kind="write",
    objective="greedy, temperature, top-k, top-p",
    misconceptions=("temperature adds knowledge",),
    points=4,
    hints=(
        "Divide the logits by the temperature first; softmax; sort; then cut the tail.",
        "A token stays if those that are likelier have less than `p` together. What stays is "
        "divided by its sum before the entropy $-\\sum_i q_i \\log_2 q_i$.",
        "`q, order = (logits / temperature).softmax(0).sort(descending=True)`, then "
        "`keep = q.cumsum(0) - q < p`. Dividing all logits by one number changes no place.",
    ),
    given=gpt_given.question,
)
def temperature(given: SimpleNamespace, draw: Draw, answer: Any, places: Any) -> None:
    """`answer(logits, temperature, p)` is a list of tokens and an entropy; `places` are two."""
    logits = 2 * draw.normal(draw.integer(9, 14))
    for heat, p in ((0.5, 0.8), (2.0, 0.8), (draw.number(1.2, 3), 1.0), (1.0, 0.05)):
        found = answer(logits.clone(), heat, p)
        expect(
            isinstance(found, tuple | list) and len(found) == 2,
            "Return two things: the tokens and the entropy.",
        )
        tokens, bits = found
        gpt_text.judge_nucleus(tokens, bits, logits, heat, p)
    places = numbers(places, "places", ("cold", "hot"))
    place = 1 + sum(other > given.logits[given.truth] for other in given.logits.values())
    expect(
        not (places["cold"] == place != places["hot"] or places["hot"] == place != places["cold"]),
        "One of the two places is right, and so is the other: temperature adds no knowledge and "
        "changes no order.",
    )
    expect(
        places["cold"] == places["hot"],
        "Temperature adds no knowledge: it changes how far apart the answers are, not their order.",
    )
    expect(places["cold"] != place - 1, "Count places from 1: the likeliest stands at place 1.")
    expect(places["cold"] == place, f"{given.truth} does not stand at place {places['cold']:g}.")


@CHAPTER.exercise(
    "Does it look things up?",
    kind="write",
    objective="limits: hallucination, contamination",
    misconceptions=("the model looks text up",),
    points=3,
    hints=(
        "A run begins at each character that has `n - 1` more behind it, so runs overlap.",
        "A text has `len(text) - n + 1` runs. For the longest piece, look at which `n` the share "
        "becomes zero.",
        "`sum(text[i : i + n] in corpus for i in range(runs)) / runs`, and 0.0 if there is no "
        "run. `longest` is the largest `n` with a share above zero.",
    ),
    given=gpt_given.sample,
)
def seen(given: SimpleNamespace, draw: Draw, answer: Any, longest: Any) -> None:
    """`answer(text, corpus, n)` is a share of runs; `longest` is a number of characters."""
    start, n = draw.integer(0, 80_000), draw.integer(3, 6)
    corpus = given.corpus[start : start + 3000]
    copied = corpus[1000 : 1000 + draw.integer(30, 50)]
    texts = [copied, copied + copied[::-1].swapcase() + 5 * "Qq.", "Zq" * 9 + copied + "~"]
    for some, length in ((texts, n), (texts[:1], len(copied))):
        gpt_text.judge_shares([answer(t, corpus, length) for t in some], some, corpus, length)
    short = a_number(answer("ab", corpus, 5), "the share of a text without a run")
    expect(short == 0, "A text shorter than `n` has no run: its share is 0.0.")
    longest, written = a_number(longest, "longest"), given.written
    expect(
        longest != len(written),
        "All of it? The model looks no text up: most of what it wrote stands nowhere in the "
        "corpus. Search for the pieces.",
    )
    most = gpt_text.longest_piece(written, given.corpus)
    expect(longest == most, f"The longest piece that stands in the corpus is not {longest:g} long.")


@CHAPTER.exercise(
    "Three tokenisers, one scale",
    kind="explain",
    objective="next-token loss, perplexity, bits per character",
    misconceptions=("comparing perplexity across tokenisers",),
    points=4,
    hints=(
        "The whole excerpt's loss is the mean loss times the number of tokens; spread it over the "
        "characters.",
        "One bit is $\\log 2$ nats, so divide by `math.log(2)`. Then read each statement off the "
        "figure or off `runs`.",
        "`nats * run.tokens / measured.characters / math.log(2)` for each of `run.nats`. What "
        "compares perplexities of different tokenisers is false.",
    ),
    given=gpt_given.runs,
)
def bits(given: SimpleNamespace, draw: Draw, answer: Any, choice: Any) -> None:
    """`answer` is a picture of bits a character, `choice` the letters of true statements."""
    picture = a_picture(answer, "figure")
    lines, wanted = drawn_lines(picture), gpt_given.bits(given)
    expect(set(lines) == set(wanted), f"Draw three lines with the names {', '.join(wanted)}.")
    unit = picture.figure.axes[0].get_ylabel().lower()
    # Of a single character's token, nats a token are nats a character: ask there last.
    for name in sorted(lines, key=lambda name: given.runs[name].tokens):
        x, y = lines[name]
        expect(x == given.lengths, f"The line of {name} must stand over `measured.lengths`.")
        gpt_text.judge_line(name, y, given.runs[name], given.characters)
    expect("bit" in unit, "Name the unit at the vertical axis: bits a character.")
    expect(picture.figure.axes[0].get_title().strip(), "Give the figure a title: its message.")
    choice = a_choice(choice, "true_ones", list(given.statements))
    all_said = {k: true for group in gpt_given.statements(given) for k, true in group.items()}
    truth = {said: all_said[said] for said in given.statements.values()}
    chosen = {given.statements[letter] for letter in choice}
    expect(
        not chosen & set(gpt_given.COMPARES),
        "One of these compares perplexities across tokenisers. A token of each is worth another "
        "number of characters, so they have no common scale.",
    )
    wrong = sum((said in chosen) != true for said, true in truth.items())
    expect(not wrong, f"{wrong} of the {len(truth)} statements are not where they belong.")


@CHAPTER.exercise(
    "Attention against effect",
    kind="write",
    objective="query, key, value and the square root",
    misconceptions=("attention = explanation",),
    points=4,
    hints=(
        "Without a token, softmax shares everything among the others: compute the output anew.",
        "Scores are `keys @ query`, divided by the root of the query's length. The output is the "
        "weighted sum of the values; its move is the norm of a difference.",
        "For each `i`: `keep = torch.arange(len(keys)) != i`, and then "
        "`(output(keys[keep], values[keep]) - output(keys, values)).norm()`.",
    ),
    given=gpt_given.scene,
)
def look(given: SimpleNamespace, draw: Draw, answer: Any, word: Any) -> None:
    """`answer(query, keys, values)` is weights and effects, each (T,); `word` is one of five."""
    for length, dim in ((draw.integer(4, 7), draw.choice((8, 16))), (2, 4)):
        query, keys, values = draw.normal(dim), draw.normal(length, dim), draw.normal(length, 3)
        found = answer(query.clone(), keys.clone(), values.clone())
        expect(
            isinstance(found, tuple | list) and len(found) == 2,
            "Return two things: the weights and the effects.",
        )
        gpt_attention.judge_weights(a_tensor(found[0], "The weights", (length,)), query, keys)
        gpt_attention.judge_effects(
            a_tensor(found[1], "The effects", (length,)), query, keys, values
        )
    weights, _, effects = gpt_attention.moves_without(given.query, given.keys, given.values)
    expect(word in given.words, f"`word` must be one of {', '.join(given.words)}.")
    expect(
        word != given.words[int(weights.argmax())],
        "This word has the most attention, but attention is no explanation: without it the "
        "output hardly moves.",
    )
    expect(word == given.words[int(effects.argmax())], "There is a word whose effect is larger.")
