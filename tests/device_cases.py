"""What must run on any device: each public step, sampler, measure and recipe, with small inputs.

A case takes a device, computes there what its name says, and returns numbers to compare. `STEPS`
return the step itself and a batch, as the fake card has no numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from aigc_utils import cnn, digits, evaluation, gan, gpt, latent, vae
from aigc_utils.gpt import seq2seq
from aigc_utils.history import History
from aigc_utils.training import Batch, Step

Case = Callable[[torch.device], Any]
Move = Callable[[Any], Any]  # moves a tensor or a model to the device in question

VOCABULARY = 11
CNN = cnn.CNNRecipe(
    (2, 3, 4), 1.0, 8, adam_lr=0.01, muon_lr=0.1, label_smoothing=0.1, dropout=0.1, max_shift=1
)
GAN = gan.GANRecipe(3, batch_size=8, latent_dim=4, width=4, widths=(2, 3, 4), penalty_every=2)
VAE = vae.VAERecipe(1.0, latent_dim=3, hidden=(6, 6), batch_size=8, binary=True, kl_warmup=0.5)
GPT = gpt.GPTRecipe(
    3, 4, context=8, num_layers=2, num_heads=2, width=8, ngrams=(13,), ngram_dropout=0.3,
    bfloat16=False,
)  # fmt: skip
#: A rung with every part that there is.
RUNG = gpt.Rung((gpt.Mean, gpt.Head, gpt.Heads, gpt.MLP), 4, normed=True, ngrams=(13,))
WORDS = replace(seq2seq.REVERSE, num_steps=3, batch_size=4, width=8, num_heads=2)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@cache
def images(count: int = 24) -> Tensor:
    drawn = torch.randint(0, 256, (count, 1, 28, 28), generator=rng(), device="cpu")
    return drawn.to(torch.uint8)


@cache
def labels(count: int = 24) -> Tensor:
    return torch.arange(count, device="cpu") % 10


@cache
def ids(count: int = 90) -> Tensor:
    return torch.randint(0, VOCABULARY, (count,), generator=rng(), device="cpu")


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=rng(seed), device="cpu")


def made(make: Callable[..., Any], *arguments: Any) -> Any:
    """Returns a new model of the processor, always the same."""
    torch.manual_seed(0)
    with torch.device("cpu"):
        return make(*arguments)


def new_vae() -> vae.VAE:
    found: vae.VAE = made(vae.VAE, 3, (6, 6), True, images().float().mean(0) / 255)
    return found


def new_gpt() -> gpt.GPT:
    model: gpt.GPT = roused(made(gpt.GPT, GPT.config(VOCABULARY)))
    return model


def roused(model: Any) -> Any:
    """Returns a model whose parts all add something, though the recipes begin them with zeros."""
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.3, generator=rng())
    return model.eval().requires_grad_(False)


# --- steps --------------------------------------------------------------------------------------


def cnn_step(move: Move) -> tuple[Step, Batch]:
    model = move(made(cnn.CourseCNN, CNN.widths, 0.1))
    shift = partial(cnn.random_shift, max_shift=1, rng=rng())
    step = cnn.classifier_step(model, *cnn.course_optimizers(model, CNN), augment=shift)
    return step, (images(), labels())


def article_gan_step(move: Move) -> tuple[Step, Batch]:
    players = [move(made(kind)) for kind in (gan.ArticleGenerator, gan.ArticleDiscriminator)]
    optimizers = [torch.optim.Adam(each.parameters(), 2e-4, fused=True) for each in players]
    return gan.article_step(*players, *optimizers), (images(),)


def gan_step(move: Move) -> tuple[Step, Batch]:
    players = made(gan.Generator, 4, 4), made(gan.Discriminator, GAN.widths)
    game = gan.CourseGAN(GAN, rng(), *players)
    for network in (*players, game.ema.network):
        move(network)
    game.generator_optimizers, game.discriminator_optimizers = (
        gan.course_optimizers(player, GAN) for player in players
    )
    return game.step, (images(), labels())


def article_vae_step(move: Move) -> tuple[Step, Batch]:
    model = move(made(vae.ArticleVAE))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    return vae.article_step(model, optimizer), (images(),)


def vae_step(move: Move) -> tuple[Step, Batch]:
    model = move(new_vae())
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    beta = torch.tensor(0.5, device="cpu")
    return vae.vae_step(model, optimizer, rng(), beta=beta, binary=True), (images(),)


def gpt_step(move: Move, clip: float = 0.0, parts: int = 1) -> tuple[Step, Batch]:
    model = move(made(gpt.GPT, GPT.config(VOCABULARY)))
    step = gpt.gpt_step(model, *gpt.course_optimizers(model, GPT), clip=clip, parts=parts)
    rows = ids(72).view(8, 9)
    return step, (rows[:, :-1], rows[:, 1:])


def rung_step(move: Move) -> tuple[Step, Batch]:
    model = move(made(RUNG.build, VOCABULARY, 8, 8))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    return gpt.gpt_step(model, optimizer), (ids(16).view(2, 8), ids(17)[1:].view(2, 8))


def words_step(move: Move) -> tuple[Step, Batch]:
    model = move(made(seq2seq.EncoderDecoder, WORDS.config()))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    return seq2seq.seq2seq_step(model, optimizer), next(seq2seq.reverse_batches(rng(), 4))


STEPS: dict[str, Callable[[Move], tuple[Step, Batch]]] = {
    "cnn.classifier_step": cnn_step,
    "gan.article_step": article_gan_step,
    "gan.CourseGAN.step": gan_step,
    "vae.article_step": article_vae_step,
    "vae.vae_step": vae_step,
    "gpt.gpt_step": gpt_step,
    "gpt.gpt_step, in parts": partial(gpt_step, parts=2),
    "gpt.gpt_step, of a rung": rung_step,
    "seq2seq.seq2seq_step": words_step,
}
#: PyTorch's clipping asks where the memory of gradients is, and so finds the absent card out.
CLIPPED = {"gpt.gpt_step, clipped": partial(gpt_step, clip=1.0)}


def two_steps(make: Callable[[Move], tuple[Step, Batch]], place: torch.device) -> list[Tensor]:
    """Returns the losses of two steps on one device; the GAN's first step has a penalty."""
    step, batch = make(lambda each: each.to(place))
    batch = tuple(each.to(place) for each in batch)
    return [loss for _ in range(2) for loss in step(batch).values()]


# --- recipes ------------------------------------------------------------------------------------


def run(found: tuple[Any, ...]) -> list[list[float]]:
    history = found[-1]
    assert isinstance(history, History)
    return [*history.losses.values(), *history.metrics.values()]


RECIPES: dict[str, Callable[[torch.device | None], tuple[Any, ...]]] = {
    "cnn.train_course": lambda place: cnn.train_course(
        CNN, images(), labels(), seed=0, test=(images(), labels()), device=place
    ),
    "gan.train_article": lambda place: gan.train_article(
        images(64), seed=0, num_steps=2, device=place,
        evaluate=lambda model: {"mean": gan.sample(model, normal(3, 100)).float().mean()},
    ),
    "gan.train_course": lambda place: gan.train_course(
        GAN, images(), labels(), seed=0, device=place
    ),
    "vae.train_article": lambda place: vae.train_article(
        images(64), seed=0, num_steps=2, device=place
    ),
    "vae.train_course": lambda place: vae.train_course(
        VAE, images(), seed=0, device=place,
        evaluate=lambda model: {"nats": evaluation.elbo(model, images() / 255, rng()).nats},
    ),
    "gpt.train_course": lambda place: gpt.train_course(
        GPT, ids(), VOCABULARY, seed=0, device=place,
        evaluate=lambda model: {"nats": gpt.mean_nats(model, ids())},
    ),
    "gpt.train_rung": lambda place: gpt.train_rung(
        RUNG, ids(), VOCABULARY, seed=0, lr=1e-3, num_steps=2, batch_size=2, device=place
    ),
    "seq2seq.train_course": lambda place: seq2seq.train_course(WORDS, seed=0, device=place),
}  # fmt: skip


# --- samplers and measures ----------------------------------------------------------------------


def features(place: torch.device, seed: int) -> Tensor:
    return normal(12, 4, seed=seed).to(place)


def fitted(place: torch.device) -> vae.Mixture:
    return vae.fit_mixture(normal(30, 2).to(place), 3, rng(), rounds=3)


def drawn(place: torch.device, **how: Any) -> list[Tensor]:
    prompt = ids(6).view(2, 3).to(place)
    sampling = gpt.Sampling(top_k=5, top_p=0.9, repetition_penalty=1.2)
    return list(gpt.decode(new_gpt().to(place), prompt, 9, sampling, rng(), **how))


def codebook(place: torch.device) -> tuple[Tensor, Tensor]:
    book = digits.learn_codebook(images(3).to(place), 6, rng(), rounds=2)
    tokens = book.encode(images(2).to(place))
    return tokens, book.decode(tokens)


def judged(place: torch.device) -> evaluation.Judgement:
    return evaluation.judge_images(images().to(place))


def logits(place: torch.device) -> Tensor:
    return normal(24, 10).to(place)


def unit(place: torch.device) -> Tensor:
    return (images(4) / 255).to(place)


def counted(place: torch.device) -> tuple[Tensor, int]:
    return ids().to(place), VOCABULARY


CASES: dict[str, Case] = {
    "cnn.random_shift": lambda at: cnn.random_shift(images().to(at), 2, rng()),
    "cnn.exciting_patches": lambda at: cnn.exciting_patches(
        normal(4, 2, 26, 26).to(at), images(4).to(at), 3, 1, 2
    ),
    "gan.sample": lambda at: gan.sample(
        made(gan.Generator, 4, 4).to(at), normal(9, 4).to(at), labels(9).to(at), batch_size=4
    ),
    "gan.gradient_penalty": lambda at: gan.gradient_penalty(
        *(lambda x: (x.square().sum((1, 2, 3)), x))(unit(at).requires_grad_())
    ),
    "latent.interpolate": lambda at: latent.interpolate(
        normal(5).to(at), normal(5, seed=1).to(at), 4
    ),
    "vae.sample": lambda at: vae.sample(new_vae().to(at), normal(9, 3).to(at), batch_size=4),
    "vae.article_nats": lambda at: vae.article_nats(
        made(vae.ArticleVAE).to(at), images().to(at)
    ),
    "vae.reparameterize": lambda at: vae.reparameterize(
        normal(4, 3).to(at), normal(4, 3, seed=1).to(at), rng()
    ),
    "vae.gaussian_kl": lambda at: vae.gaussian_kl(
        normal(4, 3).to(at), normal(4, 3, seed=1).to(at)
    ),
    "vae.reconstruction_loss": lambda at: vae.reconstruction_loss(
        normal(4, 1, 28, 28).to(at), unit(at)
    ),
    "vae.article_losses": lambda at: vae.article_losses(
        *(lambda x: (x.flatten(1), x, x[:, 0, 0, :3], x[:, 0, 1, :3]))(unit(at))
    ),
    "vae.plain_decoder": lambda at: vae.plain_decoder(
        made(vae.VAE, 2, (3, 4), False).to(at)
    )[-1],
    "vae.fit_mixture": lambda at: fitted(at).means,
    "vae.Mixture.sample": lambda at: fitted(at).sample(5, rng()),
    "vae.Mixture.log_prob": lambda at: fitted(at).log_prob(normal(5, 2, seed=1).to(at)),
    "gpt.decode": drawn,
    "gpt.decode, padded": lambda at: drawn(
        at, padding=torch.tensor([0, 1], device="cpu").to(at)
    ),
    "gpt.generate": lambda at: gpt.generate(new_gpt().to(at), [[1, 2], [3]], 9),
    "gpt.stream": lambda at: list(gpt.stream(new_gpt().to(at), [1, 2], 3)),
    "gpt.read": lambda at: gpt.read(
        new_gpt().to(at), ids(6).view(2, 3).to(at),
        gpt.Cache(GPT.config(VOCABULARY), 2, 4, like=normal(1).to(at)),
    ),
    "gpt.attention_maps": lambda at: gpt.attention_maps(
        new_gpt().to(at), ids(6).view(2, 3).to(at)
    ),
    "gpt.attend": lambda at: gpt.attend(
        *(normal(2, 3, 4, seed=seed).to(at) for seed in range(3)),
        gpt.causal_mask(3).to(at),
    ),
    "gpt.masked_softmax": lambda at: gpt.masked_softmax(
        normal(2, 3, 3).to(at), gpt.causal_mask(3).to(at)
    ),
    "gpt.rotate": lambda at: gpt.rotate(normal(3, 4).to(at), gpt.rotary_angles(3, 4).to(at)),
    "gpt.choose": lambda at: gpt.choose(normal(3, 7).to(at), gpt.Sampling(), rng()),
    "gpt.keep_top_k": lambda at: gpt.keep_top_k(normal(3, 7).to(at), 2),
    "gpt.keep_nucleus": lambda at: gpt.keep_nucleus(normal(3, 7).to(at), 0.7),
    "gpt.penalize_repetition": lambda at: gpt.penalize_repetition(
        normal(2, VOCABULARY).to(at), ids(6).view(2, 3).to(at), 1.3
    ),
    "gpt.probabilities": lambda at: gpt.probabilities(
        normal(3, 7).to(at), gpt.Sampling(temperature=0.7)
    ),
    "gpt.mean_nats": lambda at: gpt.mean_nats(new_gpt().to(at), ids().to(at)),
    "gpt.unigram_nats": lambda at: gpt.unigram_nats(ids(50).to(at), *counted(at)),
    "gpt.bigram_nats": lambda at: gpt.bigram_nats(ids(50).to(at), *counted(at)),
    "gpt.backoff_surprise": lambda at: gpt.backoff_surprise(
        ids(50).to(at), ids().to(at), 3, VOCABULARY
    ),
    "gpt.surprise": lambda at: gpt.surprise(
        roused(made(RUNG.build, VOCABULARY, 8, 8)).to(at), ids().to(at), 8
    ),
    "gpt.mean_bits": lambda at: gpt.mean_bits(normal(60).to(at), 6),
    "gpt.token_batches": lambda at: next(gpt.token_batches(ids().to(at), 8, 3, rng())),
    "gpt.consecutive_batches": lambda at: list(gpt.consecutive_batches(ids().to(at), 8, 3)),
    "seq2seq.greedy_decode": lambda at: seq2seq.greedy_decode(
        made(seq2seq.EncoderDecoder, WORDS.config()).to(at), seq2seq.encode_words("abc").to(at)
    ),
    "seq2seq.share_reversed": lambda at: seq2seq.share_reversed(
        made(seq2seq.EncoderDecoder, WORDS.config()).to(at), seq2seq.encode_words("abc").to(at)
    ),
    "digits.learn_codebook": codebook,
    "evaluation.predict": lambda at: evaluation.predict(
        made(cnn.CourseCNN, CNN.widths).to(at), images().to(at), batch_size=10
    ),
    "evaluation.accuracy": lambda at: evaluation.accuracy(logits(at), labels().to(at)),
    "evaluation.confusion_matrix": lambda at: evaluation.confusion_matrix(
        logits(at), labels().to(at)
    ),
    "evaluation.calibration": lambda at: evaluation.calibration(
        logits(at), labels().to(at)
    ).error,
    "evaluation.judge_images": judged,
    "evaluation.elbo": lambda at: evaluation.elbo(new_vae().to(at), unit(at), rng()).nats,
    "evaluation.importance_bound": lambda at: evaluation.importance_bound(
        new_vae().to(at), (unit(at) > 0.5).float(), 5, rng()
    ),
    "evaluation.active_units": lambda at: evaluation.active_units(normal(6, 3).to(at)),
    "evaluation.frechet_distance": lambda at: evaluation.frechet_distance(
        features(at, 0), features(at, 1)
    ),
    "evaluation.frechet_error": lambda at: evaluation.frechet_error(
        features(at, 0), features(at, 1), rng(), 3
    ),
    "evaluation.precision_recall": lambda at: evaluation.precision_recall(
        features(at, 0), features(at, 1)
    ),
    "evaluation.density_coverage": lambda at: evaluation.density_coverage(
        features(at, 0), features(at, 1)
    ),
    "evaluation.class_kl": lambda at: evaluation.class_kl(labels().to(at)),
    "evaluation.score_samples": lambda at: evaluation.score_samples(
        images(12).to(at), images().to(at)
    ),
    "evaluation.nearest_neighbours": lambda at: evaluation.nearest_neighbours(
        images(4).to(at), images().to(at)
    ),
}  # fmt: skip
