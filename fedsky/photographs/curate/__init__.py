"""Collections put in order: duplicates, likely wrong labels, a review by a person, and the reviewed copy."""

from fedsky.photographs.curate.command import accept, review
from fedsky.photographs.curate.findings import Findings, find
from fedsky.photographs.curate.pictures import Collection, Picture, read

__all__ = ["Collection", "Findings", "Picture", "accept", "find", "read", "review"]
