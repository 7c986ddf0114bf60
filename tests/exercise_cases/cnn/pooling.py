"""Answers to `shifts`, an exercise of chapter 1."""

from __future__ import annotations

from torch.nn import functional as F

from aigc_utils import plotting

from .. import Cases

CASES = Cases("01_cnn")


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
