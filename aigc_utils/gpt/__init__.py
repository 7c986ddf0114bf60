"""Chapter 4: Transformers, from attention to text.

Read it in this order: config, attention, model, batches, training; rungs, the same model grown
part by part; baselines, measuring and tokenizers; sampling, cache, decoding, numpy_decoding;
checkpoints, gguf_file, hub, pretrained; and cross_attention, reversal, seq2seq, the
encoder-decoder, which keeps its names to itself. What they all accept is in checks.
"""

from ..model_files import load_model, save_model
from .attention import (
    attend,
    attention_weights,
    causal_mask,
    masked_softmax,
    rotary_angles,
    rotate,
)
from .baselines import (
    backoff_surprise,
    bigram_nats,
    bits_per_character,
    compressed_bits,
    unigram_nats,
)
from .batches import consecutive_batches, token_batches
from .cache import Cache, Memory
from .checkpoints import from_gpt2, from_llama, with_weights
from .config import GPT2, SMOLLM2, GPTConfig
from .decoding import cached_features, decode, generate, stream, words
from .measuring import mean_bits, surprise
from .model import GPT, MLP, Attention, Block, Embedding, NGrams, attention_maps
from .pretrained import Pretrained, load_gpt2, load_gpt2_or_standin, load_standin
from .rungs import (
    RUNGS,
    Head,
    Heads,
    Mean,
    Normed,
    PlacedHead,
    ResidualModel,
    Rung,
    Tables,
    train_rung,
)
from .sampling import (
    GREEDY,
    Sampling,
    choose,
    keep_nucleus,
    keep_top_k,
    penalize_repetition,
    probabilities,
)
from .tokenizers import (
    BPETokenizer,
    CharTokenizer,
    Tokenizer,
    encode_tensor,
    learn_merges,
    merge,
    tokens_per_character,
)
from .training import (
    EQUAL_TIME,
    SPRINT,
    GPTRecipe,
    course_optimizers,
    gpt_step,
    has_bfloat16,
    mean_nats,
    train_course,
)

__all__ = [
    "EQUAL_TIME",
    "GPT",
    "GPT2",
    "GREEDY",
    "MLP",
    "RUNGS",
    "SMOLLM2",
    "SPRINT",
    "Attention",
    "BPETokenizer",
    "Block",
    "Cache",
    "CharTokenizer",
    "Embedding",
    "GPTConfig",
    "GPTRecipe",
    "Head",
    "Heads",
    "Mean",
    "Memory",
    "NGrams",
    "Normed",
    "PlacedHead",
    "Pretrained",
    "ResidualModel",
    "Rung",
    "Sampling",
    "Tables",
    "Tokenizer",
    "attend",
    "attention_maps",
    "attention_weights",
    "backoff_surprise",
    "bigram_nats",
    "bits_per_character",
    "cached_features",
    "causal_mask",
    "choose",
    "compressed_bits",
    "consecutive_batches",
    "course_optimizers",
    "decode",
    "encode_tensor",
    "from_gpt2",
    "from_llama",
    "generate",
    "gpt_step",
    "has_bfloat16",
    "keep_nucleus",
    "keep_top_k",
    "learn_merges",
    "load_gpt2",
    "load_gpt2_or_standin",
    "load_model",
    "load_standin",
    "masked_softmax",
    "mean_bits",
    "mean_nats",
    "merge",
    "penalize_repetition",
    "probabilities",
    "rotary_angles",
    "rotate",
    "save_model",
    "stream",
    "surprise",
    "token_batches",
    "tokens_per_character",
    "train_course",
    "train_rung",
    "unigram_nats",
    "with_weights",
    "words",
]
