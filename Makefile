# The front door. Meson and ninja do the work; every target installs what it misses first.
BUILD ?= build
MESON_SETUP = test -f $(BUILD)/build.ninja || meson setup $(BUILD) >/dev/null

.PHONY: all run test bench eval fuzz soak lint format coverage clean

all:
	@tools/setup run
	@$(MESON_SETUP)
	@ninja --quiet -C $(BUILD)

run:
	@tools/setup run
	@$(MESON_SETUP)
	@ninja --quiet -C $(BUILD) portreeve
	@tools/run

test:
	@tools/setup run test
	@tools/test $(SUITES)

fuzz:
	@tools/setup run test
	@tools/fuzz $(TARGET) $(SECONDS)

bench:
	@tools/setup run bench
	@tools/bench

eval:
	@tools/setup run eval
	@tools/eval

soak: all
	@tools/setup run test
	@tools/node bench/soak.mjs

lint:
	@tools/setup run lint
	@tools/lint

format:
	@tools/setup lint
	@tools/format

coverage:
	@tools/setup run test coverage
	@tools/coverage

clean:
	rm -rf build build-*
