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

from aigc_utils import cnn, digits, evaluation, flow, gan, gpt, latent, vae
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
FLOW = flow.FlowRecipe(num_steps=3, batch_size=8, without_label=0.5)
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


def point_flow() -> flow.PointFlow:
    model: flow.PointFlow = made(flow.PointFlow, 3, 8, 1, 10, 4)
    return model


#: Chapter 5's networks, and data for each.
FLOWS: dict[str, Callable[[], tuple[Any, Tensor]]] = {
    "points": lambda: (point_flow(), normal(8, 3)),
    "images": lambda: (made(flow.ImageFlow, 8, 16), normal(8, 1, 28, 28)),
    "patches": lambda: (
        made(flow.DiT, lambda: gpt.Block(GPT.config(VOCABULARY)), 8, 1, 14),
        normal(8, 1, 28, 28),
    ),
}


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


def seeing_vae_step(move: Move) -> tuple[Step, Batch]:
    model = move(new_vae())
    eyes = move(made(cnn.CourseCNN, CNN.widths).eval().requires_grad_(False)).features
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)

    def perceive(logits: Tensor, images: Tensor) -> Tensor:
        return vae.perceptual_loss(eyes, logits, images, wait=False).mean()

    return vae.vae_step(model, optimizer, rng(), perceive=perceive), (images(),)


def new_prior() -> vae.LearnedMixture:
    found: vae.LearnedMixture = made(vae.LearnedMixture, 4, 3, rng())
    return found


def vae_step_with_prior(move: Move) -> tuple[Step, Batch]:
    model, prior = move(new_vae()), move(new_prior())
    parameters = [*model.parameters(), *prior.parameters()]
    optimizer = torch.optim.Adam(parameters, 1e-3, fused=True)
    return vae.vae_step(model, optimizer, rng(), prior=prior), (images(),)


def gpt_step(move: Move, clip: float = 0.0, parts: int = 1) -> tuple[Step, Batch]:
    model = move(made(gpt.GPT, GPT.config(VOCABULARY)))
    step = gpt.gpt_step(model, *gpt.course_optimizers(model, GPT), clip=clip, parts=parts)
    rows = ids(72).view(8, 9)
    return step, (rows[:, :-1], rows[:, 1:])


def rung_step(move: Move) -> tuple[Step, Batch]:
    model = move(made(RUNG.build, VOCABULARY, 8, 8))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    return gpt.gpt_step(model, optimizer), (ids(16).view(2, 8), ids(17)[1:].view(2, 8))


def flow_step(
    move: Move, name: str, recipe: flow.FlowRecipe = FLOW, path: flow.Path = flow.STRAIGHT
) -> tuple[Step, Batch]:
    model, data = FLOWS[name]()
    training = flow.FlowTraining(recipe, model, rng(), path)
    for network in (model, training.ema.network):
        move(network)
    training.optimizer = flow.flow_optimizer(model, recipe)
    noise = [torch.ones_like(data)] if recipe.paired else []
    return training.step, (data, *noise, labels(8))


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
    "vae.vae_step, with perception": seeing_vae_step,
    "vae.vae_step, with a prior": vae_step_with_prior,
    "gpt.gpt_step": gpt_step,
    "gpt.gpt_step, in parts": partial(gpt_step, parts=2),
    "gpt.gpt_step, of a rung": rung_step,
    "seq2seq.seq2seq_step": words_step,
}
#: PyTorch's clipping asks where the memory of gradients is, and so finds the absent card out.
CLIPPED: dict[str, Callable[[Move], tuple[Step, Batch]]] = {
    "gpt.gpt_step, clipped": partial(gpt_step, clip=1.0),
    **{f"flow.FlowTraining.step, {name}": partial(flow_step, name=name) for name in FLOWS},
    "flow.FlowTraining.step, a leap": partial(
        flow_step, name="points", recipe=replace(FLOW, paired=True, leap=True)
    ),
    "flow.FlowTraining.step, noise": partial(
        flow_step, name="points", path=flow.DIFFUSION,
        recipe=replace(FLOW, predicts="noise", counted_as="velocity", spread=None),
    ),
}  # fmt: skip


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


def vae_with_prior(place: torch.device | None) -> tuple[Any, ...]:
    prior = new_prior()
    model, history = vae.train_course(VAE, images(), seed=0, device=place, prior=prior)
    return model, prior, history


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
    "vae.train_course, with perception": lambda place: vae.train_course(
        replace(VAE, perception=0.1, perceived=4), images(), seed=0, device=place,
        features=made(cnn.CourseCNN, CNN.widths).eval().requires_grad_(False).features,
    ),
    "vae.train_course, with a network's method": lambda place: vae.train_course(
        replace(VAE, perception=0.1, perceived=4), images(), seed=0, device=place,
        features=made(cnn.CourseCNN, CNN.widths).eval().requires_grad_(False).forward,
    ),
    "vae.train_course, with a prior": vae_with_prior,
    "flow.train_flow": lambda place: flow.train_flow(
        FLOW, point_flow(), normal(24, 3), labels(), seed=0, device=place
    ),
    "flow.train_latent": lambda place: flow.train_latent(
        FLOW, new_vae().eval(), images(), labels(), seed=0, model=point_flow(), device=place
    )[::2],
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


def times(place: torch.device) -> Tensor:
    return torch.linspace(0.1, 0.9, 5, device="cpu").to(place)


def pairs(place: torch.device) -> tuple[Any, ...]:
    """Returns what `mix` takes: a path, data, noise and times."""
    return flow.DIFFUSION, normal(5, 3).to(place), normal(5, 3, seed=1).to(place), times(place)


def slowed(x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
    """A velocity."""
    return x * t.view(-1, *[1] * (x.ndim - 1)) * (1 if labels is None else 2)


def cloud(place: torch.device) -> flow.Mixture:
    return flow.Mixture(flow.ring_of_islands(3).means.to(place), 0.3)


def scaled(place: torch.device) -> list[Tensor]:
    codes = normal(9, 3).to(place)
    scale = flow.Scale.of(codes, whiten=True)
    return [scale(codes), scale.back(codes)]


def flow_losses(place: torch.device) -> list[Tensor]:
    found = []
    for make in FLOWS.values():
        model, data = make()
        ready = roused(model).to(place)
        noise, t = torch.ones_like(data).to(place), torch.full((8,), 0.3, device="cpu").to(place)
        asked = labels(8).to(place)
        for kind in ("velocity", "noise"):
            found.append(flow.flow_loss(ready, data.to(place), noise, t, asked, counted_as=kind))
    return found


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
    "vae.perceptual_loss": lambda at: vae.perceptual_loss(
        lambda x: x.sum(2), normal(4, 1, 28, 28).to(at), unit(at)
    ),
    "vae.plain_decoder": lambda at: vae.plain_decoder(
        made(vae.VAE, 2, (3, 4), False).to(at)
    )[-1],
    "vae.fit_mixture": lambda at: fitted(at).means,
    "vae.LearnedMixture.log_prob": lambda at: new_prior().to(at).log_prob(normal(5, 3).to(at)),
    "vae.Mixture.sample": lambda at: fitted(at).sample(5, rng()),
    "vae.Mixture.log_prob": lambda at: fitted(at).log_prob(normal(5, 2, seed=1).to(at)),
    "flow.flow_loss": flow_losses,
    "flow.sample": lambda at: flow.sample(
        roused(point_flow()).to(at), normal(9, 3).to(at), labels(9).to(at),
        num_steps=2, strength=1.5, batch_size=4,
    ),
    "flow.draw_pairs": lambda at: flow.draw_pairs(
        roused(point_flow()).to(at), 6, rng(), num_steps=1
    ),
    "flow.solve": lambda at: flow.solve(slowed, normal(5, 3).to(at), 2, keep=True),
    "flow.ancestral": lambda at: flow.ancestral(slowed, normal(5, 3).to(at), 3, rng()),
    "flow.fill_in": lambda at: flow.fill_in(
        slowed, normal(2, 1, 4, 4).to(at), (normal(2, 1, 4, 4) > 0).to(at), 2, rng(), rounds=2
    ),
    "flow.guide": lambda at: flow.guide(slowed, labels(5).to(at), 1.5, (0.2, 0.8))(
        normal(5, 3).to(at), times(at)
    ),
    "flow.velocity_of": lambda at: flow.velocity_of(slowed, flow.DIFFUSION, "noise")(
        normal(5, 3).to(at), times(at), None
    ),
    "flow.bend": lambda at: flow.bend(slowed, normal(5, 3).to(at), 3),
    "flow.mix": lambda at: flow.mix(*pairs(at)),
    "flow.velocity_target": lambda at: flow.velocity_target(*pairs(at)),
    "flow.say": lambda at: flow.say(
        flow.DIFFUSION, normal(5, 3).to(at), times(at), score=normal(5, 3, seed=1).to(at)
    ),
    "flow.signal_to_noise": lambda at: flow.signal_to_noise(flow.STRAIGHT, times(at)),
    "flow.noise_weight": lambda at: flow.noise_weight(flow.STRAIGHT, times(at)),
    "flow.Mixture.sample": lambda at: cloud(at).sample(5, rng()),
    "flow.Mixture.say": lambda at: cloud(at).say(
        flow.STRAIGHT, normal(5, 2).to(at), times(at)
    ),
    "flow.Mixture.log_density": lambda at: cloud(at).log_density(
        flow.STRAIGHT, normal(5, 2).to(at), times(at)
    ),
    "flow.Scale": scaled,
    "flow.encode_images": lambda at: flow.encode_images(new_vae().to(at), images().to(at), rng()),
    "flow.decode": lambda at: flow.decode(new_vae().to(at), normal(9, 3).to(at)),
    "gpt.decode": drawn,
    "gpt.decode, padded": lambda at: drawn(
        at, padding=torch.tensor([0, 1], device="cpu").to(at)
    ),
    "gpt.generate": lambda at: gpt.generate(new_gpt().to(at), [[1, 2], [3]], 9),
    "gpt.stream": lambda at: list(gpt.stream(new_gpt().to(at), [1, 2], 3)),
    "gpt.cached_features": lambda at: gpt.cached_features(
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
    "evaluation.importance_bound, a mixture's": lambda at: evaluation.importance_bound(
        new_vae().to(at), (unit(at) > 0.5).float(), 5, rng(),
        vae.fit_mixture(normal(40, 3).to(at), 2, rng(), rounds=2),
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
