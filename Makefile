# SPDX-License-Identifier: GPL-2.0-only
# mboxfs: mailboxes as files. "make help" lists what can be made.

# The kernel to build for: this machine's, or else the VM's.
KDIR ?= $(or $(wildcard /lib/modules/$(shell uname -r)/build),$(VM_KDIR))

# Of "make soak".
SECONDS ?= 600
SEED ?= 1

MAKEFLAGS += --no-print-directory
VM_KDIR = /lib/modules/$(shell mkscripts/kernel $(KERNEL))/build
VM = mkscripts/vm $(if $(KERNEL),--kernel $(KERNEL))
CC = gcc
CFLAGS ?= -O2 -g
TEST_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-unused-parameter \
	-Wno-missing-field-initializers -Wno-sign-compare \
	-Wno-unused-result -Wno-stringop-overread \
	-Wno-stringop-overflow -D_GNU_SOURCE -Imboxfs/uapi -pthread

tests := $(patsubst tests/%.c,build/tests/%,$(wildcard tests/*_test.c)) \
	build/tests/errno32_test build/tests/lib_shared_test
scripts := $(patsubst tests/%,build/tests/%,$(wildcard tests/*.sh) tests/run) \
	build/tests/complaints

lib_output := $(CURDIR)/build/lib

# Where "make install-..." puts things; packages put DESTDIR in front.
PREFIX ?= /usr/local
MANDIR ?= $(PREFIX)/share/man
VERSION := $(shell mkscripts/version)
dkms_source := $(DESTDIR)/usr/src/mboxfs-$(VERSION)

.PHONY: all module lib install-lib tools install-tools install-man tests \
	examples debug-tests vm-module run check check-debug check-matrix \
	check-deb nightly soak bench bench-quick bench-native bench-programs \
	bench-fio bench-synchmess lint install dkms uninstall-dkms install-dkms deb \
	clean help FORCE

all: module lib tools examples tests

help:
	@echo 'make            build the module (mboxfs/mboxfs.ko), the library'
	@echo '                (build/lib), mboxctl (build/tools) and the tests'
	@echo 'make run        a shell in a throw-away VM with mboxfs mounted;'
	@echo '                without a terminal a short tour'
	@echo 'make check      run all tests in that VM; TESTS="poll_test" for some'
	@echo 'make check-debug  the same under kernels that look for mistakes:'
	@echo '                KASAN, lockdep, faults, kmemleak, KCSAN, PREEMPT_RT;'
	@echo '                VARIANT=kasan TESTS="poll_test" for some'
	@echo 'make check-matrix  the tests on 6.1, 6.12 and the newest kernel'
	@echo 'make soak       random operations against a model and on all sides,'
	@echo '                twice SECONDS=600, from SEED=1 on; and a minute'
	@echo '                of workers that are killed'
	@echo 'make nightly    what .ci/run does, each of it ten times as long, then'
	@echo '                "make soak" and mkscripts/mutants: some hours'
	@echo 'make bench      all figures of docs/performance.md, in the VM'
	@echo 'make bench-quick  instructions per message, against what they were'
	@echo '                (bench/expected.tsv): fails beyond 3 % more'
	@echo 'make bench-native  what two processors send and receive, on those of'
	@echo '                this machine; ARGS="--quick" for options of'
	@echo '                mkscripts/bench-native'
	@echo 'make bench-fio  load mailboxes with fio in that VM, print a table'
	@echo 'make bench-synchmess  writers, readers, delays over 64 mailboxes'
	@echo 'make lint       W=1, sparse, checkpatch, shellcheck'
	@echo 'make install    install the module for the kernel of KDIR'
	@echo 'make install-lib  install libmboxfs, its headers and manuals below'
	@echo '                PREFIX=/usr/local; DESTDIR= is put in front'
	@echo 'make install-tools  install mboxctl, its manual and completions, also'
	@echo 'make install-man  install the manual of the filesystem, likewise'
	@echo 'make dkms       install the module with DKMS for the kernel of KDIR;'
	@echo '                it is then built anew for each kernel to come'
	@echo 'make uninstall-dkms  take it back'
	@echo 'make deb        Debian packages, in build/deb'
	@echo 'make check-deb  install them in a fresh Debian, try them in the VM'
	@echo 'make clean      remove what was built here'
	@echo
	@echo 'KDIR=DIR        build for the kernel whose headers are in DIR'
	@echo 'KERNEL=6.1      the series of the kernel that the VM boots'
	@echo 'example: make KDIR=/lib/modules/6.1.0-56-cloud-amd64/build'

module:
	@[ -e "$(KDIR)/Makefile" ] || mkscripts/install build
	$(MAKE) -C $(KDIR) M=$(CURDIR)/mboxfs modules

# The module for the VM's kernel, whatever this machine runs.
vm-module:
	@mkscripts/install build
	@$(MAKE) -s module KDIR=$(VM_KDIR) >build.log 2>&1 || \
		{ cat build.log; rm -f build.log; exit 1; }
	@rm -f build.log

lib:
	@$(MAKE) -C lib O=$(lib_output)

install-lib:
	@$(MAKE) -C lib O=$(lib_output) install

tools:
	@$(MAKE) -C tools

install-tools:
	@$(MAKE) -C tools install

adapters := build/lib/libmboxfs-compat.a build/lib/libmboxfs.a

examples := $(patsubst examples/%.c,build/examples/%,$(wildcard examples/*.c)) \
	$(patsubst %,build/%,$(wildcard examples/*.sh))

examples: $(examples)

build/examples/%: examples/%.c $(adapters) mboxfs/uapi/linux/mboxfs.h
	@mkdir -p build/examples
	$(CC) $(CFLAGS) $(TEST_CFLAGS) -Ilib -Ilib/compat -o $@ $< $(adapters) \
		$(if $(findstring uring,$*),-luring)

build/examples/%.sh: examples/%.sh
	@mkdir -p build/examples
	@cp $< $@

tests: $(tests) $(scripts) tools examples build/bench/synchmess

build/tests/%_test: tests/%_test.c tests/test.c tests/test.h \
		mboxfs/uapi/linux/mboxfs.h Makefile
	@mkdir -p build/tests
	$(CC) $(CFLAGS) $(TEST_CFLAGS) -o $@ $< tests/test.c \
		$(if $(findstring uring,$*),-luring)

lib_sources := $(wildcard lib/*.* lib/compat/*.*) lib/Makefile \
	mboxfs/uapi/linux/mboxfs.h
lib_test := tests/lib_test.c tests/test.c

build/lib/libmboxfs.a build/lib/libmboxfs-compat.a &: $(lib_sources)
	@$(MAKE) -s lib
	@touch build/lib/libmboxfs.a build/lib/libmboxfs-compat.a

build/tests/compat_%_test: tests/compat_%_test.c tests/test.c tests/test.h \
		$(adapters) Makefile
	@mkdir -p build/tests
	$(CC) $(CFLAGS) $(TEST_CFLAGS) -Ilib -Ilib/compat -o $@ $< \
		tests/test.c $(adapters)

# With the library inside, and with the shared one.
build/tests/lib_test: $(lib_test) tests/test.h build/lib/libmboxfs.a Makefile
	@mkdir -p build/tests
	$(CC) $(CFLAGS) $(TEST_CFLAGS) -Ilib -o $@ $(lib_test) \
		build/lib/libmboxfs.a

build/tests/lib_shared_test: $(lib_test) tests/test.h build/lib/libmboxfs.a \
		Makefile
	@mkdir -p build/tests
	$(CC) $(CFLAGS) $(TEST_CFLAGS) -Ilib -o $@ $(lib_test) \
		-Lbuild/lib -lmboxfs -Wl,-rpath,$(lib_output)

# Static, as not every machine has a loader and a libc for 32 bit to run it with.
build/tests/errno32_test: tests/errno_test.c tests/test.c tests/test.h Makefile
	@mkdir -p build/tests
	$(CC) -m32 -static -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 $(CFLAGS) \
		$(TEST_CFLAGS) -o $@ $< tests/test.c

build/tests/complaints: mkscripts/complaints
	@mkdir -p build/tests
	@cp $< $@

build/tests/%: tests/%
	@mkdir -p build/tests
	@cp $< $@

debug-tests: build/tests/debug/fault_test build/tests/debug/kunit_test.sh

build/tests/debug/%_test: tests/debug/%_test.c tests/test.c tests/test.h Makefile
	@mkdir -p build/tests/debug
	$(CC) $(CFLAGS) $(TEST_CFLAGS) -o $@ $< tests/test.c

build/tests/debug/%.sh: tests/debug/%.sh
	@mkdir -p build/tests/debug
	@cp $< $@

run: vm-module
	@$(MAKE) -s tools
	@if [ -t 0 ] && [ -t 1 ]; then \
		$(VM) --add mkscripts/welcome --add build/tools/mboxctl \
			-- mkscripts/welcome; \
	else \
		$(VM) --add mkscripts/tour --add bench/fio -- mkscripts/tour; \
	fi

check: vm-module
	@$(MAKE) -s tests
	@mkscripts/check $(if $(KERNEL),--kernel $(KERNEL)) $(TESTS)

# All that "make check" and the others do in a few minutes, at length.
nightly:
	@TEST_LONG=1 CI_SECONDS=$(or $(NIGHT_SECONDS),36000) .ci/run
	@$(MAKE) soak
	@mkscripts/mutants

check-matrix:
	@mkscripts/check-matrix $(KERNEL) $(TESTS)

soak: vm-module
	@$(MAKE) -s tests
	@$(VM) --timeout $$(($(SECONDS) * 2 + 600)) --add build/tests -- \
		env MODEL_SECONDS=$(SECONDS) MODEL_SEED=$(SEED) STRESS_SECONDS=60 \
		TEST_SECONDS=100000000 TEST_TIMEOUT=100000000 \
		build/tests/run model_test concurrent_test lease_crash_test

check-debug:
	@mkscripts/check-debug $(VARIANT) $(TESTS)

bench-fio: vm-module
	@$(VM) --add bench/fio -- bench/fio/run

bench_programs := $(patsubst bench/%.c,build/bench/%,\
	$(filter-out bench/peers.c,$(wildcard bench/*.c)))

build/bench/synchmess: bench/synchmess.c $(adapters)
	@mkdir -p build/bench
	$(CC) $(CFLAGS) $(TEST_CFLAGS) -Ilib -Ilib/compat -o $@ $< $(adapters)

# What passes messages in more than one way.
build/bench/messages build/bench/depth build/bench/parallel \
	build/bench/profile build/bench/locks: bench/peers.c

build/bench/%: bench/%.c bench/bench.h bench/peers.h
	@mkdir -p build/bench
	$(CC) $(CFLAGS) $(TEST_CFLAGS) -o $@ $(filter %.c,$^)

# It runs under a kernel without any libraries.
build/native/measure: bench/native/measure.c bench/native/mboxbench.h \
		bench/peers.c bench/peers.h bench/bench.h
	@mkdir -p build/native
	$(CC) $(CFLAGS) $(TEST_CFLAGS) -static -o $@ $(filter %.c,$^)

# The floor is measured in the VM, so it is built for its kernel.
build/bench/floor.ko: $(wildcard bench/floor/*)
	@mkdir -p build/bench/floor
	@cp $^ build/bench/floor
	$(MAKE) -C $(VM_KDIR) M=$(CURDIR)/build/bench/floor modules \
		>build/bench/floor/log 2>&1 || \
		{ cat build/bench/floor/log; exit 1; }
	@cp build/bench/floor/floor.ko $@

bench-programs: $(bench_programs) build/bench/floor.ko

bench:
	@mkscripts/bench

bench-quick:
	@mkscripts/bench --quick

bench-native:
	@mkscripts/bench-native $(ARGS)

bench-synchmess: vm-module
	@$(MAKE) -s build/bench/synchmess
	@$(VM) --add build/bench -- build/bench/synchmess

lint:
	@mkscripts/install build lint
	@KDIR=$(VM_KDIR) mkscripts/lint

install:
	$(MAKE) -C $(KDIR) M=$(CURDIR)/mboxfs modules_install

# What the kernel of KDIR calls itself; Debian's "make kernelrelease" differs.
kernel_release = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h)

install-man:
	install -d $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man7
	install -m 644 docs/man/mboxfs.5 $(DESTDIR)$(MANDIR)/man5
	install -m 644 docs/man/mboxfs.7 $(DESTDIR)$(MANDIR)/man7

# The module's sources, and no more, to where DKMS looks for them.
install-dkms:
	install -d $(dkms_source)
	cd mboxfs && find . \( -name Kbuild -o -name '*.[ch]' ! -name '*.mod.c' \) \
		-exec install -D -m 644 {} $(dkms_source)/{} \;
	sed 's/#MODULE_VERSION#/$(VERSION)/' dkms.conf >$(dkms_source)/dkms.conf

dkms: uninstall-dkms
	@$(MAKE) install-dkms
	dkms add mboxfs/$(VERSION)
	dkms install mboxfs/$(VERSION) --kernelsourcedir $(KDIR) \
		-k $(kernel_release)

uninstall-dkms:
	@[ -z "$$(dkms status mboxfs/$(VERSION))" ] || \
		dkms remove mboxfs/$(VERSION) --all
	rm -rf $(dkms_source)

deb:
	@mkscripts/deb

check-deb:
	@mkscripts/check-deb

clean:
	rm -rf build build.log
	find mboxfs \( -name '*.o' -o -name '*.ko' -o -name '*.mod' \
		-o -name '*.mod.c' -o -name '.*.cmd' -o -name '.*.d' \
		-o -name 'Module.symvers' -o -name 'modules.order' \) -delete
