"""The columns of a run folder's tables: all that is known of each stands here and nowhere else.

The tables' writer and reader (fedsky.history), the report, the trackers and the site take theirs from here.
"""

import math
from dataclasses import dataclass

from fedsky.language import N_

ROUNDS, CLIENTS, TIMING = "rounds.jsonl", "clients.jsonl", "timing.jsonl"
RC, RCT, CT, R, C, T = (ROUNDS, CLIENTS), (ROUNDS, CLIENTS, TIMING), (CLIENTS, TIMING), (ROUNDS,), (CLIENTS,), (TIMING,)
FRACTION, NATS = "fraction", "nats"  # what a screen shows as percent; a cross-entropy
RANGES = {FRACTION: (0.0, 1.0), NATS: (-math.inf, math.inf)}  # of other units: 0 and more

# What became of a client in a round.
OK = "ok"  # its reply counted
IDLE = "idle"  # it was not asked
AWAY = "away"  # it was not there
LATE = "late"  # its reply came too late
CRASHED = "crashed"  # it broke down in training, and changed nothing
LOST = "lost"  # its reply did not arrive
REFUSED = "refused"  # its reply was no model
UNUSED = "unused"  # its reply came, but with too few others
FAILED = "failed"  # its process failed
STATUSES = (OK, IDLE, AWAY, LATE, CRASHED, LOST, REFUSED, UNUSED, FAILED)
FAILURES = (CRASHED, LOST, REFUSED, FAILED)


@dataclass(frozen=True)
class Column:
    """A column of a run folder's tables: in which of them, its name for a reader (to be translated), its unit.

    topic: under which trackers chart a round's value, empty where they do not.
    """

    name: str
    tables: tuple[str, ...]
    label: str
    unit: str
    topic: str = ""

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest value that is taken from a file."""
        return RANGES.get(self.unit, (0.0, math.inf))

    @property
    def is_fraction(self) -> bool:
        return self.unit == FRACTION


# All that is known of the columns, in the order of the files. rounds.jsonl has one line a round (round 0 is the
# untrained model); clients.jsonl one per round and client; timing.jsonl, which no seed can repeat, one a round, the
# server's (client is null), and one per round and client. round_seconds is the wall time but for what is written: it is
# wait_seconds (for clients that train), combine_seconds (the strategy's work) and evaluate_seconds together.
# loss and the accuracies are those of the pooled test images; in clients.jsonl, of the model that serves this client on
# the client's own images. validation_* is the same on validation images, pooled_* a lone owner's model on the pooled
# test set, in the last round (null elsewhere). train_loss is the clients' own while they trained, global_train_loss
# that of the global model on all training images (null unless evaluate_train asks for it, and for strategies that
# clients judge). status, one of STATUSES, and its reason say what became of a client in the round; num_trained counts
# those that are ok, num_failures those of FAILURES, num_steps the local SGD steps of all that trained.
# virtual_seconds, as conf/clients gives them, are in rounds.jsonl those from the beginning to the round's end, in
# clients.jsonl those that the client took; staleness is the server's steps since the model with which it began.
# bytes_* are those of training, not of judging; epsilon is what all rounds so far have spent of privacy, clip_norm the
# norm to which updates were clipped (null without privacy).
COLUMNS = {
    column.name: column
    for column in (
        Column("round", RCT, N_("round"), ""),
        Column("client", CT, N_("client"), ""),
        Column("status", C, N_("status"), ""),
        Column("reason", C, N_("reason"), ""),
        Column("num_examples", C, N_("training images"), "images"),
        Column("num_test", C, N_("test images"), "images"),
        Column("loss", RC, N_("loss"), NATS, "test"),
        Column("accuracy", RC, N_("accuracy"), FRACTION, "test"),
        Column("balanced_accuracy", RC, N_("balanced accuracy"), FRACTION, "test"),
        Column("validation_loss", RC, N_("validation loss"), NATS, "validation"),
        Column("validation_accuracy", RC, N_("validation accuracy"), FRACTION, "validation"),
        Column("train_loss", RC, N_("training loss"), NATS, "train"),
        Column("global_train_loss", R, N_("global model's training loss"), NATS, "train"),
        Column("pooled_accuracy", C, N_("accuracy on everyone's images"), FRACTION),
        Column("pooled_balanced_accuracy", C, N_("balanced accuracy on everyone's images"), FRACTION),
        Column("num_trained", R, N_("clients that trained"), "clients", "clients"),
        Column("num_failures", R, N_("clients that failed"), "clients"),
        Column("num_steps", RC, N_("local steps"), "steps", "train"),
        Column("bytes_up", RC, N_("bytes sent up"), "bytes", "communication"),
        Column("bytes_down", RC, N_("bytes sent down"), "bytes", "communication"),
        Column("virtual_seconds", RC, N_("virtual seconds"), "seconds", "clients"),
        Column("staleness", C, N_("staleness"), "steps"),
        Column("epsilon", R, N_("privacy spent (epsilon)"), "", "privacy"),
        Column("clip_norm", R, N_("norm to which updates are clipped"), "", "privacy"),
        Column("round_seconds", T, N_("seconds of the round"), "seconds"),
        Column("train_seconds", T, N_("seconds of training"), "seconds"),
        Column("train_cpu_seconds", T, N_("processor seconds of training"), "seconds"),
        Column("evaluate_seconds", T, N_("seconds of judging"), "seconds"),
        Column("wait_seconds", T, N_("seconds of waiting for clients"), "seconds"),
        Column("combine_seconds", T, N_("seconds of combining"), "seconds"),
        Column("peak_memory_bytes", T, N_("peak memory"), "bytes"),
    )
}
# What runs before 0.2.0 call a column, which is the configuration's word for the size of the federation.
BEFORE = {"num_clients": "num_trained"}
TABLES = {table: tuple(name for name, column in COLUMNS.items() if table in column.tables) for table in RCT}
# What is measured: all but where a row belongs.
ROUND_METRICS = tuple(name for name in TABLES[ROUNDS] if name != "round")
CLIENT_METRICS = tuple(name for name in TABLES[CLIENTS] if name not in ("round", "client", "status", "reason"))
# What runs are compared by, the most telling first: the model on the pooled test images.
FINAL_METRICS = tuple(name for name in reversed(ROUND_METRICS) if COLUMNS[name].topic == "test")
