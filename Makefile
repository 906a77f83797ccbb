# SPDX-License-Identifier: GPL-2.0
#
# Everything that can be made here; `make help` lists it. The module is built
# by kbuild (see Kbuild) in build/RELEASE/, a tree of links to the sources, so that
# modules for several kernels can exist side by side.

TOOLS	:= selftests/lab
RELEASE	?= $(shell uname -r)
JOBS	?= 2
PREFIX	?= /usr/local

# The kernel to build for: KDIR=..., else the running one, else the lab's.
ifndef KDIR
KDIR	:= $(wildcard /lib/modules/$(RELEASE)/build)
endif

.PHONY: all
all: module command

.PHONY: packages packages-qemu
packages packages-qemu:
	@$(TOOLS)/packages-install $@

.PHONY: module
module: $(if $(KDIR),,lab-kdir)
	@$(TOOLS)/build-module $(if $(KDIR),"$(KDIR)",cloud)

.PHONY: command
command:
	@$(MAKE) --no-print-directory -C userspace

.PHONY: lab-kdir
lab-kdir:
	@echo "no headers of the running kernel $(RELEASE): building for the lab's kernel (or give KDIR=...)"

# ---- running

.PHONY: run
run: packages command
	@$(TOOLS)/demo

.PHONY: lab
lab: packages
	@$(TOOLS)/build-module cloud
	@$(TOOLS)/lab -i --module build/cloud/ospite.ko -- sh

.PHONY: lab-kernel
lab-kernel: packages
	@JOBS=$(JOBS) $(TOOLS)/kernels small debug

# ---- testing

.PHONY: check check-long check-debug check-qemu lint bench
check: packages packages-qemu
	@JOBS=$(JOBS) selftests/run check

check-long: packages packages-qemu
	@JOBS=$(JOBS) selftests/run check long

check-debug: packages
	@JOBS=$(JOBS) selftests/run debug debug-memory debug-host-memory debug-smp debug-soak \
		debug-kvm-tests debug-kvm-dirty

check-qemu: packages packages-qemu
	@JOBS=$(JOBS) selftests/run qemu

lint: packages
	@selftests/lint

bench: packages command
	@$(TOOLS)/build-module cloud
	@bench/run

# ---- installing

.PHONY: install uninstall
install: command
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" RELEASE="$(RELEASE)" $(TOOLS)/install install

uninstall:
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" $(TOOLS)/install uninstall

# ----

.PHONY: clean
clean:
	rm -rf build ospite.ko
	@$(MAKE) --no-print-directory -C userspace clean
	@$(MAKE) --no-print-directory -C bench clean
	@$(MAKE) --no-print-directory -C selftests/unit clean
	@$(MAKE) --no-print-directory -C selftests/launcher clean

.PHONY: help
help:
	@sed -n 's/^#: \{0,1\}//p' Makefile

#: make               build the module and the ospite command
#:                    (KDIR=DIR builds the module for that kernel)
#: make run           boot a Linux guest on Ospite in an emulated machine
#: make lab           a shell in the emulated machine, ospite.ko at hand
#: make check         all tests that fit in 40 minutes
#: make check-long    and those that don't
#: make check-debug    the tests under a kernel with KASAN, lockdep, kmemleak
#: make check-qemu    of these, that Debian's QEMU boots a guest on Ospite
#: make lint          sparse, W=1, checkpatch
#: make bench         compare the speed of Ospite and KVM
#: make lab-kernel    build the lab's small and debug kernels
#: make packages      install the Debian packages that all this needs, but for QEMU
#: make install       the module (DKMS), the command, man page, udev rule
#:                    (RELEASE=... for another kernel than the running one)
#: make uninstall     and away with them
#: make clean         remove what was built here; the lab's cache in
#:                    ~/.cache/ospite (OSPITE_CACHE) stays
