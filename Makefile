# make demo and make test need Python 3.11 or later, make and git; both make .venv, or mend a stale one.
PYTHON ?= python3
PY := .venv/bin/python
SITE_STAMP := .venv/.made-from

.PHONY: setup demo web test lint docs reference benchmark clean

# .venv is made anew where it does not start or cannot import what the suite stands on, and brought up to date where
# pyproject.toml has changed since.
setup:
	@if ! $(PY) -c "import sys; assert sys.version_info >= (3, 11)" 2>/dev/null; then \
	  echo "making .venv"; rm -rf .venv; \
	  $(PYTHON) -c "import sys; assert sys.version_info >= (3, 11), 'Python 3.11 or later is needed: make PYTHON=python3.12'" \
	  && $(PYTHON) -m venv .venv; fi
	@if ! cmp -s pyproject.toml $(SITE_STAMP) || ! $(PY) -c "import fedsky, torch, torchvision, flwr, ray, hydra, pytest, flask, waitress" 2>/dev/null; then \
	  echo "installing (some minutes and 5 GB the first time)"; \
	  $(PY) -m pip install --quiet --disable-pip-version-check --upgrade pip \
	  && { $(PY) -m pip install --quiet --disable-pip-version-check -e '.[dev,web]' \
	       && $(PY) -c "import torch, torchvision, flwr, ray, hydra, pytest, flask, waitress" \
	       || { echo "mending .venv"; rm -rf .venv; $(PYTHON) -m venv .venv \
	            && $(PY) -m pip install --quiet --disable-pip-version-check -e '.[dev,web]'; }; } \
	  && $(PY) -c "import fedsky, torch, torchvision, flwr, ray, hydra, pytest, flask, waitress" \
	  && cp pyproject.toml $(SITE_STAMP); fi

# The main job on the embedded data: who gains by joining? Ends with the path of the report.
demo: setup
	$(PY) -m fedsky -m name=demo strategy=fedavg,fedprox,centralized,local num_clients=5 seed=0,1,2 num_rounds=15 checkpoint=false
	$(PY) -m fedsky.report outputs/demo

# The site, on http://localhost:5000; see docs/site.md for the first administrator.
web: setup
	$(PY) -m fedsky.web

# Two at a time, each file in one process (what its tests share is made once), the longest files first.
test: setup lint
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# What the documentation takes from the code, conf/ and the reference runs, written anew.
docs: setup
	$(PY) -m docs

# The committed runs of every recipe, computed anew; SKY names the folder of photographs.
reference: setup
	$(PY) -m benchmarks.reference --sky $(or $(SKY),../shared/sky)

benchmark: setup
	$(PY) -m benchmarks.simulation

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache
