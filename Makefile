PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/pytest -n 2 --dist loadfile
MAKEFLAGS += --no-print-directory
unexport PYTHONDONTWRITEBYTECODE # packages are installed without byte code: their first import writes it

.PHONY: help run test test-long pictures lint format locks messages azure-zip space
.DEFAULT_GOAL := help

help: ## what there is
	@sed -n "s/^\([a-z-]*\):.*## /make \1 — /p" $(MAKEFILE_LIST)

run: ## set up what is missing and serve the site
	@exec $(PYTHON) scripts/bootstrap.py run

test: ## install what the tests need; lint, types, checks, every test with the browser
	@$(PYTHON) scripts/bootstrap.py test
	@$(MAKE) lint
	@$(BIN)/python manage.py check --fail-level WARNING
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(PYTEST) -m "not long" --ignore tests/browser
	@$(BIN)/pytest tests/browser -n 3 --dist loadfile -m "not long" # apart: its event loop would run on under the others

test-long: ## the long forms of the tests
	@$(PYTHON) scripts/bootstrap.py test
	@$(PYTEST) -m long

pictures: ## take the pictures of docs/pictures anew
	@PICTURES=docs/pictures $(BIN)/pytest tests/browser/test_pictures.py -m long

lint: ## formatting, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/djlint --lint --quiet templates
	@$(BIN)/mypy

format: ## put everything into its usual form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

COMPILE := CUSTOM_COMPILE_COMMAND="make locks" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes

locks: ## lock the newest versions that requirements.in and requirements/*.in allow
	@$(COMPILE) --upgrade requirements.in -o requirements.txt
	@$(COMPILE) --upgrade requirements/dev.in -o requirements/dev.txt
	@$(COMPILE) --upgrade requirements/local-model.in --override requirements/local-model.overrides -o requirements/local-model.txt
	@$(COMPILE) --upgrade requirements/speech.in -o requirements/speech.txt

messages: ## collect the texts to translate, compile the translations
	@$(BIN)/python scripts/messages.py

SHIPPED := manage.py gunicorn.conf.py requirements.txt chatsite accounts conversations templates locale

azure-zip: ## the archive for Azure App Service, of what is committed
	@mkdir -p dist
	@TZ=UTC git archive --format=zip -9 -o dist/new-$$$$.zip HEAD -- $(SHIPPED) && mv dist/new-$$$$.zip dist/chatsite-azure.zip
	@git diff --quiet HEAD -- $(SHIPPED) || echo "What is not committed yet is not in it."
	@echo "dist/chatsite-azure.zip holds $$(git rev-parse --short HEAD). Deploy it, with the names of yours:"
	@echo "az webapp deployment source config-zip --resource-group GROUP --name SITE --src dist/chatsite-azure.zip"

space: ## the folder to upload to a Hugging Face Space, of what is committed
	@rm -rf dist/space && mkdir -p dist/space
	@git archive HEAD -- $(SHIPPED) requirements/local-model.txt requirements/speech.txt Dockerfile .dockerignore | tar -x -C dist/space
	@git show HEAD:deploy/huggingface/README.md > dist/space/README.md
	@git diff --quiet HEAD -- $(SHIPPED) Dockerfile deploy/huggingface || echo "What is not committed yet is not in it."
	@echo "dist/space holds $$(git rev-parse --short HEAD). Upload it, with the names of yours:"
	@echo 'hf upload NAME/SPACE dist/space . --repo-type space --delete "*"'
