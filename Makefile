# `make TASK` is short for `python3 -m course TASK`, where every task is defined (course/tasks.py).
# Two matter: `make book` makes the course readable, `make test` proves it.
PYTHON ?= python3
# TORCH=cpu takes PyTorch from its own CPU index, without the CUDA packages.
TORCH ?=
COURSE := $(PYTHON) -m course $(if $(TORCH),--torch $(TORCH))
TASKS := $(shell $(PYTHON) -m course --names)

VARIANT ?= 0
SEED ?= 0
FORMAT ?= exam
# Which notebooks `make test` runs a second time; `make prove` says --all.
export REPEAT ?=

.NOTPARALLEL:
.PHONY: help $(TASKS)

help:
	@$(COURSE)

$(TASKS):
	@$(COURSE) $@ $(WORDS)

release: WORDS = --variant $(VARIANT)
grade: WORDS = "$(or $(CLASS),$(NO_CLASS))" --exercises "$(or $(EXERCISES),$(NO_CLASS))" \
  --variant $(VARIANT)
questions: WORDS = --chapter "$(or $(CHAPTER),$(NO_CHAPTER))" --seed $(SEED) --format $(FORMAT)
kit: WORDS = $(if $(TRY),--try)

NO_CLASS = $(error Name both, as in: make grade CLASS=submissions/ EXERCISES=01_cnn VARIANT=0)
NO_CHAPTER = $(error Name the chapter, as in: make questions CHAPTER=03 SEED=7 FORMAT=moodle)
