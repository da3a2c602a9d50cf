# make train   set up, then train a baseline and SamplePairing on bundled images and compare them
# make test    set up, then run the tests
# make check   set up, then lint, types and tests with coverage
# make docs    set up, then build the documentation site in build/docs/html
# make clean   remove the virtual environment
PY := .venv/bin/python
# A process a core, but not more memory than a large machine has to spare.
# Each takes one stretch of the tests, and then from another's end: what the tests of a file share
# is set up once.
TESTS := $(PY) -m pytest --numprocesses logical --maxprocesses 8 --dist worksteal
OUTPUT := logs/digits

.PHONY: train test check docs clean setup setup-test setup-docs

train: setup
	$(PY) train.py --data digits --augment userDef --output $(OUTPUT) --overwrite
	$(PY) train.py --data digits --augment samplePairing --output $(OUTPUT) --overwrite
	$(PY) -m paddle_aug compare $(OUTPUT) --output $(OUTPUT)
	@echo
	@echo "For commands of your own, make this environment the shell's (deactivate ends it):"
	@echo "    . .venv/bin/activate"

test: setup-test
	$(TESTS)

check: setup-test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pyright --pythonpath $(PY)
	$(TESTS) --cov

docs: setup-docs
	$(PY) docs/site/build.py

clean:
	rm -rf .venv

setup:
	@tools/setup.sh requirements.txt

setup-test:
	@tools/setup.sh requirements.txt requirements-test.txt

setup-docs:
	@tools/setup.sh requirements.txt requirements-docs.txt
