"""The questions of chapter 4, in the order in which it teaches."""

from __future__ import annotations

from ..bank import Chapter
from . import attention, counting, going_on, masks, measuring, modern, writing

CHAPTER = Chapter(
    "04_gpt",
    objectives=(
        "autoregressive factorisation",
        "tokenisation (characters, BPE, Chinese too)",
        "embeddings and position",
        "query, key, value and the square root",
        "causal mask",
        "heads",
        "encoder-decoder against decoder-only (what each is for)",
        "next-token loss, perplexity, bits per character",
        "teacher forcing against sampling",
        "greedy, temperature, top-k, top-p",
        "KV cache",
        "from GPT-2 to today's LLM",
        "limits: hallucination, contamination",
    ),
    kinds=(
        counting.exact_number,
        counting.test_part,
        measuring.chain_of_tokens,
        counting.back_off,
        counting.bits_to_bytes,
        counting.rows_of_the_table,
        counting.targets_of_a_row,
        measuring.count_tokens,
        attention.one_score,
        attention.masked_mean,
        attention.forgotten_mask,
        attention.shuffled_words,
        attention.weights_of_heads,
        modern.turned_clock,
        modern.rms_norm,
        modern.gated_weights,
        masks.who_sees_whom,
        measuring.untrained_loss,
        measuring.bits_a_character,
        measuring.two_perplexities,
        writing.cooler_or_hotter,
        writing.capital_city,
        writing.nucleus,
        writing.size_of_the_cache,
        attention.share_of_a_word,
        writing.invented_battle,
        going_on.where_it_reads,
        going_on.head_start,
        modern.learned_by_heart,
    ),
)
