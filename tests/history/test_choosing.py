"""Which of several stands in the middle, by what is known of it on validation images."""

from fedsky.history.choosing import middle, validation


def test_the_middle_is_the_median_the_lower_of_two_and_of_equals_the_first() -> None:
    scores = {"a": 3, "b": 1, "c": 2, "d": 2}
    assert middle(["a", "b", "c"], scores.__getitem__) == "c"
    assert middle(["a", "b"], scores.__getitem__) == "b"
    assert middle(["d", "c", "a", "b"], scores.__getitem__) == "d"


def test_a_higher_accuracy_then_a_lower_loss_is_better_and_what_is_no_number_is_worst() -> None:
    told = [(0.9, 0.5), (0.9, 0.6), (0.9, None), (0.8, 0.1), (7, 0.1), (None, None)]
    scores = [validation({"validation_accuracy": accuracy, "validation_loss": loss}) for accuracy, loss in told]
    assert scores[:4] == sorted(scores[:4], reverse=True)
    assert scores[4:] == [(-1.0, -0.1), (-1.0, float("-inf"))]
