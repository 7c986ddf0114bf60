"""Questions of chapter 1 about what an experiment shows, and what it leaves open."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, kind


@kind(
    "Layers without a bend",
    objective="input, hidden, output layers",
    public=True,
)
def no_activation(draw: Draw) -> Question:
    """Asks what a stack of linear layers can compute."""
    count, width = draw.integer(3, 9), draw.choice((64, 128, 256))
    text = (
        f"A network has {count} fully connected layers of {width} neurons, and no activation "
        "function between them. What can it compute?"
    )
    right = "Only what a single fully connected layer could compute as well."
    because = (
        "A weighted sum of weighted sums is a weighted sum. All the weights fold into one matrix, "
        "and all the biases into one vector."
    )
    wrong = {
        "Any function at all, if only its hidden layers are wide enough.": (
            "That holds with an activation between the layers. Without one they fold into one."
        ),
        "Curved functions, as each layer bends the result of the last one.": (
            "A fully connected layer bends nothing; the activation function would."
        ),
        "The same as with a ReLU between the layers, but it learns more slowly.": (
            "It can compute less than with a ReLU, however long it learns."
        ),
        "Nothing, as the gradient is zero in each of its layers.": (
            "The gradient is not zero: training works, and finds a straight function."
        ),
        "Only functions whose values lie between zero and one.": (
            "Nothing limits the values here; a sigmoid at the end would."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "One run of each",
    objective="evaluating on data held back",
    public=True,
)
def one_seed_each(draw: Draw) -> Question:
    """Asks what a small gain of a single run proves."""
    before = draw.number(98.4, 98.8, 1)
    after = before + draw.choice((0.1, 0.2))
    text = (
        f"You change one thing in a recipe, and the accuracy on 5,000 held-back images rises from "
        f"{before:.1f} % to {after:.1f} %. Both recipes ran once. What follows?"
    )
    right = "Little so far, as another seed alone can move the accuracy by as much."
    because = (
        "With one run of each, the seed and the change cannot be told apart. Several seeds of both "
        "show how far the results spread."
    )
    wrong = {
        "The change helps, as the accuracy was measured on images held back.": (
            "Held-back images keep the choice honest. They do not tell the change from the seed."
        ),
        "The change helps, as 5,000 images are enough for a difference of this size.": (
            "The standard error of such an accuracy is 0.15 to 0.2 points, about as large."
        ),
        "Nothing ever, as accuracies of two recipes cannot be compared.": (
            "They can, once several seeds of each show how far they spread."
        ),
        "The change harms, as a gain so small is a sign of overfitting.": (
            "Overfitting shows as a gap between training and held-back images."
        ),
        "The first run was stopped too early, and would have reached the same.": (
            "That may be, and so may other causes: one run of each cannot tell."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "Two changes at once",
    objective="overfitting, augmentation, batch norm in train and eval mode",
    public=True,
)
def two_changes(draw: Draw) -> Question:
    """Asks which of two changes made together brought a gain."""
    gain, seeds = draw.number(0.4, 0.9, 1), draw.integer(5, 9)
    text = (
        "A recipe gets batch norm and augmentation at the same time. Its accuracy rises by "
        f"{gain} points, with {seeds} seeds whose results hardly spread. Which of the two helped?"
    )
    right = "That stays open until each of them has been tried without the other."
    because = (
        "The seeds show that the pair helps. One change a row would show what each brings, and "
        "whether one works only beside the other."
    )
    wrong = {
        "Augmentation, as it is the one that shows the network more images.": (
            "It may be, but nobody ran it without batch norm."
        ),
        "Batch norm, as augmentation changes the images and not the weights.": (
            "Other images lead to other weights, so either may have brought the gain."
        ),
        f"Both of them, and each brought about {gain / 2:.2f} points.": (
            "Nothing says that the gain divides in halves; one of them may even harm."
        ),
        "Neither of them, as a gain below one point is always chance.": (
            "The seeds hardly spread, so the gain is no chance; its cause is what is open."
        ),
        "The one that was written into the program first, as it acts on the other.": (
            "Both act in each step of training; the order of the lines says nothing."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "A change that nobody sees",
    objective="evaluating on data held back",
    misconceptions=("softmax output = confidence",),
    public=True,
)
def unseen_change(draw: Draw) -> Question:
    """Asks what an adversarial image shows."""
    old, new = draw.sample(range(10), 2)
    sure = draw.integer(95, 99)
    text = (
        f"Each pixel of an image of a {old} is moved a little along the gradient of the loss. "
        f"People still see a clear {old}, and the network now reads a {new}, with a probability of "
        f"{sure} %. What does that show?"
    )
    right = "It can be sure of an answer for reasons that no person would look at."
    because = (
        "The gradient finds the direction in which the answer moves most, and it need not lead "
        "over shapes. A softmax says how the scores compare, not whether they can be trusted."
    )
    wrong = {
        f"The image has in truth become a {new}, and people are slow to notice.": (
            "What an image shows is what people read in it; the network is to learn from them."
        ),
        "Random noise of the same strength would have changed the answer too.": (
            "Random changes mostly cancel. This one follows the gradient in every pixel."
        ),
        f"A threshold at {sure - 5} % would have caught the mistake.": (
            f"The answer has {sure} %, so it would have passed."
        ),
        "The network has learned its training images by heart.": (
            "It reads new digits well, so that is not what the change makes use of."
        ),
        "The gradient was computed wrongly, or else people would see the change.": (
            "A small step in each of many pixels is hard to see, and moves the scores far."
        ),
    }
    return choose(draw, text, right, because, wrong)
