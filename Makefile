# make demo and make test need Python 3.11 or later, make and git; both make .venv, or mend a stale one.
PYTHON ?= python3
PY := .venv/bin/python
SETUP_STAMP := .venv/.made-from
LIBRARIES := torch, torchvision, flwr, ray, hydra, pytest, flask, waitress
PIP := $(PY) -m pip install --quiet --disable-pip-version-check -e '.[dev]'
# constraints.txt holds the versions that passed. Another Python or processor may lack one of them.
INSTALL = $(PIP) -c constraints.txt \
  || { echo "a version in constraints.txt cannot be had here: trying without those of torch"; \
       grep -Ev '^torch(vision)?==' constraints.txt > .venv/constraints.txt; $(PIP) -c .venv/constraints.txt; } \
  || { echo "nor so: taking the newest that pyproject.toml allows, with which nobody has tested"; $(PIP); }

.PHONY: setup constraints demo web test quick lint docs reference benchmark clean

# .venv is made anew where it does not start or cannot import what the suite stands on, and brought up to date where
# pyproject.toml or constraints.txt have changed since.
setup:
	@if ! $(PY) -c "import sys; assert sys.version_info >= (3, 11)" 2>/dev/null; then \
	  echo "making .venv"; rm -rf .venv; \
	  $(PYTHON) -c "import sys; assert sys.version_info >= (3, 11), 'Python 3.11 or later is needed: make PYTHON=python3.12'" \
	  && $(PYTHON) -m venv .venv; fi
	@if ! cat pyproject.toml constraints.txt | cmp -s - $(SETUP_STAMP) || ! $(PY) -c "import fedsky, $(LIBRARIES)" 2>/dev/null; then \
	  echo "installing (some minutes and 7 GB the first time)"; \
	  $(PY) -m pip install --quiet --disable-pip-version-check --upgrade pip \
	  && { { $(INSTALL); } && $(PY) -c "import $(LIBRARIES)" \
	       || { echo "mending .venv"; rm -rf .venv; $(PYTHON) -m venv .venv && { $(INSTALL); }; }; } \
	  && $(PY) -c "import fedsky, $(LIBRARIES)" \
	  && cat pyproject.toml constraints.txt > $(SETUP_STAMP); fi

# Writes down what is installed, once all tests have passed with it. torch brings the packages of its accelerator itself,
# in versions of its own: they are left out, as is what tells its builds apart (+cpu), so that any build will do.
constraints:
	{ sed -n '/^#/p' constraints.txt; $(PY) -m pip freeze --exclude-editable \
	  | sed -En '/^(nvidia|cuda|triton)/d; s/^([A-Za-z0-9._-]+==[^+ ]+).*/\1/p'; } > .venv/constraints.txt
	mv .venv/constraints.txt constraints.txt

# The main job on the embedded data: who gains by joining? Ends with the path of the report. Every photograph is tested
# once, in five folds: an interval half as wide as that of one fold with three seeds, in as much time. Gain of fedavg over
# alone, processor seconds; one run of each design, whose gains differ by no more than chance may make them differ:
# (the intervals as they then were; with one seed they are now wider, as few splits tell what training's chance does: the
# design in use has [+3.5, +12.5])
#   3 strategies, 5 folds, 12 rounds          +8.0 [+4.1, +11.9]  233 s   (this one)
#   3 strategies, 5 folds, 15 rounds          +6.5 [+2.8, +10.2]  252 s
#   with fedprox, 5 folds, 10 rounds          +5.5 [+1.3, +9.7]   276 s
#   with fedprox, 5 folds, 8 rounds           +2.2 [-2.1, +6.4]   187 s
#   with fedprox, 3 folds, 15 rounds          +7.2 [+1.9, +12.5]  177 s
#   with fedprox, 1 fold, 3 seeds, 15 rounds  +10.6 [+4.2, +16.9] 217 s   about one split's models only
demo: setup
	$(PY) -m fedsky -m name=demo strategy=fedavg,centralized,local num_clients=5 data.fold=1/5,2/5,3/5,4/5,5/5 \
	  num_rounds=12 checkpoint=false
	$(PY) -m fedsky.report outputs/demo

# The site, on http://localhost:5000; see docs/site.md for the first administrator.
web: setup
	$(PY) -m fedsky.web

# Two at a time, each file in one process (what its tests share is made once), the longest files first.
test: setup lint
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# For the loop while one works: the tests that start no process, no Ray, no browser and no run (tests/support/slow.py).
quick: setup
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

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

# Ten minutes with nothing else to do for the machine: docs/speed.json, and the table and picture made of it.
benchmark: setup
	$(PY) -m benchmarks.simulation --write docs/speed.json
	$(PY) -m docs

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache
