"""Why a run did not end well, in the reader's language: run.json holds the sentence in English, as it was said."""

from typing import Any

from fedsky.language import N_, retold
from fedsky.untrusted import printable

# What rooms that speak English alone, as their users' terminals do, say of a run: here so that it is translated where
# it is read. tests/history/test_reasons.py has each said by its room.
SAID = (
    N_("its process ended without a word"),
    N_("stopped by the user"),
    N_("num_clients={num_clients}: {images} images with partition.min_examples={least} allow 1 to {most} clients"),
    N_("a client would get {images} images, fewer than partition.min_examples={least}: {remedy}"),
    N_("client {n}: {reason}"),
    N_("ask for fewer clients"),
    N_("set it to {images} or less, or ask for fewer clients"),
    N_("the smallest feasible {name} is about {value}"),
    N_("the largest feasible {name} is about {value}"),
    N_("partition.{name}={value} leaves some of the clients below min_examples={least} in each of {n} draws: {remedy}"),
    N_("training diverged in round {round}: lower {setting} ({sign})"),
    N_("training diverged: the loss of round {round} is not finite"),
    N_("partition=natural: these data come without owners, choose another partition"),
)


def told(reason: Any) -> str:
    """A reason of run.json as a line in the language in use."""
    return retold(printable(reason or "", 400))
