# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# As root on a bare Debian 12 every target installs what it needs. Nothing outside this folder is changed but Debian
# packages that are added, and caches in the home folder.

.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
CHECK := $(PYTHON) scripts/check.py
SCENARIO ?= molecule

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: venv
venv: ## Make .venv with every tool; quick when it is there
	@scripts/venv.sh

.PHONY: packages
packages: venv
	@scripts/packages.sh git iproute2 ipset iptables nftables openssh-client serf shellcheck util-linux

.PHONY: test
test: packages ## Run every check: lint, units, tarball, Molecule; one summary at the end
	@$(CHECK)

.PHONY: lint
lint: packages ## Run the linters
	@$(CHECK) lint

.PHONY: unit
unit: packages ## Run the unit tests, with and without network namespaces
	@$(CHECK) unit

.PHONY: artifact
artifact: packages ## Build the collection, install it alone and run it from there
	@$(CHECK) artifact

.PHONY: molecule
molecule: packages ## Run the Molecule scenarios, or one: make molecule SCENARIO=seed
	@$(CHECK) "$(SCENARIO)"

.PHONY: demo
demo: packages ## Build the lab, configure it, and show who reaches what
	@scripts/demo.sh up

.PHONY: demo-down
demo-down: venv ## Remove the lab
	@scripts/demo.sh down

.PHONY: bench
bench: packages ## Measure plan, firewall and packets, an hour; a part: make bench WHAT=fleets (or firewalls, packets)
	@PYTHONPATH=.venv/collections $(PYTHON) benchmarks/run.py $(WHAT) $(WRITE)

.PHONY: build
build: venv ## Build the collection's tarball in dist/
	@.venv/bin/ansible-galaxy collection build --output-path dist --force

.PHONY: format
format: venv ## Format the Python files
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

.PHONY: changelog
changelog: venv ## Write the changelog anew from its fragments and the plugins
	@PATH=$$PWD/.venv/bin:$$PATH ANSIBLE_COLLECTIONS_PATH=.venv/collections \
		antsibull-changelog release --refresh --reload-plugins --update-existing

.PHONY: clean
clean: ## Remove what builds and tests left behind; the lab and the home folder's caches stay
	@rm -rf .venv .cache dist .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
