# Pilotlight. `make run` boots the demo, `make test` runs every test; `make help` lists the rest.

# Where Debian keeps what makes filesystems, and rustup what builds: a bare environment knows neither.
export PATH := $(PATH):/usr/sbin:/sbin:$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

BOARD ?= qemu-ovmf
# Any format that QEMU knows. Nothing is written to it, unless WRITE=1 says that it may be.
DISK ?=
WRITE ?=
# How long each parser is fuzzed.
SECONDS ?= 60
# Inputs that each property is tested with by `make properties`, where the test does not say how many.
CASES ?= 4000
# The same tree is tested with the same random inputs, so that what fails fails for what was changed.
export PROPTEST_RNG_SEED ?= 1
TARGET := $(or $(shell boards/setting $(BOARD) '' target),x86_64-unknown-linux-musl)

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/pilotlight
OUT := target/boards/$(BOARD)
BINARY := target/pilotlight
SIGN_TOOL := target/release/pilotlight-sign
# Where the signing tool and its hooks are installed.
PREFIX ?= /usr/local
DESTDIR ?=
KERNEL := $(OUT)/bzImage
FLASH := $(OUT)/flash.fd
# Those of its firmware, by which it starts the kernel first.
VARIABLES := $(OUT)/variables.fd
ESP := $(OUT)/esp.img
# The image of coreboot that the kernel is put into; the board's own, where none is named.
COREBOOT ?= $(shell boards/setting $(BOARD) --file coreboot image)
# The installed system and its disks depend on the scripts that make them, and on nothing else here.
# They lie in the cache, where all clones find them.
hash = $(shell cat $(1) | sha256sum | cut -c 1-16)
SYSTEM := $(CACHE)/system/$(call hash,qemu/make-system qemu/install-entries)
DISKS := $(CACHE)/disks/$(call hash,qemu/make-system qemu/install-entries qemu/make-disk qemu/write-gpt \
	tests/images/storage/demo-boot-64.xz)
NEWER_KERNEL := $(CACHE)/newer-kernel/$(call hash,qemu/fetch-kernel)/vmlinuz
# coreboot for QEMU, without a payload.
QEMU_COREBOOT := $(CACHE)/coreboot/$(call hash,qemu/make-coreboot $(wildcard qemu/coreboot/*))/coreboot.rom
LIVE := $(CACHE)/live/$(call hash,qemu/make-live)/live.iso
# A board whose kernel trusts one key alone, which the tests sign with.
LOCKED := $(abspath target/boards/locked)
# The kernels of the boards that tests put where they belong by themselves.
UEFI_KERNEL := target/boards/generic-uefi/bzImage
COREBOOT_KERNEL := target/boards/coreboot-x86_64/bzImage
LAYOUTS := esp xbootldr root sector4096 backup-gpt inline cd uki grub grub-boot grub-mbr grub-lvm extlinux

# The largest that may go into a flash part, in bytes.
# 180 KB of the binary evaluate GRUB scripts, 75 KB read unified kernel images, 60 KB put arrays and groups
# together, 50 KB read menus of SYSLINUX, 40 KB follow and tell the Boot Loader Interface and count boots, 35 KB
# guess, 310 KB prove what is booted, 80 KB are the menu, 12 KB count starts in TPMs and in memory, and 4 KB
# measure shells.
MAX_BINARY := 1940000
MAX_BINARY_XZ := 820000
MAX_KERNEL := 2800000
# Without what checks signatures the compressed binary was 124 KB smaller, 98 KB of which the names of symbols tell:
# this is what they would tell of 140 KB.
MAX_TRUST_XZ := 111000

SCRIPTS := .ci/run boards/build-coreboot boards/build-esp boards/build-flash boards/build-kernel \
	boards/configure-kernel boards/lay-out boards/make-linux boards/options hooks/95-pilotlight-sign.install \
	hooks/initramfs-post-update hooks/initramfs-report \
	hooks/kernel-postinst hooks/kernel-postrm hooks/pilotlight-sign-boot initramfs/build-binary \
	qemu/fetch-kernel qemu/install-entries qemu/lock-board qemu/make-coreboot qemu/make-disk qemu/make-live \
	qemu/make-system qemu/run qemu/setup \
	tests/images/grub/real/guest tests/images/grub/real/make tests/images/make-fixtures \
	tests/images/storage/guest-arrays tests/images/storage/guest-groups tests/images/storage/make \
	tests/qemu/kill-loaders tests/reproducible

# What QEMU starts from: the firmware image of a board that has one, or its partition, otherwise its kernel.
flash-image := $(FLASH)
esp-image := $(ESP)
kernel-image := $(KERNEL)
qemu-coreboot-image := $(OUT)/qemu-coreboot.rom
STARTS := $(firstword $(foreach table,flash esp,$(shell boards/setting $(BOARD) --has $(table) && echo $(table))) kernel)
# The kernel for coreboot is run by coreboot.
RUNS := $(if $(shell boards/setting $(BOARD) --has coreboot && echo yes),qemu-coreboot,$(STARTS))

# Steps share the machine's cores by themselves; their order is the one that is written here.
.NOTPARALLEL:

.PHONY: help
help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

.PHONY: run
run: $(RUNS) $(if $(DISK),,demo) ## boot the demo disk, or DISK=file [WRITE=1], in QEMU on this terminal
	@WRITE=$(WRITE) qemu/run $($(RUNS)-image) $(or $(DISK),$(DISKS)/esp.raw)

.PHONY: setup
setup: ## install what building needs (as root)
	@qemu/setup build

.PHONY: setup-test
setup-test:
	@qemu/setup test

.PHONY: binary
binary: setup ## build the static binary for the flash
	@initramfs/build-binary $(TARGET) $(BINARY)

.PHONY: kernel
kernel: binary ## build the flash kernel of BOARD with the binary inside
	@boards/build-kernel $(BOARD) $(BINARY) $(KERNEL)

.PHONY: check-board
check-board: setup ## check what BOARD says, without building its kernel, and show what goes inside
	@cargo build --quiet --locked
	@target/debug/pilotlight check-policy $$(boards/setting $(BOARD) --policy)
	@for file in $$(boards/setting $(BOARD) --files); do \
		test -e $$file || { echo "check-board: there is no $$file, which $(BOARD) names" >&2; exit 1; }; \
	done
	@boards/configure-kernel $(BOARD)
	@boards/lay-out $(BOARD) target/debug/pilotlight $(OUT)/initramfs
	@cat $(OUT)/initramfs/list

.PHONY: check-boards
check-boards:
	@for board in boards/*/board.toml; do \
		$(MAKE) --no-print-directory check-board BOARD=$$(basename $$(dirname $$board)) >/dev/null || exit; \
	done

.PHONY: flash
flash: kernel ## build the firmware image of BOARD (qemu-ovmf) with the kernel inside
	@boards/build-flash $(BOARD) $(KERNEL) $(FLASH) $(VARIABLES)

.PHONY: esp
esp: kernel ## build the partition that UEFI starts BOARD (generic-uefi) from
	@boards/build-esp $(BOARD) $(KERNEL) $(OUT)/BOOTX64.EFI $(ESP)

.PHONY: coreboot
coreboot: kernel ## put the kernel of BOARD (coreboot-x86_64) into an image of coreboot, COREBOOT=file
	@boards/build-coreboot $(BOARD) $(KERNEL) $(COREBOOT) $(OUT)/coreboot.rom

.PHONY: setup-coreboot
setup-coreboot:
	@qemu/setup coreboot

.PHONY: qemu-coreboot
qemu-coreboot: setup-coreboot kernel $(QEMU_COREBOOT)
	@boards/build-coreboot $(BOARD) $(KERNEL) $(QEMU_COREBOOT) $(qemu-coreboot-image)

.PHONY: demo
demo: setup $(DISKS)/esp.raw ## install the demo system and make its disk

.PHONY: disks
disks: setup $(LAYOUTS:%=$(DISKS)/%.raw)

$(SYSTEM)/.complete:
	@mkdir -p $(CACHE)/system $(CACHE)/disks
	@echo "installing the demo system, which takes some minutes the first time"
	@flock $(CACHE)/system/lock sh -c 'test -e $@ || { qemu/make-system $(SYSTEM) && touch $@; }'

$(DISKS)/%.raw: $(SYSTEM)/.complete
	@mkdir -p $(DISKS)
	@flock $(DISKS)/lock sh -c \
		'test -e $@ || { qemu/make-disk $(SYSTEM) $* $@.part && mv $@.part $@; }'

$(NEWER_KERNEL):
	@mkdir -p $(dir $@)
	@flock $(dir $@)lock sh -c 'test -e $@ || qemu/fetch-kernel $@'

$(QEMU_COREBOOT):
	@mkdir -p $(dir $@)
	@echo "building coreboot for QEMU"
	@flock $(dir $@)lock sh -c 'test -e $@ || qemu/make-coreboot $@'

$(LIVE):
	@mkdir -p $(dir $@)
	@flock $(dir $@)lock sh -c 'test -e $@ || qemu/make-live $@'

.PHONY: test
test: setup-test lint check-boards unit reproducible size qemu-test ## run every test

.PHONY: lint
lint: setup-test ## check format, lints, shell scripts and, with cargo-deny, dependencies
	cargo fmt --check
	shellcheck $(SCRIPTS)
	cargo clippy --locked --all-targets --all-features -- -D warnings
	@if ! cargo deny --version >/dev/null 2>&1; then \
		echo "lint: cargo-deny is not installed: dependencies are checked by 'cargo test' alone"; \
		exit 0; \
	fi; \
	cargo deny --locked check licenses bans sources || exit; \
	if timeout 120 cargo deny --locked fetch db; then \
		cargo deny --locked --offline check advisories; \
	else \
		echo "lint: the database of advisories can't be fetched: not checked"; \
	fi

.PHONY: unit
unit: setup-test ## run the tests that need no flash kernel
	cargo test --locked

.PHONY: properties
properties: setup-test ## test the properties with other random inputs each time, CASES of them
	PROPTEST_RNG_SEED=$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ') PROPTEST_CASES=$(CASES) cargo test --locked

.PHONY: reproducible
reproducible: binary ## build the binary in another directory: it must be the same
	@tests/reproducible $(TARGET) $(BINARY)

.PHONY: locked-kernel
locked-kernel: setup-test binary
	@qemu/lock-board $(BOARD) $(LOCKED)
	@boards/build-kernel $(LOCKED) $(BINARY) $(LOCKED)/bzImage

.PHONY: other-kernels
other-kernels: binary
	@boards/build-kernel generic-uefi $(BINARY) $(UEFI_KERNEL)
	@boards/build-kernel coreboot-x86_64 $(BINARY) $(COREBOOT_KERNEL)

.PHONY: qemu-test
qemu-test: setup-test flash locked-kernel other-kernels disks $(NEWER_KERNEL) $(LIVE) $(QEMU_COREBOOT) ## boot the demo system in every way that is tested
	PILOTLIGHT_KERNEL=$(abspath $(KERNEL)) PILOTLIGHT_FLASH=$(abspath $(FLASH)) PILOTLIGHT_LOCKED=$(LOCKED) \
	PILOTLIGHT_UEFI_KERNEL=$(abspath $(UEFI_KERNEL)) PILOTLIGHT_COREBOOT_KERNEL=$(abspath $(COREBOOT_KERNEL)) \
	PILOTLIGHT_DISKS=$(DISKS) PILOTLIGHT_NEWER_KERNEL=$(NEWER_KERNEL) PILOTLIGHT_LIVE=$(LIVE) \
	PILOTLIGHT_COREBOOT=$(QEMU_COREBOOT) \
		cargo test --locked --features qemu --test qemu -- --test-threads 3

# The image of coreboot that shows what is left there: the one that is named, the board's if it is there, or the one that
# QEMU runs if it was built already.
IN_COREBOOT := $(if $(filter qemu-coreboot,$(RUNS)),$(firstword \
	$(if $(filter file,$(origin COREBOOT)),$(if $(wildcard $(COREBOOT)),coreboot),coreboot) \
	$(if $(wildcard $(QEMU_COREBOOT)),qemu-coreboot)))
coreboot-image := $(OUT)/coreboot.rom

.PHONY: size
size: $(STARTS) $(IN_COREBOOT) ## show what takes how much of the flash, and check the limits
	@initramfs/build-binary $(TARGET) $(BINARY) $(BINARY).symbols
	@initramfs/size $(BINARY) $(BINARY).symbols $(KERNEL) $(MAX_BINARY) $(MAX_BINARY_XZ) $(MAX_TRUST_XZ) \
		$(if $(filter flash,$(STARTS)),$(MAX_KERNEL))
	@boards/flash-use $(BINARY) $(KERNEL) $(if $(filter flash,$(STARTS)),--flash $(FLASH)) \
		$(if $(IN_COREBOOT),--coreboot $($(IN_COREBOOT)-image) $$(boards/setting $(BOARD) coreboot file)) \
		$(filter-out $(KERNEL),$(wildcard target/boards/*/bzImage))

.PHONY: option-costs
option-costs: kernel ## measure what each option of BOARD's kernel costs
	@boards/option-costs $(BOARD)

.PHONY: grub-files
grub-files: setup ## let GRUB configure systems of many kinds anew, for the tests
	@tests/images/grub/real/make

.PHONY: bench
bench: setup-test kernel ## measure boots, their growth, and reading and hashing against the kernel and sha256sum
	PILOTLIGHT_KERNEL=$(abspath $(KERNEL)) cargo bench --locked

.PHONY: bench-boot
bench-boot: setup flash $(DISKS)/grub.raw $(DISKS)/esp.raw ## measure boots by OVMF with GRUB, systemd-boot and Pilotlight, by stage
	@qemu/bench-boot $(FLASH) $(DISKS)

.PHONY: sign-tool
sign-tool: $(SIGN_TOOL) ## build pilotlight-sign, which makes signatures

.PHONY: target/release/pilotlight-sign
target/release/pilotlight-sign:
	cargo build --locked --release --bin pilotlight-sign

.PHONY: install-sign
install-sign: ## install pilotlight-sign and the hooks that sign after updates (as root)
	install -D -m 755 $(SIGN_TOOL) $(DESTDIR)$(PREFIX)/bin/pilotlight-sign
	install -D -m 755 hooks/pilotlight-sign-boot $(DESTDIR)$(PREFIX)/sbin/pilotlight-sign-boot
	test -e $(DESTDIR)/etc/pilotlight/sign.conf || \
		install -D -m 644 hooks/sign.conf $(DESTDIR)/etc/pilotlight/sign.conf
	install -D -m 755 hooks/95-pilotlight-sign.install $(DESTDIR)/etc/kernel/install.d/95-pilotlight-sign.install
	install -D -m 755 hooks/kernel-postinst $(DESTDIR)/etc/kernel/postinst.d/zzz-pilotlight-sign
	install -D -m 755 hooks/kernel-postrm $(DESTDIR)/etc/kernel/postrm.d/zzz-pilotlight-sign
	install -D -m 755 hooks/initramfs-post-update $(DESTDIR)/etc/initramfs/post-update.d/zzz-pilotlight-sign

.PHONY: install-confirm
install-confirm: ## install what confirms starts to the boot loader: the command and its unit of systemd (as root)
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/pilotlight
	install -D -m 644 hooks/pilotlight-confirm.service $(DESTDIR)/etc/systemd/system/pilotlight-confirm.service

.PHONY: fuzz
fuzz: ## fuzz every parser for SECONDS each (needs cargo-fuzz and a nightly toolchain)
	@set -e; for target in $(notdir $(basename $(wildcard fuzz/fuzz_targets/*.rs))); do \
		cargo +nightly fuzz run $$target -- -max_total_time=$(SECONDS); \
	done

.PHONY: clean
clean: ## delete what was built, with the kernel and the disks in the cache
	rm -rf target $(CACHE)
