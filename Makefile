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
SHOWN ?= all
# What `make test` takes in turn, notebooks and cases; `make prove` says --all.
export REPEAT ?=

.NOTPARALLEL:
.PHONY: help $(TASKS)

help:
	@$(COURSE)

$(TASKS):
	@$(COURSE) $@ $(WORDS)

# For `grade`, empty or: how many at a time, a Dask scheduler, the one student, anything to grade
# all again.
JOBS ?=
SCHEDULER ?=
ONLY ?=
ALL ?=

release: WORDS = --variant "$(VARIANT)"
grade: WORDS = "$(or $(CLASS),$(NO_CLASS))" --exercises "$(or $(EXERCISES),$(NO_CLASS))" \
  --variant "$(VARIANT)" $(if $(JOBS),--jobs $(JOBS)) \
  $(if $(SCHEDULER),--scheduler "$(SCHEDULER)") $(if $(ONLY),--only "$(ONLY)") $(if $(ALL),--all)
worker: WORDS = "$(or $(SCHEDULER),$(NO_SCHEDULER))" --nthreads $(or $(JOBS),2)
handback: WORDS = --to "$(or $(TO),$(NO_TO))" $(if $(ROSTER),--roster "$(ROSTER)") \
  $(if $(COLUMN),--column "$(COLUMN)") $(if $(LATE),--late "$(LATE)")
similar: WORDS = "$(or $(CLASS),$(NO_CLASS))" --exercises "$(or $(EXERCISES),$(NO_CLASS))"
questions: WORDS = --chapter "$(or $(CHAPTER),$(NO_CHAPTER))" --seed $(SEED) --format $(FORMAT) \
  --shown $(SHOWN)
slides: WORDS = "$(or $(CHAPTER),$(NO_CHAPTER))" --pdf
figures: WORDS = "$(or $(CHAPTER),$(NO_CHAPTER))"
kit: WORDS = $(if $(TRY),--try)

NO_CLASS = $(error Name both, as in: make grade CLASS=submissions/ EXERCISES=01_cnn VARIANT=0)
NO_CHAPTER = $(error Name the chapter, as in: make $@ CHAPTER=03)
NO_SCHEDULER = $(error Name the scheduler, as in: make worker SCHEDULER=tcp://192.168.1.10:8786)
NO_TO = $(error Name the system, as in: make handback TO=canvas ROSTER=FILE COLUMN=NAME)
