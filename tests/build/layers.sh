#!/bin/sh
# layers.sh ROOT [OPTION...]: the build, set up with OPTIONs, refuses an upward include and an upward
# call. The real build files and the real table of rooms, over a tree with small rooms.
set -u
# shellcheck source=tests/build/lib.sh
. "$(dirname "$0")/lib.sh"
root=$1
shift

build() {
    ninja -C "$work/tree/build" layers >"$work/log" 2>&1
}

# expect_refusal SENTENCE ROOM INCLUDE CALL TEXT: the build fails and says TEXT; without it, it succeeds.
expect_refusal() {
    write_room "$2" "$3" "$4"
    if build; then status=1; else
        grep -q -- "$5" "$work/log"
        status=$?
    fi
    report "$status" "$1"
    write_room "$2" '' ''
    build || report 1 "the same tree without it builds again"
}

make_tree "$root"
echo "1..7"
meson setup "$@" "$work/tree/build" "$work/tree" >"$work/log" 2>&1 && build
status=$?
report $status "rooms that keep to the table build"
[ $status = 0 ] || exit 1
expect_refusal "an include of a room above is refused" base '"gate/room.h"' '' 'base may not include "gate/room.h"'
expect_refusal "an include in angle brackets is no way round" net '<admin/room.h>' '' 'net may not include <admin/room.h>'
expect_refusal "an include of a room beside is refused" policy '"audit/room.h"' '' 'policy may not include "audit/room.h"'
expect_refusal "a call of a room above is refused without any include" audit '' gate_room 'gate_room'
expect_refusal "a call of a room beside is refused without any include" policy '' store_room 'store_room'
write_room gate '"audit/room.h"' audit_room
build
report $? "an include and a call of a room below are fine"
finish
