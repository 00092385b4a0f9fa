"""What a round and a run come to, as the rows and tables of the run folder (fedsky.history has their schema)."""

import csv
import io

import numpy as np

from fedsky.client.metrics import Scores, pool
from fedsky.client.task import Task
from fedsky.engine.grid import Traffic
from fedsky.history import Row
from fedsky.history.columns import FAILURES, IDLE, OK
from fedsky.machine import peak_memory_bytes
from fedsky.partition import label_table
from fedsky.partition.heterogeneity import heterogeneity
from fedsky.run.dispatch import Outcome
from fedsky.run.evaluation import Evaluation


def round_row(
    round: int,
    trained: dict[int, Row],
    outcomes: dict[int, Outcome],
    judged: Evaluation,
    traffic: dict[int, Traffic],
    virtual_seconds: float,
) -> Row:
    """A round's line of rounds.jsonl; virtual_seconds: by its end."""
    test, validation = pool(judged.test), pool(judged.validation)
    ended = [outcome.status for outcome in outcomes.values()]
    counted = [row for client, row in trained.items() if row["num_steps"] and outcomes[client].status == OK]
    examples = sum(row["num_examples"] for row in counted)
    loss = sum(row["train_loss"] * row["num_examples"] for row in counted)
    return {
        "round": round,
        "loss": test.loss,
        "accuracy": test.accuracy,
        "balanced_accuracy": test.balanced_accuracy,
        "validation_loss": validation.loss,
        "validation_accuracy": validation.accuracy,
        "train_loss": loss / examples if examples else None,
        "global_train_loss": pool(judged.train).loss if judged.train else None,
        "num_trained": ended.count(OK),
        "num_failures": sum(status in FAILURES for status in ended),
        "num_steps": int(sum(row["num_steps"] for row in trained.values())),
        "bytes_up": sum(t.up for t in traffic.values()),
        "bytes_down": sum(t.down for t in traffic.values()),
        "virtual_seconds": virtual_seconds,
    }


def client_row(
    round: int, client: int, outcome: Outcome | None, trained: Row | None, judged: Evaluation, traffic: Traffic
) -> Row:
    """A client's line of clients.jsonl in a round; no outcome: it was not asked."""
    test, validation = judged.test[client], judged.validation[client]
    pooled: Scores | None = judged.pooled[client] if judged.pooled else None
    own = trained or {} if outcome else {}
    return {
        "round": round,
        "client": client,
        "status": outcome.status if outcome else IDLE,
        "reason": outcome and outcome.reason,
        **{key: own.get(key) for key in ("num_examples", "num_steps", "train_loss")},
        "num_test": test.num,
        "loss": test.loss,
        "accuracy": test.accuracy,
        "balanced_accuracy": test.balanced_accuracy,
        "validation_loss": validation.loss,
        "validation_accuracy": validation.accuracy,
        "bytes_up": traffic.up,
        "bytes_down": traffic.down,
        "pooled_accuracy": pooled and pooled.accuracy,
        "pooled_balanced_accuracy": pooled and pooled.balanced_accuracy,
        "virtual_seconds": outcome and outcome.seconds,
        "staleness": outcome and outcome.staleness,
    }


def timing_rows(round: int, trained: dict[int, Row], judged: Evaluation, server: Row) -> list[Row]:
    """The lines of timing.jsonl of a round: the server's, of seconds, then the clients'."""
    rows: list[Row] = [{"round": round, "client": None, **server, "peak_memory_bytes": peak_memory_bytes()}]
    for client in sorted(set(trained) | set(range(len(judged.seconds)))):
        metrics = trained.get(client, {})
        evaluated = judged.seconds[client] if client < len(judged.seconds) else None
        rows.append(
            {
                "round": round,
                "client": client,
                "train_seconds": metrics.get("train_seconds"),
                "train_cpu_seconds": metrics.get("train_cpu_seconds"),
                "evaluate_seconds": evaluated,
                "peak_memory_bytes": metrics.get("peak_memory_bytes"),
            }
        )
    return rows


def describe(task: Task, names: list[str] | None) -> Row:
    """partition.json: images of each class in every client's parts, and how unlike the clients' labels are, 0 to 1."""
    classes, parts = list(task.photos.classes), ("train", "validation", "test")
    clients: list[Row] = [
        {"client": client, "name": str(names[client]) if names else str(client)}
        | {part: label_table(task.photos.labels, getattr(owner, part), len(classes)) for part in parts}
        for client, owner in enumerate(task.owners)
    ]
    counts = [np.sum([client[part] for part in parts], axis=0) for client in clients]
    return {"classes": classes, "heterogeneity": heterogeneity(counts), "clients": clients}


def label_lines(partition: Row) -> str:
    """The label table for a log: images of each class in every client's training, validation and test part."""
    lines = [f"images by client ({'/'.join(partition['classes'])}): train, validation, test"]
    for client in partition["clients"]:
        counts = ("/".join(map(str, client[part])) for part in ("train", "validation", "test"))
        lines.append(f"  {client['name']:>3}: {', '.join(counts)}")
    return "\n".join(lines)


def predictions_csv(task: Task, judged: Evaluation) -> str:
    """predictions.csv: the final model (each client's own, where there are such) on the test images.

    group: the number that near duplicates share; empty for a photograph that stands alone.
    """
    classes, groups = task.photos.classes, task.photos.groups
    sizes = None if groups is None else np.bincount(groups)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "client", "label", "predicted", *(f"probability_{name}" for name in classes), "group"])
    for client, predictions in enumerate(judged.predictions):
        if not len(predictions):  # of a client that did not answer
            continue
        for index, row in zip(task.owners[client].test, predictions, strict=True):
            writer.writerow(
                [
                    task.photos.names[index],
                    client,
                    classes[task.photos.labels[index]],
                    classes[row.argmax()],
                    *(format(p, ".6f") for p in np.exp(row)),
                    "" if groups is None or sizes is None or sizes[groups[index]] == 1 else int(groups[index]),
                ]
            )
    return text.getvalue()
