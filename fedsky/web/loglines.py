"""Bounds on the log, whoever has it written to: how long a line may be, and how many there are in a minute."""

import logging
import threading
import time

LONGEST = 4_000  # characters of a message; a traceback may have as many more
MOST = 600  # lines a minute; and as many errors besides, so that no flood of other lines hides one
MINUTE = 60.0


class Bounded(logging.Filter):
    """Cuts what is too long and leaves out what is too much, saying how much it left out."""

    def __init__(self, most: int = MOST, longest: int = LONGEST) -> None:
        super().__init__()
        self.most, self.longest = most, longest
        self._lock = threading.Lock()
        self._began, self._counts, self._left_out = time.monotonic(), {False: 0, True: 0}, 0

    def filter(self, record: logging.LogRecord) -> bool:
        left_out = 0
        with self._lock:
            if time.monotonic() - self._began >= MINUTE:
                left_out, self._left_out = self._left_out, 0
                self._began, self._counts = time.monotonic(), {False: 0, True: 0}
            is_error = record.levelno >= logging.ERROR
            self._counts[is_error] += 1
            if self._counts[is_error] > self.most:
                self._left_out += 1
                return False
        text = self._cut(record.getMessage())
        if left_out:
            text = f"({left_out} lines before this one were left out: more than {self.most} a minute) {text}"
        record.msg, record.args = text, None
        if record.exc_info:
            record.exc_text = self._cut(logging.Formatter().formatException(record.exc_info), from_end=True)
        return True

    def _cut(self, text: str, from_end: bool = False) -> str:
        if len(text) <= self.longest:
            return text
        left_out = f"({len(text) - self.longest} characters left out)"
        return f"{left_out} {text[-self.longest :]}" if from_end else f"{text[: self.longest]} {left_out}"


def speak() -> None:
    """Has standard error told what this program logs, within bounds; nothing where logging has been set up already."""
    console = logging.StreamHandler()
    console.addFilter(Bounded())
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, format=form, handlers=[console])
    for name in ("alembic", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Says at every request that waits that one waits, which is no news on a busy site.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
