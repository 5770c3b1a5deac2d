# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# As root on Debian 12, every target installs its requirements. The only changes outside this folder are additional Debian
# packages, and caches in the home folder.

.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
CHECK := $(PYTHON) scripts/check.py
SCENARIO ?= molecule

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: venv
venv: ## Create .venv with every tool; quick if it exists
	@scripts/venv.sh

.PHONY: packages
packages: venv
	@scripts/progress.sh "packages: installing" scripts/packages.sh git iproute2 ipset iptables nftables openssh-client serf shellcheck util-linux

.PHONY: test
test: packages ## Run every check: lint, units, playbook runs, tarball, Molecule; with a summary at the end
	@$(CHECK)

.PHONY: quick
quick: venv ## Run ruff, mypy and the unit tests, except the longest: no root, no Debian packages
	@PYTEST_ADDOPTS="-m 'not long'" $(CHECK) ruff "ruff format" mypy "unit tests"

.PHONY: matrix
matrix: venv ## Run the tests of plugins and roles, and the playbook plan, with each supported ansible-core; a single one: make matrix CORES=2.17
	@$(PYTHON) scripts/matrix.py $(CORES)

.PHONY: lint
lint: packages ## Run the linters
	@$(CHECK) lint

.PHONY: unit
unit: packages ## Run the unit tests, the playbook runs, and the tests with network namespaces
	@$(CHECK) unit netns

.PHONY: artifact
artifact: packages ## Build the collection, install only the tarball and run it
	@$(CHECK) artifact

.PHONY: molecule
molecule: packages ## Run the Molecule scenarios, or a single one: make molecule SCENARIO=seed
	@$(CHECK) "$(SCENARIO)"

.PHONY: demo
demo: packages ## Build the lab, configure it, and show the result of every connection
	@scripts/demo.sh up

.PHONY: demo-down
demo-down: venv ## Remove the lab
	@scripts/demo.sh down

.PHONY: bench
bench: packages ## Measure plan, firewall, packets and playbooks, in more than an hour; a single part: make bench WHAT=fleets (or firewalls, packets, site)
	@PYTHONPATH=.venv/collections $(PYTHON) benchmarks/run.py $(WHAT) $(WRITE)

.PHONY: build
build: venv ## Build the collection's tarball in dist/
	@.venv/bin/ansible-galaxy collection build --output-path dist --force

.PHONY: format
format: venv ## Format the Python files
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

.PHONY: changelog
changelog: venv ## Write the changelog again from its fragments and the plugins
	@PATH=$$PWD/.venv/bin:$$PATH ANSIBLE_COLLECTIONS_PATH=.venv/collections \
		antsibull-changelog release --refresh --reload-plugins --update-existing

.PHONY: clean
clean: ## Remove the files of builds and tests; keep the lab and the caches in the home folder
	@rm -rf .venv .cache dist .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
