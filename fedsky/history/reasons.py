"""Why a run did not end well, in the reader's language: run.json holds the sentence in English, as it was said."""

from typing import Any

from fedsky.language import N_, retold
from fedsky.untrusted import printable

# What rooms that speak English alone, as their users' terminals do, say of a run or of a setting: here so that it is
# translated where it is read. tests/history/test_reasons.py has each said by its room.
SAID = (
    N_("its process ended without a word"),
    N_("changed since the run ended: {files}"),
    N_("changed since the run wrote them: {files}"),
    N_("stopped by the user"),
    N_("num_clients={num_clients}: {images} images with partition.min_examples={least} allow 1 to {most} clients"),
    N_("num_clients={num_clients}: {images} images with partition.min_examples={least} allow no client"),
    N_("a client would get {images} images, fewer than partition.min_examples={least}: {remedy}"),
    N_("client {n}: {reason}"),
    N_("ask for fewer clients"),
    N_("set it to {images} or less, or ask for fewer clients"),
    N_("the smallest feasible {name} is about {value}"),
    N_("the largest feasible {name} is about {value}"),
    N_("partition.{name}={value} leaves some of the clients below min_examples={least} in each of {n} draws: {remedy}"),
    N_(
        "what client {client} kept of round {round} is not what {path} holds on {host}: it was changed since, or this "
        "machine does not see the run's folder; bring that file back, or start the run anew"
    ),
    N_(
        "what client {client} kept of round {round} is not on {host}: {path} is missing; all machines of a cluster "
        "must see the run's folder"
    ),
    N_("training diverged in round {round}: lower {setting} ({sign})"),
    N_("training diverged: the loss of round {round} is not finite"),
    N_("partition=natural: these data come without owners, choose another partition"),
    N_("{key}={value}: a number is needed"),
    N_("{key}={value}: a number of {least} or more is needed"),
    N_("{key}={value}: a number of {least} or more and at most {most} is needed"),
    N_("{key}={value}: a number of {least} or more and below {most} is needed"),
    N_("{key}={value}: a number above {least} is needed"),
    N_("{key}={value}: a number above {least} and at most {most} is needed"),
    N_("{key}={value}: a number above {least} and below {most} is needed"),
    N_("{key}={value}: a whole number of {least} or more is needed"),
    N_("{key}={value}: a whole number of {least} to {most} is needed"),
    N_("{key}={value}: a whole number of {things}, {least} or more, is needed"),
    N_("{key}={value}: a whole number of {things}, {least} to {most}, is needed"),
    N_("pixels a side"),
    N_("{key}={value}: true or false is needed"),
    N_("{key}={value}: choose {choices}"),
    N_("{refusal}, or null"),
    N_("unknown {group} '{choice}'; choose {choices}"),
    N_("data.count={count}: the renderer draws an even number of photographs, 4 or more"),
    N_("model=simple_cnn: images of {size} pixels are too small: set data.size={least} or more"),
    N_(
        "client {client} has {num} images, too few for {folds} folds (data.fold={fold}): "
        "set partition.min_examples={least} or ask for fewer clients"
    ),
    N_("clients.overselect={share}: participation=1 asks everybody already: lower participation"),
    N_("strategy.buffer={buffer}: only {num} clients train at a time: lower it, or raise participation or num_clients"),
    N_("strategy.beta={beta}: {cut} cut at each end leave none of {num} clients a round: {remedy}"),
    N_("strategy.num_malicious={num_malicious}: {needed} clients a round are needed ({rule}), not {num}: {remedy}"),
    N_("lower it, or raise num_clients or participation"),
    N_(
        "lower it, or raise num_clients or participation, or set min_replies, so that a round with fewer "
        "keeps the model"
    ),
    N_(
        "model={model} batch_size={size}: BatchNorm cannot train on a batch of one image of which one pixel is "
        "left; raise {key} or data.size, or set model.norm=group"
    ),
    N_("model={model}: it cannot train on these data in batches of {size} ({reason}); choose another model"),
    N_("{refusal}, or another data.size, such as 224"),
)


def told(reason: Any) -> str:
    """A reason of run.json as a line in the language in use."""
    return retold(printable(reason or "", 400))
