"""From candidates to a collection."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fedsky.photographs.collect.fetch import Refusal, Web
from fedsky.photographs.collect.keep import MIN_SIDE, Shelf, cell, check_label
from fedsky.photographs.collect.licences import PERMITTED
from fedsky.photographs.collect.sources import Candidate, SearchError, Source

MOST = 100_000
MAX_UNREACHABLE = 10  # pictures on end, after which a search is given up


@dataclass
class Outcome:
    """What a command has done so far.

    present: pictures of the same label, source and query that were there before; known: those met that
    the manifest has, whatever their query; kept: new ones; refused: counts by
    reason; unlicensed: kept ones without a licence; without_row: files of an interrupted command that were not met
    again; stopped: why the search ended early.
    """

    folder: Path
    limit: int
    present: int = 0
    known: int = 0
    kept: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    unlicensed: int = 0
    without_row: int = 0
    stopped: str = ""

    @property
    def problem(self) -> str:
        """One line if the command has failed, else empty."""
        if self.stopped or self.kept or self.present or self.known:
            return self.stopped
        if not self.refused:
            return "nothing was found: try other words"
        if set(self.refused) == {"unreachable"}:
            return "nothing could be reached: is there a network?"
        return "nothing was kept"

    def __str__(self) -> str:
        line = f"kept {self.kept} in {self.folder}"
        if self.present:
            line += f" ({self.present} there before)"
        if self.known:
            line += f", passed over {self.known} that the manifest has"
        line += f", refused {self.refused.total()}"
        if self.refused:
            line += ": " + ", ".join(f"{reason} {number}" for reason, number in self.refused.most_common())
        if self.unlicensed:
            line += f"; {self.unlicensed} without a licence named, which is yours to know"
        if self.without_row:
            line += f"; {self.without_row} files there have no row in manifest.csv"
        return line


def collect(
    source: Source,
    label: str,
    out: Path,
    limit: int,
    web: Web,
    licences: frozenset[str] = PERMITTED,
    told: Callable[[Outcome], None] = lambda outcome: None,
    owner: str = "",
) -> Outcome:
    """Keeps pictures under ``out/label`` until ``limit`` of this label, source, query and owner are there.

    ``told`` gets the same, growing Outcome whenever something has happened. ValueError for a wrong label, limit or
    owner, and for a folder that is another command's or another table's.
    """
    check_request(label, limit, owner)
    outcome = Outcome(out / label, limit)
    with Shelf(out, label, source.name, source.query, owner) as shelf:
        outcome.present = shelf.num_kept()
        told(outcome)
        if outcome.present < limit:
            unreachable = 0
            try:
                for candidate in source.candidates(web):
                    try:
                        if shelf.has(candidate):
                            outcome.known += 1
                        else:
                            _check(candidate, licences)
                            shelf.keep(candidate, web.get(candidate.url))
                            outcome.kept += 1
                            outcome.unlicensed += candidate.kind is None
                    except Refusal as refusal:
                        outcome.refused[refusal.reason] += 1
                        unreachable = unreachable + 1 if refusal.unreachable else 0
                    told(outcome)
                    if outcome.present + outcome.kept >= limit:
                        break
                    if unreachable >= MAX_UNREACHABLE and source.name != "urls":
                        raise SearchError(f"{unreachable} pictures could not be reached: try again later")
            except SearchError as error:
                outcome.stopped = str(error)
        outcome.without_row = shelf.num_without_row()
    return outcome


def check_request(label: str, limit: int, owner: str = "") -> None:
    """Raises ValueError for a wrong label, limit or owner."""
    check_label(label)
    if owner and cell(owner, 200) != owner:
        raise ValueError(f"--owner {owner!r}: one line of text that a spreadsheet does not calculate is needed")
    if not 1 <= limit <= MOST:
        raise ValueError(f"--limit {limit}: a whole number of 1 to {MOST} is needed")


def _check(candidate: Candidate, licences: frozenset[str]) -> None:
    """Refuses before anything is downloaded. A list's line without any licence is its maker's word."""
    named = candidate.licence or candidate.licence_url or candidate.kind
    if (named or candidate.source != "urls") and candidate.kind not in licences:
        raise Refusal("licence")
    if not candidate.url:
        raise Refusal("no web address")
    if candidate.width and candidate.height and min(candidate.width, candidate.height) < MIN_SIDE:
        raise Refusal("too small")
