# make demo    install vfxage, make the demo plate, render it
# make test    install vfxage, then run every check: lint, format, types, tests
# make train-gpu   make the training pairs, then train medium and small on a GPU for 25 minutes
#
# PYTHON=/path/to/python chooses the interpreter (3.11 or 3.12), VENV=folder the place of the environment, and
# MODEL=bands the model of `make bench` (default: builtin). `make train-gpu` also takes:
#   PORTRAITS=folder      with a folder of portraits for each name in SETS (default: train civil clerk)
#   TRAIN_PYTHON=python3  an interpreter that has torch already, for a machine that can install nothing
#   TRAIN_FLAGS=...       options of `vfxage train`, such as --steps 4

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PLATE := shots/demo/plate
OUT := shots/demo/out

PORTRAITS ?= portraits
SETS ?= train civil clerk
PAIRS := $(SETS:%=train/pairs/%/index.csv)
TRAIN_PYTHON ?= $(BIN)/python
TRAIN_FLAGS ?=

.PHONY: help demo test bench train-gpu clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    install, make the demo plate, render shots/demo/shot.yaml"
	@echo "make test    install, then check lint, format, types and tests"
	@echo "make bench   time the render, stage by stage"
	@echo "make train-gpu   make training pairs of PORTRAITS=folder, then train medium and small on a GPU, 25 minutes"
	@echo "make clean   remove the demo's files and all caches; keep $(VENV)"

# The stamp is written last, so that an interrupted install continues. A broken environment is made again.
$(STAMP): pyproject.toml tools/setup.sh
	@VENV="$(VENV)" PYTHON="$(PYTHON)" sh tools/setup.sh
	@touch $@

demo: $(STAMP)
	$(BIN)/python -m tools.demo_plate
	$(BIN)/vfxage render shots/demo/shot.yaml
	@echo
	@echo "Plate:     $(PLATE)/demo.1001-1048.exr"
	@echo "Passes:    $(OUT)/demo.1001-1048.exr   R G B, delta.R/G/B and matte.A: open in Nuke, Natron, mrv2 or tev"
	@echo "Movie:     $(OUT)/demo.mov             ProRes 4444, matte as alpha: open in any player"
	@echo "Look:      $(BIN)/vfxage preview shots/demo/shot.yaml   makes an MP4, side by side, and a contact sheet"
	@echo "Change it: edit shots/demo/shot.yaml, or render with --set faces.lead.target_age=20"

test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

bench: $(STAMP)
	$(BIN)/python -m tools.demo_plate
	$(BIN)/python -m tools.bench $(if $(MODEL),--model $(MODEL))

# The packed pairs (under 60 MB) are kept in train/pairs: take this folder along to a machine without the portraits.
# `vfxage pairs` writes the index last, so that a set that was interrupted is made again.
train/pairs/%/index.csv: | $(if $(filter $(BIN)/%,$(TRAIN_PYTHON)),$(STAMP))
	rm -rf $(@D)
	$(TRAIN_PYTHON) -m vfxage pairs $(PORTRAITS)/$* $(@D) --ages 20,40,60,80 --young 0.4 --quality 70

# Both runs share the GPU and have the same 25 minutes. The same command continues a run that was stopped.
train-gpu: $(PAIRS)
	@mkdir -p train
	@$(TRAIN_PYTHON) -m vfxage train configs/train/small_gpu.yaml $(TRAIN_FLAGS) >train/small_gpu.log 2>&1 & small=$$!; \
	$(TRAIN_PYTHON) -m vfxage train configs/train/medium.yaml $(TRAIN_FLAGS); medium=$$?; \
	wait $$small; small=$$?; tail -n 1 train/small_gpu.log; [ $$medium -eq 0 ] && [ $$small -eq 0 ]

clean:
	rm -rf $(PLATE) $(OUT) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
