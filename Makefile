# Go42. `make help` says what there is.

GO42 := bin/go42
# Flags for `go42 run`, as in: make run RUN="-smp 2 -m 2G"
RUN ?=
# Flags for `go test`, as in: make guest T="-run TestPty -v"
T ?=
# Flags for `go42 bench`, as in: make bench BENCH="-wall 0"
BENCH ?=
TIMEOUT ?= 3h

export CGO_ENABLED ?= 0

.DEFAULT_GOAL := build
.PHONY: help run build initramfs linux gdb test test-host guest test-smp test-all stdlib bench fmt vet tools test-tools clean distclean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: build tools ## boot to a shell; Ctrl-A X or poweroff ends it
	@$(GO42) run $(RUN)

build: $(GO42) ## the host tool (images are made when first needed)

.PHONY: $(GO42)
$(GO42):
	@command -v go >/dev/null || { echo "Missing: go. Install it from https://go.dev/dl/ (go.mod says which release)." >&2; exit 1; }
	@go build -trimpath -o $@ ./qemu/cmd/go42

initramfs: build ## kernel image and initramfs, without booting
	@$(GO42) image

linux: build tools ## the same initramfs on Debian's cloud kernel
	@$(GO42) run -linux $(RUN)

gdb: build tools ## boot and wait for gdb; prints the command to attach
	@$(GO42) run -gdb $(RUN)

test: test-tools vet initramfs ## all tests, on the host and in guests
	go test -timeout $(TIMEOUT) $(T) ./...

test-smp: test-tools initramfs ## most guests again, with 2 and with 4 CPUs
	go test -timeout $(TIMEOUT) -count=1 $(T) ./tests -smp 2
	go test -timeout $(TIMEOUT) -count=1 $(T) ./tests -smp 4

test-host: ## only the tests that need no QEMU
	go test $(T) $$(go list ./... | grep -v '^go42/tests$$')

guest: test-tools initramfs ## only the tests in guests
	go test -timeout $(TIMEOUT) -count=1 $(T) ./tests

test-all: test-tools vet initramfs ## also the tests listed as pending
	go test -timeout $(TIMEOUT) -count=1 -tags pending $(T) ./...

stdlib: test-tools initramfs ## Go's standard library tests on Go42 and Linux; writes docs/stdlib-tests.md
	s=0; for n in 1 4; do \
	  go test -timeout 10h -count=1 -run '^TestStdlib' -v $(T) ./tests -smp $$n -stdlib.full -stdlib.linux -stdlib.report ../docs/stdlib-tests.md || s=1; \
	done; exit $$s

bench: build test-tools initramfs ## operations side by side with Linux; writes docs/bench and docs/performance.md
	$(GO42) bench -wall 3 -o docs/bench -doc docs/performance.md $(BENCH)

fmt: ## gofmt
	gofmt -l -w $$(git ls-files '*.go')

# A kernel makes pointers of addresses and enters without frames; its tables are
# written without field names.
vet: ## go vet and gofmt
	go vet -composites=false -unsafeptr=false -framepointer=false ./...
	@test -z "$$(gofmt -l $$(git ls-files '*.go') | tee /dev/stderr)"

# QEMU is needed to run anything, busybox by the tests. A C compiler, if there,
# adds tests.
define need
	@for p in $(1); do f=$${p%%:*}; d=$${p#*:}; \
	  if ! command -v $$f >/dev/null; then \
	    if [ "$$(id -u)" = 0 ]; then s=; elif sudo -n true 2>/dev/null; then s=sudo; \
	    else echo "Missing: $$f. Install Debian's package $$d (apt-get install $$d)." >&2; exit 1; fi; \
	    echo "installing $$d"; \
	    { $$s apt-get -qq update && DEBIAN_FRONTEND=noninteractive $$s apt-get -qq -y --no-install-recommends install $$d >/dev/null; } || exit 1; \
	  fi; done
endef

tools:
	$(call need,qemu-system-x86_64:qemu-system-x86)

test-tools: tools
	$(call need,busybox:busybox-static)

clean: ## what was built, but not what took long to make or fetch
	rm -rf bin build/*.elf build/*.cpio.lock build/initramfs.cpio build/go42srv build/guest

distclean: ## everything that was built or fetched
	rm -rf bin build
