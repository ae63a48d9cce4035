# SGC. `make` alone lists what there is.
PYTHON ?= python3
BIN := .venv/bin
# In words that any Python 3 understands.
CHECK_PYTHON = $(PYTHON) -c "import sys; v = sys.version.split()[0]; \
	sys.exit(None if sys.version_info >= (3, 11) else 'hace falta / needed: Python 3.11+; $(PYTHON): ' + v)"
# Passed on as they are: make demo DEMO="--meters 200", make test TESTS="tests/edge -k outbox"
DEMO ?=
TESTS ?=
SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test check format fuzz mutants lock clean

help: ## Esta ayuda / this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 14

setup: ## Entorno y orden .venv/bin/sgc / the environment and the command
	@$(CHECK_PYTHON)
	@$(PYTHON) -m tools.bootstrap runtime

setup-dev: ## Lo mismo, con las herramientas de desarrollo / the same with the developer's tools
	@$(CHECK_PYTHON)
	@$(PYTHON) -m tools.bootstrap dev

demo: setup ## Un pueblo simulado, de la antena a la factura / a simulated town from the air to its bills
	@trap : INT; $(BIN)/sgc demo $(DEMO) || [ $$? -eq 130 ] # Ctrl-C is how it is meant to end

test: setup-dev ## Todo: make check y todas las pruebas / everything: make check and all tests
	@$(PYTHON) -m tools.services
	@$(BIN)/python -m tools.check
	@$(BIN)/pytest -n 2 --dist loadgroup $(TESTS)

check: setup-dev ## Estilo, tipos y plano de la casa / lint, types and floor plan
	@$(BIN)/python -m tools.check

format: setup-dev ## Da formato al código / formats the code
	@$(BIN)/ruff check --fix --select I --quiet . ; $(BIN)/ruff format --quiet .

fuzz: setup-dev ## Busca entradas que rompan los analizadores, SECONDS=60 / looks for inputs that break a parser
	@$(BIN)/python -m tools.fuzz --seconds $(SECONDS)

mutants: setup-dev ## Cambios en billing que ninguna prueba nota / changes of billing that no test notices
	@$(BIN)/python -m tools.mutants

lock: setup-dev ## Rehace los ficheros .lock / writes the lock files again
	@tools/lock

clean: ## Borra lo construido, no los datos / removes what was built, not the data
	@rm -rf .venv build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name '*.so' -not -path './.git/*' -delete
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
