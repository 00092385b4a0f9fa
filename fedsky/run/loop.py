"""The loop over a run's rounds: clients train, the strategy combines, models are judged, rows are written."""

import logging
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from flwr.app import ArrayRecord, ConfigRecord, Message

from fedsky import checks
from fedsky.client import state
from fedsky.client.metrics import pool
from fedsky.client.task import Task, settle
from fedsky.client.training import FLOAT32
from fedsky.config import learning_rate, make_strategy
from fedsky.data.parts import remarks
from fedsky.engine import begin, check_engine, open_grid, task_of
from fedsky.engine.grid import ClientError, ClientGrid, Traffic
from fedsky.history import FEDERATED, ROLES, Row, Table, keep_rounds, kept, sum_of, write_json, write_whole
from fedsky.machine import short_of_memory
from fedsky.model import BATCHNORM_STATISTICS, num_bytes, num_parameters
from fedsky.model.divergence import DIVERGED, diverged, not_finite, remedy
from fedsky.model.file import Tensors, packed
from fedsky.run import checkpoint
from fedsky.run.dispatch import Dispatch, behaviour_of
from fedsky.run.evaluation import Evaluation, by_clients, by_server
from fedsky.run.progress import Display
from fedsky.run.rows import client_row, describe, label_lines, predictions_csv, round_row, timing_rows
from fedsky.run.states import States
from fedsky.run.together import Together
from fedsky.run.trial import try_out
from fedsky.tracking import Background

LOG = logging.getLogger("fedsky")


class RoundLoop:
    """The rounds of one run: its task, its strategy, its tables and how far it has come."""

    def __init__(
        self, config: dict[str, Any], folder: Path, text: str, directory: Path, resumed: bool, tracking: Background
    ) -> None:
        self.config, self.folder, self.tracking = config, folder, tracking
        began, cpu = time.perf_counter(), time.process_time()
        begin(config["engine"], config["num_clients"])
        self.task: Task = task_of(config["engine"], text)
        settle(config, self.task)
        for remark in remarks(self.task.photos, self.task.owners):
            LOG.warning("%s", remark)
        self.strategy: Any = make_strategy(config)
        checks.choice(f"{type(self.strategy).__name__}.role", self.strategy.role, ROLES)
        check_engine(config["engine"], config["evaluate"], self.strategy.role)
        self.strategy.begin(self.task.model, config)
        try_out(self.task, self.strategy, config)
        self.together = Together(config, self.task)
        partition = describe(self.task, config["client_names"])
        behaviour = behaviour_of(config, self.task, directory)
        self.strategy.know(behaviour)
        write_json(folder / "partition.json", partition)
        LOG.info("%s", label_lines(partition))
        self.progress = checkpoint.Progress()
        self.arrays: ArrayRecord = checkpoint.to_record(
            {name: t.cpu().numpy() for name, t in self.task.initial.items()}
        )
        self.first, self.is_warned = 0, False
        self.states = States({}, folder)
        if resumed:
            self._take_up()
        ready = time.perf_counter()
        self.start = {"data_seconds": ready - began, "data_cpu_seconds": time.process_time() - cpu}
        self.grid: ClientGrid = open_grid(config["engine"], config["num_clients"])
        self.states.apart = self.grid.begin(self.task.text, self.task.photos.fingerprint, folder / "clients")
        self.grid.train_together(self.together.clients)
        self.grid.sizes = [len(owner.train) for owner in self.task.owners]
        self.start["engine_seconds"] = time.perf_counter() - ready
        now = self.progress.virtual_seconds
        self.dispatch = Dispatch(config, behaviour, self.strategy, self.grid, self.states, now)
        self.tables = {name: Table(folder, f"{name}.jsonl") for name in ("rounds", "clients", "timing")}

    def _take_up(self) -> None:
        taken = checkpoint.load_round(self.folder, list(self.task.initial))
        if taken is not None:
            self.arrays, self.progress, memory = taken
            self._write_best(self._best())
            self.strategy.memory = {name: torch.from_numpy(array) for name, array in memory.items()}
            self.first = self.progress.round + 1
        LOG.info("%s: goes on after round %d of %d", self.folder, self.first - 1, self.config["num_rounds"])
        keep_rounds(self.folder, self.first - 1)
        state.forget_after(self.folder / "clients", self.first - 1)
        kept_states = self.progress.states  # of an older version's checkpoint None: the files tell
        self.states = States(
            state.last_saved(self.folder / "clients") if kept_states is None else kept_states, self.folder
        )

    def finish(self) -> Row:
        """Goes through the rounds that are left, writes what remains, and returns what run.json says of it."""
        try:
            judged = self._rounds()
        except ClientError as error:
            if error.reason.startswith(DIVERGED) and self.progress.round and "server_lr" in self.config["strategy"]:
                error.args = (f"{error}, or lower {remedy(self.config)}",)
            raise
        finally:
            self.grid.end()
            for table in self.tables.values():
                table.close()
        return self._close(judged or self._judge(self.progress.round, last=True))

    def _rounds(self) -> Evaluation | None:
        """All rounds that are left; the judgement of the last one, None where none was left."""
        title = Path(self.config["strategy"]["_target_"]).suffix[1:]
        judged = None
        if self._is_over():  # of a resumed run that patience had stopped
            return None
        with Display(title, self.config["num_rounds"]) as display:
            for round in range(self.first, self.config["num_rounds"] + 1):
                start = time.perf_counter()
                self.grid.traffic.clear()
                self.grid.waited_seconds = 0.0
                metrics = self._train(round) if round else {}
                waited = self.grid.waited_seconds
                server: Row = {"wait_seconds": waited, "combine_seconds": time.perf_counter() - start - waited}
                last = round == self.config["num_rounds"]
                judging = time.perf_counter()
                judged = self._judge(round, last)
                judging = time.perf_counter() - judging
                if self._stops(judged, round) and not last:
                    last = True
                    if self._asks_clients():  # what only the last round's answers hold
                        judged = self._judge(round, last)
                server["evaluate_seconds"] = None if self._asks_clients() else judging
                server["round_seconds"] = time.perf_counter() - start
                row = self._write(round, metrics, judged, server)
                display.round(row, time.perf_counter() - start)
                if last:
                    break
        return judged

    def _train(self, round: int) -> Row:
        """One round of training: the strategy's metrics; the model is the aggregate then."""
        arrays, metrics = self.dispatch.train(round, self.arrays, self._settings(round))
        if arrays is not None:
            self.arrays = ArrayRecord({name: arrays.get(name, own) for name, own in self.arrays.items()})
        # What came from the clients was finite: what is not is of the server's own making.
        if (bad := not_finite(checkpoint.to_numpy(self.arrays) | self._memory())) is not None:
            raise diverged(round, remedy(self.config, of_server=True), f"the server's {bad} is not finite")
        self.together.count(self.dispatch.trained)
        self.progress.virtual_seconds = self.dispatch.now
        return metrics

    def _memory(self) -> Tensors:
        return {name: tensor.numpy() for name, tensor in self.strategy.memory.items()}

    def _settings(self, round: int, **more: Any) -> ConfigRecord:
        keys = ("momentum", "weight_decay", "local_epochs", "batch_size", "participation", "stragglers", "seed")
        settings: dict[str, Any] = {key: self.config[key] for key in keys}
        if self.config["precision"] != FLOAT32:
            settings["precision"] = self.config["precision"]
        settings |= {
            "task": self.task.text,
            "fingerprint": self.task.photos.fingerprint,
            "round": round,
            "lr": learning_rate(self.config, round),
            **more,
        }
        return ConfigRecord(settings)

    def _judge(self, round: int, last: bool) -> Evaluation:
        """The models after a round, by whoever is to judge them; ValueError where a loss is not finite."""
        if not self._asks_clients():
            judged = by_server(self.task, self.arrays, self.config["evaluate_train"])
        else:
            settings = self._settings(round, last=last)
            messages = self.strategy.configure_evaluate(round, self.arrays, settings, self.grid)
            judged = by_clients(
                self._answers(messages, round), len(self.task.photos.classes), self.config["num_clients"]
            )
        if (sign := judged.not_finite()) is not None:
            raise diverged(round, remedy(self.config), sign)
        return judged

    def _answers(self, messages: Iterable[Message], round: int) -> Iterator[tuple[int, Message]]:
        for reply in self.dispatch.judge(messages, round):
            yield self.grid.number[reply.metadata.src_node_id], reply

    def _asks_clients(self) -> bool:
        return self.strategy.evaluate is not None or self.config["evaluate"] == "clients"

    def _stops(self, judged: Evaluation, round: int) -> bool:
        """Whether ``patience`` rounds have passed without a better validation accuracy; notes the best round."""
        scores = pool(judged.validation)
        best, self.progress.round = self.progress, round
        if scores.accuracy > best.best_accuracy:
            best.improved_round = round
        if (scores.accuracy, -scores.loss) > (best.best_accuracy, -best.best_loss):
            best.best_round, best.best_accuracy, best.best_loss = round, scores.accuracy, scores.loss
        return self._is_over()

    def _is_over(self) -> bool:
        """Whether the strategy, or patience, ends the run after the round that it has come to."""
        patience, progress = self.config["patience"], self.progress
        if patience is not None and progress.round - progress.improved_round >= patience:
            return True
        return bool(self.strategy.is_over(progress.round))

    def _write(self, round: int, metrics: Row, judged: Evaluation, server: Row) -> Row:
        """Adds the round's rows to the tables and, once they are out, the checkpoint."""
        traffic = self.grid.traffic if self.strategy.role == FEDERATED else {}
        trained, outcomes = self.dispatch.trained, self.dispatch.outcomes
        # Pooled training is nobody's own.
        own = outcomes if self.strategy.role == FEDERATED or self.strategy.evaluate is not None else {}
        clients = [
            client_row(round, client, own.get(client), trained.get(client), judged, traffic.get(client, Traffic()))
            for client in range(len(self.task.owners))
        ]
        row = round_row(round, trained, outcomes, judged, traffic, self.dispatch.now) | metrics
        self.tables["clients"].append(clients)
        self.tables["timing"].append(timing_rows(round, trained, judged, server))
        self.tables["rounds"].append([row])
        best = self._best()
        if self.config["checkpoint"]:
            self._save(best)
        self._write_best(best)
        state.forget_before(self.folder / "clients", round, self.states.kept)
        self.tracking.round(row, clients, server["round_seconds"])
        self._warn_of_memory()
        return row

    def _save(self, best: bytes | None) -> None:
        """Writes the checkpoint, with the sums of what a run that goes on from it takes from the folder."""
        sums = {kept.BEST: (self.progress.sums or {}).get(kept.BEST)} if best is None else {kept.BEST: sum_of(best)}
        self.progress.sums = {name: sum for name, sum in sums.items() if sum is not None}
        self.progress.sums |= {table.path.name: table.settled() for table in self.tables.values()}
        self.progress.states = self.states.kept
        checkpoint.save_round(self.folder, self.arrays, self.progress, self._memory())

    def _best(self) -> bytes | None:
        """The file of the best model by validation, where that is this round's."""
        if self.progress.best_round == self.progress.round and self.strategy.evaluate is None:
            return self._model(self.progress.round)
        return None

    def _write_best(self, content: bytes | None) -> None:
        """After the checkpoint, from which a run that was killed in between can write it anew."""
        if content is not None:
            write_whole(self.folder / kept.BEST, content, self.folder)

    def _warn_of_memory(self) -> None:
        short = short_of_memory()
        if short and not self.is_warned:
            LOG.warning(
                "%s: fewer clients at a time (engine.num_actors), a smaller model or batch_size need less", short
            )
        self.is_warned = short is not None

    def _model(self, round: int, arrays: Tensors | None = None) -> bytes:
        """The content of a model's file."""
        photos = self.task.photos
        about = {
            "model": self.config["model"],
            "classes": list(photos.classes),
            "round": round,
            "size": photos.image_size,
        }
        return packed(arrays or checkpoint.to_numpy(self.arrays), about)

    def _close(self, judged: Evaluation) -> Row:
        """Writes the final models and predictions."""
        round = self.progress.round
        if self.strategy.evaluate is None:
            write_whole(self.folder / "model.safetensors", self._model(round), self.folder)
        elif self.grid.has_states:  # else the owners have their models, and nobody else
            for client in range(len(self.task.owners)):
                own = state.State(self.folder / "clients", client, round + 2, self.states.of(client)).load() or {}
                arrays = checkpoint.to_numpy(self.arrays)
                arrays |= {name: tensor.numpy() for name, tensor in own.items() if name in arrays}
                write_whole(self.folder / "models" / f"{client}.safetensors", self._model(round, arrays), self.folder)
        write_whole(self.folder / "predictions.csv", predictions_csv(self.task, judged).encode(), self.folder)
        test, best = pool(judged.test), self.progress
        model = self.task.model
        batched = {} if self.together.asked is None else {"batched": self.together.told()}
        kept = BATCHNORM_STATISTICS.get(self.config["model"].get("norm", ""), "none")
        sizes = {"num_parameters": num_parameters(model), "num_bytes": num_bytes(self.task.initial)}
        result = {"round": round, "num_test": test.num, "accuracy": test.accuracy}
        result |= {"balanced_accuracy": test.balanced_accuracy, "loss": test.loss}
        result |= {"best_validation_round": best.best_round, "best_validation_accuracy": best.best_accuracy}
        return batched | {"model": sizes | {"batchnorm_statistics": kept}, "result": result}
