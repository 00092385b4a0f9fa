"""One line for whatever is refused: what was wrong, and what would be right."""

import re
import traceback
from pathlib import Path

from hydra.errors import MissingConfigException, OverrideParseException

from fedsky.checks import listed
from fedsky.config import arguments
from fedsky.config.known import unknown
from fedsky.config.shelf import choices
from fedsky.machine import remedies

LONGEST = 800  # characters of a line that someone is to read
TRACEBACK = "HYDRA_FULL_ERROR"  # set to 1 by a person who wants to see where an error came from


def explain(error: BaseException) -> str:
    """The line for an error of Hydra, OmegaConf, the system, or of fedsky's own that has its remedy already."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:  # an OSError, too
        group, _, choice = error.missing_cfg_file.rpartition("/")
        return _short(f"unknown {group} '{choice}'; choose {listed(error.options or [])}")
    if isinstance(error, OSError):
        return remedies.told(error)
    if isinstance(error, OverrideParseException):
        return _short(_unread(error.override, error.message))
    if found := re.search(r"Ambiguous value for argument '(.*?)'\n1\. ", str(error), re.DOTALL):
        key, text = arguments.split(found[1])
        return _short(f"{found[1]}: for a run with each of these values add -m; as one text: {_typed(key, text)}")
    if "Error resolving interpolation '${experiment}/${strategy}'" in str(error):  # of conf/config.yaml
        return _short(f"unknown strategy 'null'; choose {listed([*choices('strategy')])}")
    if found := re.search(r"Could not override '([^']+)'", str(error)):
        return _short(unknown(found[1]))
    if isinstance(error.__cause__, OSError) and str(error).startswith("Unable to configure"):  # logging's file
        return remedies.told(error.__cause__)
    return _short(" ".join(str(error).split()) or type(error).__name__)


def fault(error: BaseException) -> str:
    """The line for an error that nobody foresaw: what it says, and where in the code it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {_short(' '.join(str(error).split()))}{where}"


def _unread(word: str, reason: str) -> str:
    """The line for a word of the command line that Hydra's grammar does not read."""
    key, text = arguments.split(word)
    if "=" not in word and not word.startswith("~"):
        return f"{word} is not a setting: write KEY=VALUE"
    if not re.fullmatch(r"[+~]{0,2}[A-Za-z_$][\w$./@-]*", key):
        return f"{key or word} is not a key: write KEY=VALUE, with a key of letters, digits, _ and dots"
    called = re.search(r"Error (?:while evaluating|parsing).*|Unknown function.*", reason)
    why = f" ({' '.join(called[0].split())})" if called and "override" not in called[0] else ""
    if re.fullmatch(r"[^()\[\]{}'\"]*,\s*", text):
        return f"{word}: nothing stands after the last comma: leave it out"
    return f"{word}: its quotes or brackets do not fit{why}; as one text: {_typed(key, text)}"


def _typed(key: str, text: str) -> str:
    return arguments.shell_word(key, text)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 4 :]}"
