"""Run folders for the site: an index that finds them by id, lists of them, and views of one. Needs no Flask."""
