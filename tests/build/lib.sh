#!/bin/sh
# What the tests of the build share: TAP, and a small tree. $work is a folder that is removed at the end.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0 failed=0

# report STATUS SENTENCE: one test; when it fails, with the end of $work/log.
report() {
    number=$((number + 1))
    if [ "$1" = 0 ]; then echo "ok $number - $2"; else
        failed=1
        echo "not ok $number - $2"
        tail -n 20 "$work/log" | sed 's/^/# /'
    fi
}

finish() {
    exit $failed
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

# make_tree ROOT: $work/tree has the real build files and the real table of rooms, and rooms that hold
# one function each, so that it is built in seconds.
make_tree() {
    mkdir -p "$work/tree/tools"
    cp "$1/meson.build" "$1/meson_options.txt" "$1/Makefile" "$work/tree/"
    cp "$1/tools/rooms" "$1/tools/check-layers" "$work/tree/tools/"
    sed -nE "s/^subdir\('([a-z/]+)'\).*/\1/p" "$1/meson.build" | while read -r dir; do
        mkdir -p "$work/tree/$dir"
        : >"$work/tree/$dir/meson.build"
    done
    cp "$1/src/meson.build" "$1/src/rooms.txt" "$work/tree/src/"
    sed -n 's/^\([a-z]*\):.*/\1/p' "$1/src/rooms.txt" | while read -r room; do
        write_room "$room" '' ''
        printf "room_sources = files('room.c')\nportreeve_main = files('main.c')\n" >"$work/tree/src/$room/meson.build"
        : >"$work/tree/src/$room/main.c"
    done
    echo 'int main(void) { return 0; }' >"$work/tree/src/cli/main.c"
}
