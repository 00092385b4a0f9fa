"""What a collection's numbers mean for the choice of a model, in sentences computed from them."""

from collections.abc import Iterator

import numpy as np
from scipy.stats import binomtest

from fedsky.data.manifest import PART
from fedsky.photographs.curate import Findings
from fedsky.photographs.curate.features import light
from fedsky.photographs.curate.suspects import REPEATS
from fedsky.report.words import percent, percent_interval

TEST_SHARE = 5  # one fold of five is tested on, as data.fold=1/5 has it
SIDE = 64


def count(number: int, noun: str) -> str:
    """A count with its noun: 1 file, 3 files."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of ``right`` among ``n`` (Wilson, 1927)."""
    interval = binomtest(right, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def meaning(found: Findings) -> list[tuple[str, str]]:
    """Headline and sentence of each finding."""
    return [*_classes(found), *_colour(found), *_test(found), *_sizes(found), *_labels(found), *_copies(found)]


def _classes(found: Findings) -> Iterator[tuple[str, str]]:
    classes, counts = found.collection.classes, np.bincount(found.collection.labels)
    counts = np.pad(counts, (0, len(classes) - len(counts)))
    if len(classes) < 2:
        yield "There is one class.", f"All photographs are {classes[0]}: nothing can be learned to tell apart."
        return
    largest, smallest = int(counts.argmax()), int(counts.argmin())
    if counts[smallest] == 0:
        yield "A class is empty.", f"No photograph of {classes[smallest]} can be read."
        return
    ratio = counts[largest] / counts[smallest]
    word = "nearly balanced" if ratio < 1.5 else "unbalanced" if ratio < 4 else "strongly unbalanced"
    rest = (
        "Plain accuracy is nearly as good a measure as balanced accuracy, which stays the safer one."
        if ratio < 1.5
        else "Plain accuracy rewards guessing the largest class: compare models by balanced accuracy."
    )
    yield (
        f"The classes are {word}.",
        (
            f"{classes[largest]} has {counts[largest]} photographs, {classes[smallest]} {counts[smallest]} "
            f"({ratio:.2f} to 1); "
            if ratio > 1
            else f"Each has {counts[largest]} photographs; "
        )
        + f"always answering {classes[largest]} is right on "
        f"{percent(counts[largest] / counts.sum())}. {rest}",
    )


def _colour(found: Findings) -> Iterator[tuple[str, str]]:
    if found.label_check is None:
        yield (
            "Colour was not judged.",
            "Cross-validation needs two classes or more, each with two different photographs or more.",
        )
        return
    separation, num_classes = found.label_check.separation, len(found.collection.classes)
    n = len(found.collection.pictures)
    low = separation.low if separation.low is not None else separation.value
    high = separation.high if separation.high is not None else separation.value
    interval = "" if separation.low is not None else "; a class has too few photographs for an interval"
    told = (
        f"Logistic regression on colour histograms and simple statistics, without any shape, reaches a balanced "
        f"accuracy of {percent_interval(separation)} on photographs it was not trained on (n = {n}, "
        f"{found.label_check.num_folds}-fold cross-validation repeated {REPEATS} times, "
        f"95 % bootstrap interval over photographs{interval}); "
        f"guessing reaches {percent(1 / num_classes)}. "
    )
    if low > 1 / num_classes and separation.value >= 0.85:
        yield (
            f"Colour alone does most of the work; a small ResNet at {SIDE} pixels is enough to begin with.",
            told
            + f"A network has to beat that number to show that it sees more than colour; {100 * (1 - high):.1f} to "
            f"{100 * (1 - low):.1f} points are left to gain. Begin with model=resnet8 and data.size={SIDE}; change "
            "colours little in augmentation, since they carry the label.",
        )
    elif low > 1 / num_classes:
        yield (
            "Colour helps but does not suffice; shape has to do the rest.",
            told + f"Begin with model=resnet10 and data.size={SIDE}, and try 128 pixels and weights learned elsewhere "
            "(rendered skies, or ImageNet) against it.",
        )
    else:
        yield (
            "Colour alone is not shown to separate the classes.",
            told + "Look at the samples first: either the classes differ in shape alone, or the labels are unsure. A "
            "larger picture and weights learned elsewhere matter more here than a deeper network from scratch.",
        )
    values, labels = light(found.collection.pictures), found.collection.labels
    if num_classes == 2 and min(np.bincount(labels, minlength=2)) > 1:
        effects = {}
        for name, column in values.items():
            first, second = column[labels == 0], column[labels == 1]
            spread = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
            effects[name] = (first.mean() - second.mean()) / spread if spread else 0.0
        name = max(effects, key=lambda each: abs(effects[each]))
        more, less = found.collection.classes if effects[name] > 0 else found.collection.classes[::-1]
        yield (
            f"Of three plain measures, {name.replace('_', ' ')} separates most.",
            f"It is larger in {more} than in {less} by {abs(effects[name]):.2f} standard deviations; "
            + ", ".join(f"{key.replace('_', ' ')} {abs(value):.2f}" for key, value in effects.items() if key != name)
            + ".",
        )


def _test(found: Findings) -> Iterator[tuple[str, str]]:
    n = len(found.collection.pictures)
    level = found.label_check.separation.value if found.label_check is not None else 0.9
    if declared := sum(each.row.get(PART, "").strip().lower() == "test" for each in found.collection.pictures):
        low, high = wilson(round(level * declared), declared)
        yield (
            f"{count(declared, 'photograph')} {'is' if declared == 1 else 'are'} declared to test with: an accuracy is "
            f"known to about ±{50 * (high - low):.0f} points.",
            f"At {percent(level)} right, its 95 % interval (Wilson) runs from {percent(low)} to {percent(high)}. Other "
            "folds test on the same ones: smaller differences need more of them, or a column part that is left empty.",
        )
        return
    num_test = n // TEST_SHARE
    if num_test < 1:
        yield "There are too few photographs to test on.", f"One fold of {TEST_SHARE} needs {TEST_SHARE} of them."
        return
    (low, high), (all_low, all_high) = (wilson(round(level * size), size) for size in (num_test, n))
    yield (
        f"One test fold has about {num_test} photographs: an accuracy is known to about "
        f"±{50 * (high - low):.0f} points.",
        f"At {percent(level)} right, its 95 % interval (Wilson) runs from {percent(low)} to {percent(high)}; over all "
        f"{TEST_SHARE} folds, {n} photographs, from {percent(all_low)} to {percent(all_high)}. Differences below that "
        "need all folds and a paired comparison on the same photographs.",
    )


def _sizes(found: Findings) -> Iterator[tuple[str, str]]:
    sides = np.array([min(each.width, each.height) for each in found.collection.pictures])
    small, middle = float((sides < SIDE).mean()), float((sides < 128).mean())
    rest = f"{percent(small)} would be enlarged at {SIDE} pixels and {percent(middle)} at 128."
    head = f"The photographs are large enough for {SIDE} pixels." if small < 0.05 else "Many photographs are small."
    yield head, f"The median of the shorter side is {np.median(sides):.0f} pixels. {rest}"


def _labels(found: Findings) -> Iterator[tuple[str, str]]:
    if found.label_check is None:
        return
    num, n = len(found.label_check.suspects), len(found.collection.pictures)
    if not num:
        yield "No label is contradicted by colour.", "Labels that only shape could contradict are not found this way."
    else:
        share = num / n
        yield (
            f"{count(num, 'label')} may be wrong ({percent(share)}).",
            f"If all were, a faultless model would still be judged right on only {percent(1 - share)}. Look at them "
            "before counting on them: a rare but right photograph looks the same to a model of colour.",
        )
    agreement = found.agreement
    if agreement is not None:
        spans = [
            "{:.0f} to {:.0f} %".format(*(100 * bound for bound in wilson(agreement.num_both, whole)))
            for whole in (agreement.num_suspects, agreement.num_doubted)
            if whole
        ]
        yield (
            "Against the manifest's own doubts:",
            f"{agreement}. The 95 % intervals (Wilson) are {' and '.join(spans)}. "
            + (
                "A doubt is not a wrong label: colour finds few of the photographs that a person finds ambiguous."
                if agreement.recall < 0.5
                else "Colour finds most of the photographs that a person doubts."
            ),
        )


def _copies(found: Findings) -> Iterator[tuple[str, str]]:
    num = sum(len(group.copies) for group in found.groups)
    if num:
        yield (
            f"{count(num, 'photograph')} {'is a copy' if num == 1 else 'are copies'} of another.",
            "A copy on both sides of a split makes a test too easy: drop them (curate) or keep them together.",
        )
    else:
        yield "No copies were found.", "A random split leaks no photograph that perceptual hashes could tell."
