"""What the runs' routes share: the index, the answers that are kept, and the notes that people wrote."""

import threading
import time
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fedsky.web.places import places
from fedsky.web.settings import Settings
from fedsky.web.tables import Annotation

from .answers import Answers
from .index import Index
from .kept_rounds import KeptRounds
from .listing import Note

PATIENCE = 2.0  # seconds for which the notes hold that another process may have changed


@dataclass
class Runs:
    """The runs of one site."""

    index: Index
    answers: Answers = field(default_factory=Answers)
    rounds: KeptRounds = field(default_factory=KeptRounds)
    _notes: dict[str, Note] = field(default_factory=dict)
    _notes_version: str = "none"
    _notes_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, settings: Settings) -> "Runs":
        return cls(Index(settings.outputs, settings.reference), Answers(hide=places(settings).hide_bytes))

    def notes(self, db: Session) -> tuple[str, dict[str, Note]]:
        """All notes by run id, and a text that changes when they do. The database is asked every two seconds."""
        if time.monotonic() < self._notes_until:
            return self._notes_version, self._notes
        count, changed = db.execute(select(func.count(), func.max(Annotation.changed))).one()
        version = f"{count} {changed}"
        with self._lock:
            if version != self._notes_version:
                rows = db.execute(select(Annotation.run_id, Annotation.title, Annotation.note, Annotation.tags))
                self._notes = {row.run_id: Note(row.title, row.note, tuple(row.tags)) for row in rows}
                self._notes_version = version
            self._notes_until = time.monotonic() + PATIENCE
            return version, self._notes

    def forget_notes(self) -> None:
        """Has the notes read anew: this process has changed one."""
        self._notes_until = 0.0
