"""Answers to the exercises of chapter 1."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional as F

from aigc_utils import plotting
from aigc_utils.evaluation import calibration
from aigc_utils.exercises.cnn import broken_accuracy, broken_pick

from . import Cases

CASES = Cases("01_cnn")


# --- sizes ------------------------------------------------------------------------------------


@CASES.right("sizes")
def by_formula(g):
    side = (g.size + 2 * g.padding - g.kernel_size) // g.stride + 1
    return {
        "side": side,
        "parameters": (g.in_channels * g.kernel_size**2 + 1) * g.out_channels,
    }


@CASES.right("sizes")
def by_building(g):
    conv = nn.Conv2d(g.in_channels, g.out_channels, g.kernel_size, g.stride, g.padding)
    side = conv(torch.zeros(1, g.in_channels, g.size, g.size)).shape[-1]
    return {"side": side, "parameters": sum(p.numel() for p in conv.parameters())}


@CASES.wrong("sizes", says="padding goes on both sides")
def padding_on_one_side(g):
    side = (g.size + g.padding - g.kernel_size) // g.stride + 1
    return by_formula(g) | {"side": side}


@CASES.wrong("sizes", says="one more, and only whole ones")
def off_by_one(g):
    right = by_formula(g)
    return right | {"side": right["side"] - 1}


@CASES.wrong("sizes", says="does not give maps of")
def stride_forgotten(g):
    return by_formula(g) | {"side": g.size + 2 * g.padding - g.kernel_size + 1}


@CASES.wrong("sizes", says="bias too")
def no_bias(g):
    right = by_formula(g)
    return right | {"parameters": right["parameters"] - g.out_channels}


@CASES.wrong("sizes", says="reads all input channels")
def one_channel_only(g):
    return by_formula(g) | {"parameters": (g.kernel_size**2 + 1) * g.out_channels}


# --- cross_entropy ----------------------------------------------------------------------------


@CASES.right("cross_entropy")
def log_softmax(g):
    return lambda z, y: -z.log_softmax(1).gather(1, y[:, None]).mean()


@CASES.right("cross_entropy")
def log_sum_exp(g):
    return lambda z, y: (z.logsumexp(1) - z[torch.arange(len(y)), y]).mean()


@CASES.wrong("cross_entropy", says="softmax too many")
def softmax_first(g):
    return lambda z, y: F.cross_entropy(z.softmax(1), y)


@CASES.wrong("cross_entropy", says="the mean is asked for")
def summed(g):
    return lambda z, y: F.cross_entropy(z, y, reduction="sum")


@CASES.wrong("cross_entropy", says="sign is wrong")
def minus_forgotten(g):
    return lambda z, y: z.log_softmax(1).gather(1, y[:, None]).mean()


@CASES.wrong("cross_entropy", says="not finite")
def log_of_softmax(g):
    return lambda z, y: -z.softmax(1).log().gather(1, y[:, None]).mean()


@CASES.wrong("cross_entropy", says=r"is there a `return`")
def nothing_returned(g):
    return lambda z, y: None


@CASES.wrong("cross_entropy", says="all classes: only the true class")
def all_classes(g):
    return lambda z, y: -z.log_softmax(1).mean()


@CASES.wrong("cross_entropy", says="This is in bits")
def log_to_the_base_two(g):
    return lambda z, y: F.cross_entropy(z, y) / torch.tensor(2.0).log()


@CASES.wrong("cross_entropy", says="runs over the rows")
def softmax_over_rows(g):
    return lambda z, y: -z.log_softmax(0).gather(1, y[:, None]).mean()


@CASES.wrong("cross_entropy", says=r"must have the shape \(\)")
def one_loss_for_each(g):
    return lambda z, y: F.cross_entropy(z, y, reduction="none")


@CASES.wrong("cross_entropy", says="logarithm is missing")
def no_logarithm(g):
    return lambda z, y: -z.softmax(1).gather(1, y[:, None]).mean()


# --- correlate --------------------------------------------------------------------------------


def slide(image, kernel, padding, stride):
    return F.conv2d(image[None], kernel[None], stride=stride, padding=padding)[0, 0]


@CASES.right("correlate")
def by_torch(g):
    return slide


@CASES.right("correlate")
def by_unfolding(g):
    def answer(image, kernel, padding, stride):
        size = kernel.shape[-1]
        channels, height, width = image.shape
        padded = torch.zeros(channels, height + 2 * padding, width + 2 * padding)
        padded[:, padding : padding + height, padding : padding + width] = image
        windows = padded.unfold(1, size, stride).unfold(2, size, stride)
        return torch.einsum("chwij,cij->hw", windows, kernel)

    return answer


@CASES.wrong("correlate", says="turns the kernel by 180 degrees")
def flipped(g):
    return lambda x, k, p, s: slide(x, k.flip(1, 2), p, s)


@CASES.wrong("correlate", says="Rows and columns of the kernel")
def transposed(g):
    return lambda x, k, p, s: slide(x, k.transpose(1, 2), p, s)


@CASES.wrong("correlate", says="Only the first channel counts")
def first_channel(g):
    return lambda x, k, p, s: slide(x[:1], k[:1], p, s)


@CASES.wrong("correlate", says="add up the products over all of them")
def mean_over_channels(g):
    return lambda x, k, p, s: slide(x, k, p, s) / len(x)


@CASES.wrong("correlate", says="Padding goes on all four sides")
def padded_above_and_left(g):
    return lambda x, k, p, s: slide(F.pad(x, (p, 0, p, 0)), k, 0, s)


@CASES.wrong("correlate", says="Padding goes on all four sides")
def half_the_padding(g):
    return lambda x, k, p, s: slide(x, k, p // 2, s)


@CASES.wrong("correlate", says="padding is left out")
def no_padding(g):
    return lambda x, k, p, s: slide(x, k, 0, s)


@CASES.wrong("correlate", says="made of zeros")
def edge_repeated(g):
    return lambda x, k, p, s: slide(F.pad(x[None], (p,) * 4, mode="replicate")[0], k, 0, s)


@CASES.wrong("correlate", says="moves by one pixel")
def windows_do_not_skip(g):
    def answer(image, kernel, padding, stride):
        height, width = slide(image, kernel, padding, stride).shape
        return slide(image, kernel, padding, 1)[:height, :width]

    return answer


@CASES.wrong("correlate", says="moves by one pixel")
def stride_left_out(g):
    return lambda x, k, p, s: slide(x, k, p, 1)


@CASES.wrong("correlate", says=r"must have the shape \(")
def map_with_a_channel(g):
    return lambda x, k, p, s: slide(x, k, p, s)[None]


@CASES.wrong("correlate", says=r"is there a `return`")
def map_not_returned(g):
    return lambda x, k, p, s: None


# --- shifts -----------------------------------------------------------------------------------


def maps(g, shift, window, axis=3, pool=F.max_pool2d):
    return pool(F.conv2d(g.images.roll(shift, axis), g.kernel, padding=1), window)


def change(g, shift, window, **how):
    a, b = maps(g, 0, window, **how), maps(g, shift, window, **how)
    return ((a - b).abs().sum() / a.abs().sum()).item()


def drawn(g, height=change, **more):
    windows = {"before pooling": 1, "pooled by 2": 2, "pooled by 4": 4}
    lines = {n: (g.shifts, [height(g, s, w) for s in g.shifts]) for n, w in windows.items()}
    labels = {
        "x_label": "shift to the right (pixels)",
        "y_label": "change of the maps (share)",
        "title": "Pooling softens a shift",
        "alt": "Three curves rise from zero with the shift.",
    }
    return plotting.curves(more.pop("lines", lines), **(labels | more))


def letters(g, *parts):
    return {letter for letter, text in g.statements.items() if any(p in text for p in parts)}


def true_ones(g):
    return letters(g, "less than the maps", "more than a fifth", "nothing else")


@CASES.right("shifts")
def as_asked(g):
    return drawn(g), true_ones(g)


@CASES.right("shifts")
def by_hand_with_numpy(g):
    def height(g, shift, window):
        padded = F.pad(g.images.double(), (shift, 0))[..., : g.images.shape[-1]]
        still, moved = (
            F.conv2d(x, g.kernel.double(), padding=1)
            .unfold(2, window, window)
            .unfold(3, window, window)
            .amax((-1, -2))
            .numpy()
            for x in (g.images.double(), padded)
        )
        return abs(still - moved).sum() / abs(still).sum()

    return drawn(g, height, y_label="change"), sorted(true_ones(g))


@CASES.wrong("shifts", says="Pooling gives no full invariance")
def invariant_by_two(g):
    return drawn(g), letters(g, "leaves the maps pooled by 2")


@CASES.wrong("shifts", says="Pooling gives no full invariance")
def invariant_within_the_window(g):
    return drawn(g), true_ones(g) | letters(g, "Shifts of up to 3")


@CASES.wrong("shifts", says="moved digit gives moved maps")
def convolution_is_invariant(g):
    return drawn(g), true_ones(g) | letters(g, "without pooling gives the same")


@CASES.wrong("shifts", says="a true statement is missing")
def one_left_out(g):
    return drawn(g), letters(g, "less than the maps", "more than a fifth")


@CASES.wrong("shifts", says="none of the options")
def texts_for_letters(g):
    return drawn(g), set(g.statements.values())


@CASES.wrong("shifts", says="in percent: draw them as shares")
def in_percent(g):
    return drawn(g, lambda *a: 100 * change(*a)), true_ones(g)


@CASES.wrong("shifts", says="images move down")
def downwards(g):
    return drawn(g, lambda *a: change(*a, axis=2)), true_ones(g)


@CASES.wrong("shifts", says="This is mean pooling")
def mean_pooling(g):
    return drawn(g, lambda *a: change(*a, pool=F.avg_pool2d)), true_ones(g)


@CASES.wrong("shifts", says="lies at zero: are the images moved")
def not_moved(g):
    return drawn(g, lambda g, shift, window: change(g, 0, window)), true_ones(g)


@CASES.wrong("shifts", says="has the wrong heights")
def summed_changes(g):
    def height(g, shift, window):
        return (maps(g, 0, window) - maps(g, shift, window)).abs().sum().item()

    return drawn(g, height), true_ones(g)


@CASES.wrong("shifts", says="must have the curves")
def one_curve(g):
    return drawn(g, lines={"before pooling": (g.shifts, [0.0] * 7)}), true_ones(g)


@CASES.wrong("shifts", says="a point for each of `shifts`")
def fewer_shifts(g):
    names = ("before pooling", "pooled by 2", "pooled by 4")
    return drawn(g, lines={name: ([0, 1], [0.0, 0.5]) for name in names}), true_ones(g)


@CASES.wrong("shifts", says="Label both axes")
def no_labels(g):
    return drawn(g, x_label="", y_label=""), true_ones(g)


@CASES.wrong("shifts", says="title that says what it shows")
def no_title(g):
    return drawn(g, title=" "), true_ones(g)


@CASES.wrong("shifts", says="shifts are in pixels")
def no_unit(g):
    return drawn(g, x_label="shift"), true_ones(g)


# --- steady_accuracy --------------------------------------------------------------------------


def count(model, images, labels, batch_size):
    pairs = zip(images.split(batch_size), labels.split(batch_size), strict=True)
    return 100 * sum((model(x).argmax(1) == y).sum().item() for x, y in pairs) / len(images)


@CASES.right("steady_accuracy")
def mode_put_back(g):
    @torch.no_grad()
    def answer(model, images, labels, batch_size):
        mode = model.training
        found = count(model.eval(), images, labels, batch_size)
        model.train(mode)
        return found

    return answer


@CASES.right("steady_accuracy")
def on_a_copy(g):
    def answer(model, images, labels, batch_size):
        twin = copy.deepcopy(model).eval()
        with torch.inference_mode():
            logits = torch.cat([twin(part) for part in images.split(batch_size)])
        return 100 * (logits.argmax(1) == labels).float().mean()

    return answer


@CASES.wrong("steady_accuracy", says=r"forgotten `eval\(\)`")
def left_broken(g):
    return broken_accuracy


@CASES.wrong("steady_accuracy", says=r"forgotten `eval\(\)`")
def only_no_grad(g):
    return torch.no_grad()(count)


@CASES.wrong("steady_accuracy", says="records all steps for gradients")
def only_eval(g):
    return lambda model, *rest: count(model.eval(), *rest)


@CASES.wrong("steady_accuracy", says="comes in training mode and leaves in evaluation")
def left_in_evaluation(g):
    return torch.no_grad()(lambda model, *rest: count(model.eval(), *rest))


@CASES.wrong("steady_accuracy", says="comes in evaluation mode and leaves in training")
def always_back_to_training(g):
    @torch.no_grad()
    def answer(model, *rest):
        found = count(model.eval(), *rest)
        model.train()
        return found

    return answer


@CASES.wrong("steady_accuracy", says="last batch is smaller")
def batches_weigh_the_same(g):
    @torch.no_grad()
    def answer(model, *rest):
        mode = model.training
        found = broken_accuracy(model.eval(), *rest)
        model.train(mode)
        return found

    return answer


@CASES.wrong("steady_accuracy", says="percent are asked for")
def as_a_share(g):
    return lambda *rest: mode_put_back(g)(*rest) / 100


@CASES.wrong("steady_accuracy", says="more than `batch_size` images")
def all_at_once(g):
    return lambda model, x, y, size: mode_put_back(g)(model, x, y, len(x))


@CASES.wrong("steady_accuracy", says="Gradients stay switched off")
def gradients_off_for_good(g):
    def answer(model, *rest):
        torch.set_grad_enabled(False)
        return mode_put_back(g)(model, *rest)

    return answer


@CASES.wrong("steady_accuracy", says="must be a number, not NoneType")
def accuracy_not_returned(g):
    def answer(*rest):
        mode_put_back(g)(*rest)

    return answer


@CASES.wrong("steady_accuracy", says="running averages of the model have changed")
def averages_reset(g):
    def answer(model, *rest):
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
        return mode_put_back(g)(model, *rest)

    return answer


# --- pick_recipe ------------------------------------------------------------------------------


def mean_of(recipe, seeds, validate):
    return sum(validate(recipe, seed) for seed in seeds) / len(seeds)


@CASES.right("pick_recipe")
def best_mean(g):
    def answer(recipes, seeds, validate, test):
        best = max(recipes, key=lambda recipe: mean_of(recipe, seeds, validate))
        return best, test(best)

    return answer


@CASES.right("pick_recipe")
def best_row(g):
    def answer(recipes, seeds, validate, test):
        table = torch.tensor([[validate(r, s) for s in seeds] for r in recipes])
        best = recipes[table.mean(1).argmax()]
        return [best, torch.tensor(test(best))]

    return answer


@CASES.wrong("pick_recipe", says="opened 4 times. This is tuning on the test set")
def chosen_on_the_test_set(g):
    return broken_pick


@CASES.wrong("pick_recipe", says="This is tuning on the test set")
def all_tested_to_see(g):
    def answer(recipes, seeds, validate, test):
        tested = {recipe: test(recipe) for recipe in recipes}
        best, _ = best_mean(g)(recipes, seeds, validate, tested.get)
        return best, tested[best]

    return answer


@CASES.wrong("pick_recipe", says="first seed only")
def one_seed(g):
    return lambda recipes, seeds, validate, test: best_mean(g)(recipes, seeds[:1], validate, test)


@CASES.wrong("pick_recipe", says="best single run, by luck")
def best_run(g):
    def answer(recipes, seeds, validate, test):
        best = max(recipes, key=lambda r: max(validate(r, s) for s in seeds))
        return best, test(best)

    return answer


@CASES.wrong("pick_recipe", says="highest mean validation accuracy")
def worst_mean(g):
    return lambda recipes, seeds, validate, test: best_mean(g)(
        recipes, seeds, lambda *run: -validate(*run), test
    )


@CASES.wrong("pick_recipe", says="winner's validation accuracy")
def validation_reported(g):
    def answer(recipes, seeds, validate, test):
        best, _ = best_mean(g)(recipes, seeds, validate, test)
        return best, mean_of(best, seeds, validate)

    return answer


@CASES.wrong("pick_recipe", says="not the test accuracy")
def share_reported(g):
    def answer(*rest):
        best, found = best_mean(g)(*rest)
        return best, found / 100

    return answer


@CASES.wrong("pick_recipe", says="Return two things")
def recipe_alone(g):
    return lambda *rest: best_mean(g)(*rest)[0]


@CASES.wrong("pick_recipe", says="none of the recipes")
def number_first(g):
    return lambda *rest: best_mean(g)(*rest)[::-1]


# --- learn_filter -----------------------------------------------------------------------------


def descended(images, maps, steps=40, rate=0.2, forget=True, start=None):
    kernel = (torch.zeros(1, 1, 3, 3) if start is None else start).requires_grad_()
    for _ in range(steps):
        if forget:
            kernel.grad = None
        F.mse_loss(F.conv2d(images, kernel), maps).backward()
        with torch.no_grad():
            kernel -= rate * kernel.grad
    return kernel.detach()[0, 0]


@CASES.right("learn_filter")
def by_descent(g):
    return descended


@CASES.right("learn_filter")
def by_lbfgs(g):
    def answer(images, maps):
        layer = nn.Conv2d(1, 1, 3, bias=False)
        optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=20)

        def closure():
            optimizer.zero_grad()
            loss = F.mse_loss(layer(images), maps)
            loss.backward()
            return loss

        optimizer.step(closure)
        return layer.weight[0, 0]

    return answer


@CASES.right("learn_filter")
def by_least_squares(g):
    def answer(images, maps):
        patches = F.unfold(images, 3).transpose(1, 2).reshape(-1, 9)
        return torch.linalg.lstsq(patches, maps.reshape(-1, 1)).solution.view(3, 3)

    return answer


@CASES.wrong("learn_filter", says="designed by hand. Filters are learned")
def sobel(g):
    designed = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    return lambda images, maps: designed


@CASES.wrong("learn_filter", says="turned by 180 degrees")
def turned(g):
    return lambda images, maps: descended(images, maps).flip(0, 1)


@CASES.wrong("learn_filter", says="Rows and columns of the kernel are exchanged")
def exchanged(g):
    return lambda images, maps: descended(images, maps).T


@CASES.wrong("learn_filter", says="All signs are wrong")
def difference_from_minus(g):
    return lambda images, maps: descended(images, -maps)


@CASES.wrong("learn_filter", says="Take more steps, or larger ones")
def few_steps(g):
    return lambda images, maps: descended(images, maps, steps=5, rate=0.05)


@CASES.wrong("learn_filter", says="no better than zeros do")
def gradients_pile_up(g):
    return lambda images, maps: descended(images, maps, steps=41, rate=2.5, forget=False)


@CASES.wrong("learn_filter", says="no better than zeros do")
def uphill(g):
    return lambda images, maps: descended(images, maps, steps=5, rate=-0.1)


@CASES.wrong("learn_filter", says="try a smaller learning rate")
def far_too_fast(g):
    return lambda images, maps: descended(images, maps, steps=100, rate=20.0)


@CASES.wrong("learn_filter", says=r"must have the shape \(3, 3\)")
def with_two_more_axes(g):
    return lambda images, maps: descended(images, maps)[None, None]


@CASES.wrong("learn_filter", says=r"is there a `return`")
def kernel_not_returned(g):
    return lambda images, maps: None


# --- calibration_error ------------------------------------------------------------------------


def gaps(p, y, groups):
    sure, guess = p.max(1)
    order = sure.argsort()
    return (sure - (guess == y).float())[order].view(groups, -1).mean(1)


@CASES.right("calibration_error")
def by_view(g):
    return lambda p, y, groups: gaps(p, y, groups).abs().mean()


@CASES.right("calibration_error")
def by_loop(g):
    def answer(p, y, groups):
        rows = sorted(
            ((max(row), int(row.index(max(row)) == label)))
            for row, label in zip(p.tolist(), y.tolist(), strict=True)
        )
        size, total = len(rows) // groups, 0.0
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            total += abs(sum(sure for sure, _ in part) - sum(right for _, right in part)) / size
        return total / groups

    return answer


@CASES.wrong("calibration_error", says="softmax output for confidence that has been earned")
def doubt_alone(g):
    return lambda p, y, groups: 1 - p.max(1).values.mean()


@CASES.wrong("calibration_error", says="softmax output for confidence that has been earned")
def confidence_alone(g):
    return lambda p, y, groups: p.max(1).values.sort().values.view(groups, -1).mean(1).mean()


@CASES.wrong("calibration_error", says="take the absolute value in each group")
def signs_kept(g):
    return lambda p, y, groups: gaps(p, y, groups).mean()


@CASES.wrong("calibration_error", says="Gaps of opposite signs cancel")
def one_group(g):
    return lambda p, y, groups: gaps(p, y, 1).abs().mean()


@CASES.wrong("calibration_error", says="in percent; a share")
def error_in_percent(g):
    return lambda p, y, groups: 100 * gaps(p, y, groups).abs().mean()


@CASES.wrong("calibration_error", says="This is the largest gap")
def largest_gap(g):
    return lambda p, y, groups: gaps(p, y, groups).abs().max()


@CASES.wrong("calibration_error", says="This is the sum of the gaps")
def sum_of_gaps(g):
    return lambda p, y, groups: gaps(p, y, groups).abs().sum()


@CASES.wrong("calibration_error", says="equally wide")
def bins_of_the_package(g):
    return lambda p, y, groups: calibration(p.log(), y, groups).error


@CASES.wrong("calibration_error", says="not sorted by confidence")
def unsorted(g):
    def answer(p, y, groups):
        sure, guess = p.max(1)
        return (sure - (guess == y).float()).view(groups, -1).mean(1).abs().mean()

    return answer


@CASES.wrong("calibration_error", says="right answers stay where they were")
def half_sorted(g):
    def answer(p, y, groups):
        sure, guess = p.max(1)
        gap = sure.sort().values - (guess == y).float()
        return gap.view(groups, -1).mean(1).abs().mean()

    return answer


@CASES.wrong("calibration_error", says="not that of the true class")
def true_class(g):
    def answer(p, y, groups):
        sure, order = p[torch.arange(len(y)), y].sort()
        right = (p.argmax(1) == y).float()[order]
        return (sure - right).view(groups, -1).mean(1).abs().mean()

    return answer


@CASES.wrong("calibration_error", says="error of random probabilities is not right")
def squared(g):
    return lambda p, y, groups: gaps(p, y, groups).square().mean().sqrt()


@CASES.wrong("calibration_error", says="must be a number")
def gaps_not_averaged(g):
    return lambda p, y, groups: gaps(p, y, groups).abs()
