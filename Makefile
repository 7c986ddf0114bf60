# Two commands matter: `make book` reads the course, `make test` proves it.
PYTHON ?= python3
TORCH ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed$(if $(TORCH),-$(TORCH))

# TORCH=cpu takes PyTorch from its own CPU index, without the CUDA packages.
UV_FLAGS := $(if $(TORCH),--torch-backend $(TORCH))

.PHONY: help book test lab bench lint unit notebooks browser clean

help:
	@echo "make book   set up .venv, run the chapters, build the book"
	@echo "make test   set up .venv, run every check"
	@echo "make lab    open the chapters in JupyterLab"
	@echo "make bench  time the article's listing against the course (about 10 minutes)"
	@echo "make clean  remove .venv and everything built"

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "This course needs Python 3.11 or later; set one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python $(UV_FLAGS) -c constraints.txt -e '.[dev]'
	@touch $@
