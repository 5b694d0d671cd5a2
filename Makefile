# make demo    install vfxage, make the demo plate, render it
# make test    install vfxage, then run every check: lint, format, types, tests
#
# PYTHON=/path/to/python chooses the interpreter (3.11 or 3.12), VENV=folder the place of the environment, and
# MODEL=bands the model of `make bench` (default: builtin).

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PLATE := shots/demo/plate
OUT := shots/demo/out

.PHONY: help demo test bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    install, make the demo plate, render shots/demo/shot.yaml"
	@echo "make test    install, then check lint, format, types and tests"
	@echo "make bench   time the render, stage by stage"
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

clean:
	rm -rf $(PLATE) $(OUT) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
