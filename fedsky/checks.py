"""Checks of the values that a user sets; a refusal names the key, the value and the remedy."""


def parse_fold(fold: str) -> tuple[int, int]:
    """k and the number of folds of ``"k/folds"``, k counted from 1."""
    head, slash, tail = str(fold).partition("/")
    if not (slash and head.isdecimal() and tail.isdecimal() and int(tail) >= 3 and 1 <= int(head) <= int(tail)):
        raise ValueError(f"data.fold={fold} is none: write k/5 with k from 1 to 5 (or k/n with n of 3 or more)")
    return int(head), int(tail)
