#!/bin/sh
# layers.sh ROOT [OPTION...]: the build, set up with OPTIONs, refuses an upward include and an upward
# call. The real build files and the real table of rooms, over a copy whose rooms hold one function
# each, so that it is built in seconds.
set -u
root=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0 failed=0

report() {
    number=$((number + 1))
    if [ "$1" = 0 ]; then echo "ok $number - $2"; else
        failed=1
        echo "not ok $number - $2"
        tail -n 20 "$work/log" | sed 's/^/# /'
    fi
}

# write_room ROOM INCLUDE CALL: its one header and its one source.
write_room() {
    mkdir -p "$work/tree/src/$1"
    printf '#pragma once\nint %s_room(void);\n' "$1" >"$work/tree/src/$1/room.h"
    {
        printf '#include "%s/room.h"\n' "$1"
        [ -z "$2" ] || printf '#include %s\n' "$2"
        if [ -z "$3" ]; then printf 'int %s_room(void)\n{\n    return 0;\n}\n' "$1"; else
            printf 'extern int %s(void);\nint %s_room(void)\n{\n    return %s();\n}\n' "$3" "$1" "$3"
        fi
    } >"$work/tree/src/$1/room.c"
}

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

mkdir -p "$work/tree/tools"
cp "$root/meson.build" "$root/meson_options.txt" "$work/tree/"
cp "$root/tools/rooms" "$root/tools/check-layers" "$work/tree/tools/"
sed -nE "s/^subdir\('([a-z]+)'\).*/\1/p" "$root/meson.build" | while read -r dir; do
    mkdir -p "$work/tree/$dir"
    : >"$work/tree/$dir/meson.build"
done
cp "$root/src/meson.build" "$root/src/rooms.txt" "$work/tree/src/"
rooms=$(sed -n 's/^\([a-z]*\):.*/\1/p' "$root/src/rooms.txt")
for room in $rooms; do
    write_room "$room" '' ''
    printf "room_sources = files('room.c')\nportreeve_main = files('main.c')\n" >"$work/tree/src/$room/meson.build"
    : >"$work/tree/src/$room/main.c"
done

echo "1..7"
meson setup "$@" "$work/tree/build" "$work/tree" >"$work/log" 2>&1 && build
report $? "rooms that keep to the table build"
[ $failed = 0 ] || exit 1
expect_refusal "an include of a room above is refused" base '"gate/room.h"' '' 'base may not include "gate/room.h"'
expect_refusal "an include in angle brackets is no way round" net '<admin/room.h>' '' 'net may not include <admin/room.h>'
expect_refusal "an include of a room beside is refused" policy '"audit/room.h"' '' 'policy may not include "audit/room.h"'
expect_refusal "a call of a room above is refused without any include" audit '' gate_room 'gate_room'
expect_refusal "a call of a room beside is refused without any include" policy '' store_room 'store_room'
write_room gate '"audit/room.h"' audit_room
build
report $? "an include and a call of a room below are fine"
exit $failed
