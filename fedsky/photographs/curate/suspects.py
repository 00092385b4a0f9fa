"""Labels that colour contradicts: cross-validated probabilities and cleanlab's filter."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cleanlab.filter import find_label_issues  # type: ignore[import-untyped, unused-ignore]
from numpy.typing import NDArray

from fedsky.report.statistics import Estimate, Floats, image_difference

FOLDS = 5
REPEATS = 5  # cuts into folds, whose probabilities are averaged: one cut alone moves which labels are suspects
SEED = 0
C = 0.1  # fixed beforehand: more features than a small collection can support need a strong penalty


@dataclass(frozen=True)
class LabelCheck:
    """What a model of colour alone says of photographs that it was not trained on.

    probabilities: float64 [n, classes]; suspects: indices of likely wrong labels, the least likely label first;
    separation: balanced accuracy with its bootstrap interval over images.
    """

    probabilities: Floats
    suspects: tuple[int, ...]
    separation: Estimate
    num_folds: int


def check_labels(features: Floats, labels: NDArray[np.int64], groups: Sequence[int]) -> LabelCheck | None:
    """Out-of-fold probabilities of logistic regression, averaged over 5 cuts, and the labels that they contradict.

    Photographs of one group (duplicates of each other) are never on both sides of a fold. Suspects are those that
    confident learning prunes by noise rate (Northcutt, Jiang and Chuang, 2021, J. Artif. Intell. Res. 70), ordered by
    self-confidence. None with fewer than two classes, or where a class has fewer than two groups.
    """
    group = np.asarray(groups)
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    values = np.unique(labels)
    smallest = min((len(np.unique(group[labels == label])) for label in values), default=0)
    num_folds = min(FOLDS, smallest)
    if len(values) < 2 or num_folds < 2:
        return None
    probabilities = np.zeros((len(labels), int(labels.max()) + 1))
    for repeat in range(REPEATS):
        folds = StratifiedGroupKFold(num_folds, shuffle=True, random_state=SEED + repeat)
        for train, test in folds.split(features, labels, group):
            if len(np.unique(labels[train])) < len(values):
                return None
            model = make_pipeline(StandardScaler(), LogisticRegression(C=C, class_weight="balanced", max_iter=2000))
            model.fit(features[train], labels[train])
            probabilities[np.ix_(test, model.classes_)] += model.predict_proba(features[test]) / REPEATS
    ranked = find_label_issues(
        np.searchsorted(values, labels), probabilities[:, values], return_indices_ranked_by="self_confidence", n_jobs=1
    )
    correct = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    # Minus a column of none right, so that the report's one bootstrap also serves a single accuracy.
    separation = image_difference(np.column_stack([correct, np.zeros_like(correct)]), labels)
    assert separation is not None
    return LabelCheck(probabilities, tuple(int(index) for index in ranked), separation, num_folds)


@dataclass(frozen=True)
class Agreement:
    """How well suspects meet a person's doubts: counts of photographs."""

    num_suspects: int
    num_doubted: int
    num_both: int
    num_all: int

    @property
    def precision(self) -> float:
        """The share of suspects that the person doubts; NaN without suspects."""
        return self.num_both / self.num_suspects if self.num_suspects else float("nan")

    @property
    def recall(self) -> float:
        """The share of the person's doubts that are suspects; NaN without doubts."""
        return self.num_both / self.num_doubted if self.num_doubted else float("nan")

    def __str__(self) -> str:
        return (
            f"{self.num_suspects} suspects against {self.num_doubted} of {self.num_all} photographs that the column "
            f"review doubts: {self.num_both} in both, precision {self.precision:.2f}, recall {self.recall:.2f} "
            f"(flagging by chance: precision {self.num_doubted / max(self.num_all, 1):.2f})"
        )


def compare(suspects: Sequence[int], reviews: Sequence[str]) -> Agreement | None:
    """Suspects against a manifest's column review, whose ok, keep or nothing is no doubt; None if none is doubted."""
    doubted = {index for index, review in enumerate(reviews) if review.strip().lower() not in ("", "ok", "keep")}
    if not doubted:
        return None
    return Agreement(len(suspects), len(doubted), len(doubted & set(suspects)), len(reviews))
