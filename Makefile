# Two commands do everything: `make run` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
WORKERS ?= 2
TWIN_PORT ?= 8765
# One more than cores here: tests wait for files, timers and each other.
TEST_PROCESSES ?= 3
SHELL := /bin/bash
# Every program finds our modules compiled, also where the environment says not to keep that; tests start hundreds.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run install install-dev chromium test test-browser test-others check bench twin clean help

help:
	@echo "make run      install what is needed and open the dashboard on http://127.0.0.1:$(PORT)"
	@echo "make test     install what is needed and run every check and test"
	@echo "make install  only install"
	@echo "make check    format, lint and types"
	@echo "make bench    measure; writes benchmarks/results/"
	@echo "make twin     RunPod on this machine: WORKERS=2 workers on port TWIN_PORT=8765"

run: install
	@$(BIN)/python -c "import socket, sys; s = socket.socket(); \
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('127.0.0.1', $(PORT)))" 2>/dev/null \
	|| { echo "PORT is in use: something listens on $(PORT); write make run PORT=$$(($(PORT) + 1))"; exit 2; }
	$(BIN)/streamlit run app.py --server.address 127.0.0.1 --server.port $(PORT)

install: $(VENV)/.installed

install-dev: $(VENV)/.installed-dev

# pip runs to its end or leaves no stamp, so a broken installation is mended by the next call.
$(VENV)/.installed: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "PYTHON must be Python 3.11, $(PYTHON) was not found; write make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# The browser tests drive the system's Chromium: the build without windows, which takes half the processor time.
chromium:
	@command -v chromium-headless-shell >/dev/null || { \
	  sudo=$$(command -v sudo || true); \
	  $$sudo apt-get update --quiet=2 && $$sudo apt-get install --quiet=2 --yes chromium-headless-shell >/dev/null; }

# The browser tests wait a good deal, so they run beside the others; what they say is kept until they are over. A test that
# fails is tried once more, and the report says so: a busy machine can be slower for a moment than any wait allows. The two
# parts name nothing that they need: make 4.3 may then begin the second one only when the first is over.
test:
	@$(MAKE) --no-print-directory --jobs=2 install-dev chromium
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory --jobs=2 --keep-going test-browser test-others

test-browser:
	@mkdir -p test-artifacts
	@status=0; $(BIN)/python -m pytest tests/browser --reruns 1 -o cache_dir=.pytest_cache/browser >test-artifacts/browser.log 2>&1 || status=$$?; \
	cat test-artifacts/browser.log; exit $$status

# Files in their order: by the number of their tests, those that train would come last, one process left alone with each.
test-others:
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder --ignore=tests/browser --reruns 1

check: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: install-dev
	$(BIN)/python -m benchmarks

twin: install
	$(BIN)/python -m runpod_service.twin --workers $(WORKERS) --port $(TWIN_PORT)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache test-artifacts
