"""Chapter 2's two GANs: the players, their steps, what they learn, and files of generators."""

from __future__ import annotations

import dataclasses
import errno
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from sentences import assert_one_sentence
from torch import Tensor, nn
from torch.nn import functional as F

from aigc_utils import gan
from aigc_utils.data import MNIST, DataError, load_mnist
from aigc_utils.evaluation import frechet_distance, judge_images


@pytest.fixture(scope="module")
def mnist() -> MNIST:
    return load_mnist()


def small(num_steps: int = 4, **changes: Any) -> gan.GANRecipe:
    """Returns the course's recipe with players small enough to train in no time."""
    recipe = gan.GANRecipe(num_steps, batch_size=16, latent_dim=8, width=8, widths=(4, 6, 8))
    return dataclasses.replace(recipe, **changes)


def new_game(**changes: Any) -> gan.CourseGAN:
    torch.manual_seed(0)
    return gan.CourseGAN(small(**changes), torch.Generator().manual_seed(0))


def weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def changed(network: nn.Module, before: dict[str, Tensor]) -> set[str]:
    """Returns the names of the parameters that are no longer what they were."""
    return {n for n, p in network.named_parameters() if not torch.equal(p, before[n])}


def assert_same(a: nn.Module, b: nn.Module) -> None:
    for (name, one), two in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(one, two), name


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- the article's --------------------------------------------------------------------------


def test_article_players_have_the_articles_parameters() -> None:
    assert sum(p.numel() for p in gan.ArticleGenerator().parameters()) == 1_486_352
    assert sum(p.numel() for p in gan.ArticleDiscriminator().parameters()) == 1_460_225


def test_article_players_shapes_and_ranges() -> None:
    torch.manual_seed(0)
    images = gan.ArticleGenerator()(100 * normal(5, 100))
    assert images.shape == (5, 1, 28, 28)
    assert images.min() < -0.9
    assert images.max() > 0.9
    assert images.abs().max() <= 1
    probability = gan.ArticleDiscriminator()(100 * normal(5, 1, 28, 28))
    assert probability.shape == (5, 1)
    assert ((probability > 0) & (probability < 1)).all()


def test_article_step_moves_each_player_once_and_by_its_own_loss(mnist: MNIST) -> None:
    torch.manual_seed(0)
    generator, discriminator = gan.ArticleGenerator(), gan.ArticleDiscriminator()
    g_optimizer, d_optimizer = (
        torch.optim.Adam(net.parameters(), 2e-4) for net in (generator, discriminator)
    )
    g_before, d_before = weights(generator), weights(discriminator)
    order: list[str] = []
    d_after: dict[str, Tensor] = {}

    def after_discriminator(*_: object) -> None:
        order.append("discriminator")
        d_after.update(weights(discriminator))
        assert all(p.grad is None for p in generator.parameters())

    d_optimizer.register_step_post_hook(after_discriminator)
    g_optimizer.register_step_post_hook(lambda *_: order.append("generator"))
    step = gan.article_step(generator, discriminator, g_optimizer, d_optimizer)
    losses = step((mnist.train_images[:32],))
    assert order == ["discriminator", "generator"]
    assert changed(generator, g_before) == set(g_before)
    assert changed(discriminator, d_before) == set(d_before)
    assert not changed(discriminator, d_after)

    assert set(losses) == {"discriminator", "generator", "real", "made"}
    assert losses["discriminator"].item() == pytest.approx(2 * math.log(2), abs=0.1)
    assert losses["generator"].item() == pytest.approx(math.log(2), abs=0.1)
    assert losses["real"].item() == pytest.approx(0.5, abs=0.1)
    assert losses["made"].item() == pytest.approx(0.5, abs=0.1)


def test_train_article_repeats_to_the_last_bit(mnist: MNIST) -> None:
    def run(seed: int) -> tuple[gan.ArticleGenerator, list[float]]:
        generator, _, history = gan.train_article(mnist.train_images[:200], seed=seed, num_steps=4)
        assert len(history["real"]) == 4
        return generator, history["discriminator"]

    generator, losses = run(0)
    again, same = run(0)
    assert losses == same
    assert_same(generator, again)
    assert run(1)[1] != losses


def test_train_article_evaluates_its_generator(mnist: MNIST) -> None:
    seen: list[nn.Module] = []

    def evaluate(generator: nn.Module) -> dict[str, float]:
        seen.append(generator)
        return {"frechet": 1.0}

    generator, _, history = gan.train_article(
        mnist.train_images[:64], seed=0, num_steps=3, evaluate=evaluate, evaluate_every=2
    )
    assert history.evaluated_at == [2, 3]
    assert all(each is generator for each in seen)


# --- the course's players -------------------------------------------------------------------


def test_generator_makes_images_with_and_without_labels() -> None:
    torch.manual_seed(0)
    generator = gan.Generator()
    z = normal(3, generator.latent_dim)
    for labels in (None, torch.tensor([3, 0, 9]), torch.full((3, 10), 0.1)):
        images = generator(z, labels)
        assert images.shape == (3, 1, 28, 28)
        assert images.abs().max() <= 1


def test_label_chooses_the_image_and_shares_mix_labels() -> None:
    torch.manual_seed(0)
    generator = gan.Generator(8, 6).eval()
    z = normal(1, 8).expand(10, -1)
    labels = torch.arange(10)
    images = generator(z, labels)
    assert torch.equal(generator(z, F.one_hot(labels, 10).float()), images)
    assert len(images.flatten(1).unique(dim=0)) == 10
    assert torch.equal(generator(z, torch.zeros(10, 10)), generator(z))


def test_discriminator_scores_images_with_and_without_labels() -> None:
    torch.manual_seed(0)
    discriminator = gan.Discriminator()
    images = normal(5, 1, 28, 28)
    logits = discriminator(images)
    assert logits.shape == (5,)
    labels = torch.tensor([0, 3, 3, 9, 1])
    assert torch.equal(discriminator(images, labels), logits), "A new one knows no labels yet."


def test_discriminator_compares_features_with_the_labels_embedding() -> None:
    torch.manual_seed(0)
    discriminator = gan.Discriminator((4, 6, 8))
    nn.init.normal_(discriminator.embedding.weight)
    images, labels = normal(3, 1, 28, 28), torch.tensor([7, 0, 7])
    size = discriminator.score.in_features
    # The score is linear in the features too, so its weights can be read back through it.
    both = discriminator(images, labels)
    with torch.no_grad():
        discriminator.score.weight.add_(discriminator.embedding.weight[7] / size**0.5)
    torch.testing.assert_close(discriminator(images)[[0, 2]], both[[0, 2]])
    assert (discriminator(images)[1] - both[1]).abs() > 1e-3


def test_score_does_not_depend_on_neighbours() -> None:
    torch.manual_seed(0)
    discriminator = gan.Discriminator()
    images, labels = normal(6, 1, 28, 28), torch.arange(6)
    alone = torch.cat([discriminator(images[i : i + 1], labels[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(discriminator(images, labels), alone)
    assert len(alone.unique()) == 6


# --- the gradient penalty -------------------------------------------------------------------


def test_gradient_penalty_of_a_linear_discriminator_is_its_squared_length() -> None:
    weight = normal(784, seed=1).requires_grad_()
    images = normal(7, 1, 28, 28).requires_grad_()
    penalty = gan.gradient_penalty(images.flatten(1) @ weight, images)
    assert penalty.item() == pytest.approx(weight.square().sum().item(), rel=1e-5)
    penalty.backward()
    torch.testing.assert_close(weight.grad, 2 * weight)


def test_gradient_penalty_agrees_with_finite_differences() -> None:
    torch.manual_seed(0)
    discriminator = gan.Discriminator((3, 4, 5)).double()
    images = normal(2, 1, 28, 28).double().requires_grad_()
    penalty = gan.gradient_penalty(discriminator(images), images)
    steps = 1e-6 * torch.eye(784).double().view(784, 1, 28, 28)
    with torch.no_grad():
        slopes = [(discriminator(x + steps) - discriminator(x - steps)) / 2e-6 for x in images]
    expected = torch.stack([slope.square().sum() for slope in slopes]).mean()
    torch.testing.assert_close(penalty.detach(), expected, rtol=1e-5, atol=0)


# --- the running mean -----------------------------------------------------------------------


def positions(start: float, others: Sequence[float], decay: float) -> float:
    """Returns the running mean of a network of one weight that stands at these positions."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, start)
    average = gan.EMA(network, decay)
    for position in others:
        nn.init.constant_(network.weight, position)
        average.update(network)
    return average.network.weight.item()


@pytest.mark.parametrize("decay", [0.5, 0.9, 1.0])
def test_average_is_the_closed_form(decay: float) -> None:
    values = [3.0, -1.0, 4.0, 1.0, -5.0, 9.0, 2.0, -6.0, 5.0, 3.0, 5.0, 8.0]
    keeps = [min(decay, u / (u + 10)) for u in range(1, 13)]
    expected = 7.0 * math.prod(keeps) + sum(
        value * (1 - keeps[i]) * math.prod(keeps[i + 1 :]) for i, value in enumerate(values)
    )
    assert positions(7.0, values, decay) == pytest.approx(expected, rel=1e-5)


def test_average_forgets_early_weights_quickly_and_later_ones_with_decay() -> None:
    assert positions(1.0, [0.0] * 5, decay=0.999) < 1e-3
    assert positions(1.0, [0.0] * 10, decay=0.999) == pytest.approx(1 / math.comb(20, 10), rel=1e-4)
    ratio = positions(1.0, [0.0] * 21, decay=0.6) / positions(1.0, [0.0] * 20, decay=0.6)
    assert ratio == pytest.approx(0.6, rel=1e-4)


def test_average_is_a_network_of_its_own_with_the_newest_statistics() -> None:
    torch.manual_seed(0)
    network = gan.Generator(8, 6)
    average = gan.EMA(network, 0.9)
    start = weights(network)
    network(normal(20, 8))
    with torch.no_grad():
        network.expand.weight += 1
    assert_same(average.network, gan.EMA(average.network, 0.9).network)
    assert not changed(average.network, start)
    average.update(network)
    for mean, newest in zip(average.network.buffers(), network.buffers(), strict=True):
        assert torch.equal(mean, newest)
    assert average.network.cells[0].num_batches_tracked == 1
    assert changed(average.network, start) == {"expand.weight"}
    assert not any(module.training for module in average.network.modules())
    assert not any(p.requires_grad for p in average.network.parameters())
    assert network.training
    assert all(p.requires_grad for p in network.parameters())


# --- the course's step ----------------------------------------------------------------------


def test_step_without_labels_moves_all_but_the_embeddings(mnist: MNIST) -> None:
    game = new_game()
    players = (game.generator, game.discriminator)
    before = [weights(player) for player in players]
    losses = game.step((mnist.train_images[:16],))
    assert set(losses) == {"discriminator", "generator"}
    for player, start in zip(players, before, strict=True):
        names = {name for name, _ in player.named_parameters()}
        assert changed(player, start) == names - {"embedding.weight"}
        assert all(p.requires_grad for p in player.parameters())
    assert game.steps == 1


def test_step_with_labels_moves_the_embeddings_of_those_labels(mnist: MNIST) -> None:
    game = new_game()
    labels = torch.tensor([3, 8]).repeat(8)
    embeddings = [game.generator.embedding.weight, game.discriminator.embedding.weight]
    before = [each.detach().clone() for each in embeddings]
    for _ in range(2):
        game.step((mnist.train_images[:16], labels))
    for each, start in zip(embeddings, before, strict=True):
        assert (each != start).any(1).nonzero()[:, 0].tolist() == [3, 8]


def test_each_loss_moves_its_own_player_alone(
    mnist: MNIST, monkeypatch: pytest.MonkeyPatch
) -> None:
    game = new_game()
    generator_loss, between = game.generator_loss, {}
    g_before, d_before = weights(game.generator), weights(game.discriminator)

    def spy(fake: Tensor, labels: Tensor | None) -> Tensor:
        assert not changed(game.generator, g_before)
        assert all(p.grad is None for p in game.generator.parameters())
        assert changed(game.discriminator, d_before)
        between.update(weights(game.discriminator))
        return generator_loss(fake, labels)

    monkeypatch.setattr(game, "generator_loss", spy)
    game.step((mnist.train_images[:16],))
    assert not changed(game.discriminator, between)
    assert changed(game.generator, g_before)


def test_losses_are_cross_entropies() -> None:
    game = new_game(penalty=0.0)
    real, fake, labels = normal(4, 1, 28, 28), normal(4, 1, 28, 28, seed=1), torch.arange(4)
    nn.init.normal_(game.discriminator.embedding.weight)
    on_real, on_fake = game.discriminator(real, labels), game.discriminator(fake, labels)
    ones, entropy = torch.ones(4), F.binary_cross_entropy_with_logits
    torch.testing.assert_close(
        game.discriminator_loss(real, fake, labels),
        entropy(on_real, ones) + entropy(on_fake, 1 - ones),
    )
    torch.testing.assert_close(game.generator_loss(fake, labels), entropy(on_fake, ones))


@pytest.mark.parametrize(("penalty", "expected"), [(0.5, [0, 3, 6]), (0.0, [])])
def test_penalty_on_every_third_step(
    mnist: MNIST, monkeypatch: pytest.MonkeyPatch, penalty: float, expected: list[int]
) -> None:
    game, seen = new_game(penalty=penalty, penalty_every=3), []

    def spy(logits: Tensor, images: Tensor) -> Tensor:
        seen.append(game.steps)
        torch.testing.assert_close(images.detach(), mnist.train_images[:16] / 127.5 - 1)
        return logits.sum() * 0

    monkeypatch.setattr("aigc_utils.gan.game.gradient_penalty", spy)
    for _ in range(8):
        game.step((mnist.train_images[:16],))
    assert seen == expected


def test_penalty_weighs_for_the_steps_without_it() -> None:
    game = new_game(penalty=0.3, penalty_every=8)
    real, fake = normal(4, 1, 28, 28), normal(4, 1, 28, 28, seed=1)
    with_penalty = game.discriminator_loss(real, fake, None)
    game.steps = 1
    without = game.discriminator_loss(real, fake, None)
    real.requires_grad_()
    penalty = gan.gradient_penalty(game.discriminator(real), real)
    torch.testing.assert_close(with_penalty - without, 0.3 * 8 / 2 * penalty, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("muon_lr", [0.02, 0.0])
def test_every_parameter_has_exactly_one_optimizer(muon_lr: float) -> None:
    recipe = small(muon_lr=muon_lr)
    for network in (gan.Generator(), gan.Discriminator()):
        optimizers = gan.course_optimizers(network, recipe)
        held = [id(p) for o in optimizers for g in o.param_groups for p in g["params"]]
        assert sorted(held) == sorted(id(p) for p in network.parameters())
        kinds = ["Adam", "Muon"] if muon_lr else ["Adam"]
        assert [type(optimizer).__name__ for optimizer in optimizers] == kinds
        assert optimizers[0].param_groups[0]["betas"][0] == 0
        assert optimizers[0].param_groups[0]["lr"] == recipe.adam_lr


def test_muon_takes_filters_between_channels_alone() -> None:
    discriminator = gan.Discriminator()
    _, muon = gan.course_optimizers(discriminator, small())
    shapes = [p.shape for p in muon.param_groups[0]["params"]]
    assert shapes == [discriminator.features[i].weight.shape for i in (2, 4)]
    assert not muon.param_groups[0]["normalize"]


# --- training -------------------------------------------------------------------------------


@pytest.mark.parametrize("labelled", [False, True])
def test_train_course_repeats_to_the_last_bit(mnist: MNIST, labelled: bool) -> None:
    tensors = [mnist.train_images[:100], mnist.train_labels[:100]][: 1 + labelled]

    def run(seed: int) -> tuple[gan.CourseGAN, list[float]]:
        game, history = gan.train_course(small(8), *tensors, seed=seed)
        assert history.num_steps == game.steps == game.ema.updates == 8
        return game, history["generator"]

    game, losses = run(0)
    again, same = run(0)
    assert losses == same
    assert_same(game.generator, again.generator)
    assert_same(game.discriminator, again.discriminator)
    assert_same(game.ema.network, again.ema.network)
    assert run(1)[1] != losses


def test_train_course_lowers_all_rates_at_the_end(mnist: MNIST) -> None:
    game, _ = gan.train_course(small(10), mnist.train_images[:100], seed=0)
    for adam, muon in (game.generator_optimizers, game.discriminator_optimizers):
        assert adam.param_groups[0]["lr"] < 0.5 * game.recipe.adam_lr
        assert muon.param_groups[0]["lr"] < 0.5 * game.recipe.muon_lr


@pytest.mark.usefixtures("ticking")
def test_a_time_budget_ends_train_course(mnist: MNIST) -> None:
    game, history = gan.train_course(
        small(10_000), mnist.train_images[:100], seed=0, max_seconds=0.395
    )
    assert history.num_steps == 20
    assert history.seconds == pytest.approx(0.4, abs=0.015)
    adam, _ = game.generator_optimizers
    assert adam.param_groups[0]["lr"] < 0.5 * game.recipe.adam_lr


def test_train_course_evaluates_the_average(mnist: MNIST) -> None:
    seen: list[nn.Module] = []

    def evaluate(generator: nn.Module) -> dict[str, float]:
        seen.append(generator)
        return {"frechet": float(len(seen)) + 0 * torch.rand(()).item()}

    images = mnist.train_images[:100]
    game, history = gan.train_course(small(5), images, seed=0, evaluate=evaluate, evaluate_every=2)
    undisturbed, _ = gan.train_course(small(5), images, seed=0)
    assert_same(game.generator, undisturbed.generator)
    assert history.evaluated_at == [2, 4, 5]
    assert history["frechet"] == [1.0, 2.0, 3.0]
    assert all(each is game.ema.network for each in seen)


def test_train_course_goes_on_from_networks(mnist: MNIST) -> None:
    images, still = mnist.train_images[:100], small(3, adam_lr=0.0, muon_lr=0.0)
    first, _ = gan.train_course(small(), images, seed=0)
    players = (first.generator, first.discriminator)
    before = [weights(player) for player in players]
    game, _ = gan.train_course(still, images, seed=5, networks=players)
    assert (game.generator, game.discriminator) == players
    for player, start in zip((game.ema.network, game.discriminator), before, strict=True):
        assert not changed(player, start)
    gan.train_course(small(), images, seed=0, networks=players)
    assert all(changed(player, start) for player, start in zip(players, before, strict=True))


@pytest.mark.parametrize("source", ["average", "file"])
def test_train_course_goes_on_from_a_finished_generator(
    mnist: MNIST, tmp_path: Path, source: str
) -> None:
    first, _ = gan.train_course(small(), mnist.train_images[:100], seed=0)
    generator = first.ema.network
    if source == "file":
        generator = gan.load_generator(gan.save_generator(generator, tmp_path / "g"))
    before = weights(generator)
    gan.train_course(
        small(), mnist.train_images[:100], seed=0, networks=(generator, first.discriminator)
    )
    assert changed(generator, before)
    assert not torch.equal(generator.cells[0].running_mean, before["cells.0.running_mean"])


def test_a_short_run_learns_to_draw_a_three(mnist: MNIST) -> None:
    images = mnist.train_images[mnist.train_labels == 3]
    recipe = gan.GANRecipe(num_steps=120)
    torch.manual_seed(0)
    untrained = gan.Generator(recipe.latent_dim, recipe.width)
    game, _ = gan.train_course(recipe, images, seed=0)
    real = judge_images(images[:500]).features

    def distances(generator: nn.Module) -> tuple[float, float]:
        made = gan.sample(generator, normal(500, recipe.latent_dim))
        apart = (made.float().mean(0) - images.float().mean(0)).norm().item()
        return frechet_distance(judge_images(made).features, real), apart

    (frechet, apart), (first_frechet, first_apart) = map(distances, (game.ema.network, untrained))
    assert frechet < first_frechet / 3  # a fourteenth when this was written
    assert apart < first_apart / 2  # a seventh


# --- samples --------------------------------------------------------------------------------


class Flat(nn.Module):
    """Gives images of one grey, the noise's own number."""

    latent_dim = 1

    def forward(self, z: Tensor) -> Tensor:
        return z[:, :, None, None].expand(-1, 1, 28, 28)


def test_sample_maps_minus_one_to_black_and_one_to_white() -> None:
    z = torch.tensor([[-1.0], [-0.6], [0.2], [1.0]])
    images = gan.sample(Flat(), z)
    assert images.dtype == torch.uint8
    assert images.shape == (4, 1, 28, 28)
    assert images[:, 0, 5, 5].tolist() == [0, 51, 153, 255]


@pytest.mark.parametrize("make", [gan.ArticleGenerator, gan.Generator])
def test_sample_uses_evaluation_mode_and_gives_the_mode_back(make: type[nn.Module]) -> None:
    torch.manual_seed(0)
    generator = make()
    z = normal(10, generator.latent_dim)
    before = weights(generator)
    first = gan.sample(generator, z)
    assert generator.training
    assert all(torch.equal(v, before[k]) for k, v in generator.state_dict().items())
    assert torch.equal(gan.sample(generator.eval(), z), first)
    assert not generator.training


def test_sample_gives_the_mode_back_after_an_error() -> None:
    generator = gan.Generator(8, 6)
    with pytest.raises(RuntimeError):
        gan.sample(generator, normal(3, 8).half())
    assert generator.training


@pytest.mark.parametrize("labels", [None, torch.arange(10), torch.rand(10, 10)])
def test_sample_does_not_depend_on_the_batch_size(labels: Tensor | None) -> None:
    torch.manual_seed(0)
    generator = gan.Generator(8, 6)
    z = normal(10, 8)
    whole = gan.sample(generator, z, labels)
    for batch_size in (1, 3, 10):
        parts = gan.sample(generator, z, labels, batch_size=batch_size)
        # Another order of sums may turn a half the other way.
        assert (parts.int() - whole.int()).abs().max() <= 1
        assert (parts != whole).float().mean() < 1e-3


@pytest.mark.parametrize("shape", [(0, 8), (3, 7), (3, 9), (8,), (), (3, 8, 1, 1)])
def test_sample_refuses_noise_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^noise must have shape \(N, 8\), not [^.]+\.$") as error:
        gan.sample(gan.Generator(8, 6), torch.zeros(shape))
    assert f"not {shape}." in str(error.value)


@pytest.mark.parametrize(("count", "size"), [(10, 7), (10, 11), (10, 1), (10, 30), (1, 5), (3, 0)])
def test_sample_refuses_another_number_of_labels(count: int, size: int) -> None:
    with pytest.raises(ValueError, match=r"^[^.]*labels[^.]+\.$"):
        gan.sample(gan.Generator(8, 6), normal(count, 8), torch.zeros(size).long(), batch_size=10)


@pytest.mark.parametrize(
    ("z", "labels", "message"),
    [
        (normal(3, 8) * math.nan, None, "^noise must be finite"),
        (normal(3, 8), torch.tensor([0, 1, 10]), "^labels must be from 0 to 9"),
        (normal(3, 8), torch.tensor([0, -1, 9]), "^labels must be from 0 to 9"),
        (normal(3, 8), torch.zeros(3).int(), "^labels must be int64"),
        (normal(3, 8), torch.zeros(3), "^labels must be int64"),
        (normal(3, 8), torch.zeros(3, 9), "^labels must be int64"),
        (normal(3, 8), torch.zeros(3, 10).long(), "^labels must be int64"),
        (normal(3, 8), torch.full((3, 10), math.inf), "^labels must be finite"),
    ],
)
def test_sample_refuses_noise_and_labels_that_are_none(
    z: Tensor, labels: Tensor | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        gan.sample(gan.Generator(8, 6), z, labels)


@pytest.mark.parametrize("size", [0, -1, 2.5])
def test_sample_refuses_no_batch(size: Any) -> None:
    with pytest.raises(ValueError, match=r"^batch_size must be"):
        gan.sample(gan.Generator(8, 6), normal(3, 8), batch_size=size)


# --- what the players and their training take ------------------------------------------------


def test_one_label_does_not_stand_for_all_and_no_row_for_many() -> None:
    generator, discriminator = gan.Generator(8, 6), gan.Discriminator((4, 6, 8))
    for z, labels in ((normal(3, 8), torch.tensor([4])), (normal(1, 8), torch.arange(3))):
        with pytest.raises(ValueError, match=r"^labels must be as many as the noise"):
            generator(z, labels)
    for labels in (torch.tensor([4]), torch.zeros(3, 10)):
        with pytest.raises(ValueError, match=r"^labels must be as many as the images"):
            discriminator(normal(3, 1, 28, 28), labels)
    with pytest.raises(ValueError, match=r"^noise must have shape \(N, 8\)"):
        generator(normal(2, 3, 8))


@pytest.mark.parametrize("shape", [(2, 1, 32, 32), (2, 3, 28, 28), (1, 28, 28), (2, 784)])
def test_the_discriminator_scores_digits_alone(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^images must have shape \(B, 1, 28, 28\)"):
        gan.Discriminator((4, 6, 8))(torch.zeros(shape))


@pytest.mark.parametrize("how", ["floats of 255", "signed", "squares of 32", "no channel", "none"])
def test_training_refuses_images_of_another_kind(mnist: MNIST, how: str) -> None:
    images = {
        "floats of 255": mnist.train_images[:64].float(),
        "signed": mnist.train_images[:64] / 127.5 - 1,
        "squares of 32": F.pad(mnist.train_images[:64], (2, 2, 2, 2)),
        "no channel": mnist.train_images[:64, 0],
        "none": mnist.train_images[:0],
    }[how]
    players = gan.ArticleGenerator(), gan.ArticleDiscriminator()
    optimizers = [torch.optim.Adam(player.parameters()) for player in players]
    for train in (
        lambda: gan.train_course(small(), images, seed=0),
        lambda: gan.train_article(images, seed=0, num_steps=1),
        lambda: new_game().step((images,)),
        lambda: gan.article_step(*players, *optimizers)((images,)),
    ):
        with pytest.raises(ValueError, match=r"^images must be uint8 of shape"):
            train()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.full((64,), 10), "from 0 to 9"),
        (torch.full((64,), -1), "from 0 to 9"),
        (torch.zeros(63).long(), r"of shape \(64,\), one for each image"),
        (torch.zeros(64), "must be int64"),
        (torch.zeros(64, 10), "must be int64"),
    ],
)
def test_training_refuses_labels_that_are_none(mnist: MNIST, labels: Tensor, message: str) -> None:
    images = mnist.train_images[:64]
    with pytest.raises(ValueError, match=message):
        gan.train_course(small(), images, labels, seed=0)
    with pytest.raises(ValueError, match=message):
        new_game().step((images, labels))


def test_training_takes_images_alone_or_with_labels(mnist: MNIST) -> None:
    images, labels = mnist.train_images[:64], mnist.train_labels[:64]
    for tensors in ((), (images, labels, labels)):
        with pytest.raises(ValueError, match="images and their labels"):
            gan.train_course(small(), *tensors, seed=0)


@pytest.mark.parametrize(
    "changes",
    [
        {"num_steps": 0}, {"batch_size": 0}, {"latent_dim": 0}, {"penalty_every": 0},
        {"penalty": -0.1}, {"muon_lr": -0.02}, {"adam_lr": math.nan}, {"ema_decay": 1.5},
    ],
)  # fmt: skip
def test_a_recipe_out_of_range_is_refused(changes: dict[str, Any]) -> None:
    (name,) = changes
    with pytest.raises(ValueError, match=f"^{name} must be "):
        small(**changes)


# --- files ----------------------------------------------------------------------------------


@pytest.fixture
def generator() -> gan.Generator:
    """Returns a generator with sizes and statistics that are not the defaults."""
    torch.manual_seed(0)
    generator = gan.Generator(8, 6)
    generator(normal(20, 8))
    return generator


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_saved_generator_comes_back_bit_for_bit(generator: gan.Generator, tmp_path: Path) -> None:
    path = gan.save_generator(generator, str(tmp_path / "new" / "folder" / "g.safetensors"))
    assert path == tmp_path / "new" / "folder" / "g.safetensors"
    assert files(tmp_path) == ["g.safetensors"]
    loaded = gan.load_generator(str(path))
    assert (loaded.latent_dim, loaded.width) == (8, 6)
    assert_same(loaded, generator)
    assert not any(module.training for module in loaded.modules())
    assert generator.training
    z, labels = normal(5, 8), torch.arange(5)
    assert torch.equal(gan.sample(loaded, z, labels), gan.sample(generator, z, labels))


def test_saved_generator_replaces_an_earlier_one(generator: gan.Generator, tmp_path: Path) -> None:
    path = gan.save_generator(gan.Generator(3, 4), tmp_path / "g")
    gan.save_generator(generator, path)
    assert_same(gan.load_generator(path), generator)
    assert files(tmp_path) == ["g"]


def assert_refused(path: Path, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as error:
        gan.load_generator(path)
    assert_one_sentence(error, path)


def test_missing_file(tmp_path: Path) -> None:
    assert_refused(tmp_path / "g", "There is no file")


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.99])
def test_file_cut_short(generator: gan.Generator, tmp_path: Path, share: float) -> None:
    path = gan.save_generator(generator, tmp_path / "g")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert_refused(path, "is damaged or holds no generator")


def test_files_of_other_things(generator: gan.Generator, tmp_path: Path) -> None:
    path = tmp_path / "g"
    path.write_text("This is a letter and no generator.")
    assert_refused(path, "is damaged or holds no generator")
    save_file({"weight": torch.ones(3)}, path)
    assert_refused(path, "is damaged or holds no generator")
    torch.save(generator.state_dict(), path)
    assert_refused(path, "is damaged or holds no generator")
    assert_refused(tmp_path, "is damaged or holds no generator")


@pytest.mark.parametrize(
    "sizes",
    [
        None,
        {"latent_dim": "8"},
        {"latent_dim": "8", "width": "7"},
        {"latent_dim": "9", "width": "6"},
        {"latent_dim": "-8", "width": "6"},
        {"latent_dim": "eight", "width": "6"},
    ],
)
def test_file_with_wrong_sizes(
    generator: gan.Generator, tmp_path: Path, sizes: dict[str, str] | None
) -> None:
    state = load_file(gan.save_generator(generator, tmp_path / "g"))
    save_file(state, tmp_path / "g", metadata=sizes)
    assert_refused(tmp_path / "g", "is damaged or holds no generator")


def test_file_without_one_of_the_weights(generator: gan.Generator, tmp_path: Path) -> None:
    state = load_file(gan.save_generator(generator, tmp_path / "g"))
    del state["expand.bias"]
    save_file(state, tmp_path / "g", metadata={"latent_dim": "8", "width": "6"})
    assert_refused(tmp_path / "g", "is damaged or holds no generator")


def full_disk(self: Path, target: Path) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


FAILURES = (OSError, SafetensorError, DataError)


def test_failed_write_leaves_the_earlier_file_whole(
    generator: gan.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = gan.save_generator(generator, tmp_path / "g")
    before = path.read_bytes()
    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(FAILURES):
        gan.save_generator(gan.Generator(3, 4), path)
    assert path.read_bytes() == before
    assert files(tmp_path) == ["g"]


@pytest.mark.parametrize("place", ["file/g", "folder"])
def test_failed_write_leaves_nothing_behind(
    generator: gan.Generator, tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FAILURES):
        gan.save_generator(generator, tmp_path / place)
    assert files(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "mine"
    assert (tmp_path / "folder").is_dir()


@pytest.mark.parametrize("place", ["file/g", "folder", "full"])
def test_failed_write_is_one_sentence(
    generator: gan.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    if place == "full":
        monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(DataError) as error:
        gan.save_generator(generator, tmp_path / place)
    assert_one_sentence(error, tmp_path / place)
