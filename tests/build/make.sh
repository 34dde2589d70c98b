#!/bin/sh
# make.sh ROOT: `make` with nothing to do does nothing: the real Makefile, tools/setup and build files,
# over a tree with small rooms, on a machine where all packages are there.
set -u
# shellcheck source=tests/build/lib.sh
. "$(dirname "$0")/lib.sh"
root=$1
spied="cc gcc clang c99 ld ar ccache npm node apt-get dpkg sudo"

write_spies() {
    mkdir "$work/bin" "$work/spies"
    printf '#!/bin/sh\necho installed\n' >"$work/bin/dpkg-query"
    chmod 755 "$work/bin/dpkg-query"
    for program in $spied; do
        printf '#!/bin/sh\necho %s >>%s/calls\nexit 1\n' "$program" "$work" >"$work/spies/$program"
        chmod 755 "$work/spies/$program"
    done
}

# run_make PATH: what it called of the spied programs is in $work/calls.
run_make() {
    : >"$work/calls"
    env -u MAKEFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u BUILD PATH="$1:$PATH" \
        make -C "$work/tree" >"$work/log" 2>&1
}

make_tree "$root"
cp "$root/tools/setup" "$root/tools/packages.txt" "$work/tree/tools/"
mkdir "$work/tree/node_modules"
echo '{}' | tee "$work/tree/package-lock.json" >"$work/tree/node_modules/.portreeve-lock"
write_spies

echo "1..3"
run_make "$work/bin" && [ -x "$work/tree/build/portreeve" ]
report $? "make alone builds"
run_make "$work/spies:$work/bin" && [ ! -s "$work/calls" ]
report $? "make again runs no compiler, no npm and no apt-get"
echo 'int main(void) { return 1; }' >"$work/tree/src/cli/main.c"
! run_make "$work/spies:$work/bin" && [ -s "$work/calls" ]
report $? "after a change it compiles"
finish
