"""Chapter 4: Transformers, from attention to text.

Read it in this order: config, attention, model, batches, training; baselines and tokenizers;
sampling, cache, decoding, numpy_decoding; checkpoints, gguf_file, hub, pretrained; and
cross_attention, reversal, seq2seq, the encoder-decoder, which keeps its names to itself. What they
all accept is in checks.
"""

from ..model_files import load_model, save_model
from .attention import attend, attention_weights, causal_mask, rotary_angles, rotate
from .baselines import bigram_nats, bits_per_character, unigram_nats
from .batches import consecutive_batches, token_batches
from .cache import Cache, Memory
from .checkpoints import from_gpt2, from_llama, with_weights
from .config import GPT2, SMOLLM2, GPTConfig
from .decoding import decode, generate, read, stream, words
from .model import GPT, MLP, Attention, Block, Embedding, NGrams, attention_maps
from .pretrained import Pretrained, load_gpt2, load_gpt2_or_standin, load_standin
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
    "Memory",
    "NGrams",
    "Pretrained",
    "Sampling",
    "Tokenizer",
    "attend",
    "attention_maps",
    "attention_weights",
    "bigram_nats",
    "bits_per_character",
    "causal_mask",
    "choose",
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
    "mean_nats",
    "penalize_repetition",
    "probabilities",
    "read",
    "rotary_angles",
    "rotate",
    "save_model",
    "stream",
    "token_batches",
    "tokens_per_character",
    "train_course",
    "unigram_nats",
    "with_weights",
    "words",
]
