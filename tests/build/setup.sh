#!/bin/sh
# setup.sh ROOT: tools/setup on simulated machines: which packages it names or installs, and that it
# does nothing when nothing is missing. The only programs such a machine has are a few real ones
# that change nothing, and stand-ins for apt-get, dpkg, npm, id and sudo, which write down their calls.
set -u
# shellcheck source=tests/build/lib.sh
. "$(dirname "$0")/lib.sh"
root=$1
bin=$work/bin

# stand_in NAME: a program of the simulated machine; its text comes from standard input.
stand_in() {
    {
        printf '#!/bin/sh\ncd %s\n' "$work"
        cat
    } >"$bin/$1"
    chmod 755 "$bin/$1"
}

write_stand_ins() {
    stand_in id <<'END'
cat uid
END
    stand_in dpkg-query <<'END'
case $4 in
base-files) cat release ;;
*) grep -qx -- "$4" installed && printf installed ;;
esac
END
    stand_in apt-get <<'END'
echo "apt-get $*" >>calls
case " $* " in
*' indextargets '*) echo 'http://mirror.invalid/debian|bookworm|Debian' && exit 0 ;;
esac
[ "$(id -u)" = 0 ] || [ -n "${SUDO_USER:-}" ] || exit 100
[ ! -f apt_fails ] || exit 100
case " $* " in
*' install '*) printf '%s\n' "$@" | sed '1,/^--no-install-recommends$/d' >>installed ;;
*' download '*)
    cd "$OLDPWD"
    for name in "$@"; do
        case $name in lib*) : >"$name.deb" ;; esac
    done
    ;;
esac
END
    stand_in dpkg <<'END'
names=$(printf '%s\n' "$@" | sed -n 's/.*\/\(.*\)\.deb$/\1/p')
echo "dpkg -i" $names >>calls
printf '%s\n' "$names" >>installed
END
    stand_in npm.kept <<'END'
echo "npm $*" >>calls
rm -rf tree/node_modules
[ ! -f npm_fails ] || exit 1
mkdir tree/node_modules
END
    echo exit 0 | stand_in true
    stand_in sudo.kept <<'END'
[ "$1" != -n ] || shift
SUDO_USER=me exec "$@"
END
}

# machine RELEASE UID MISSING...: a machine where all that "run" and "test" want is installed, but these.
machine() {
    echo "$1" >"$work/release"
    echo "$2" >"$work/uid"
    shift 2
    rm -rf "$work/tree/node_modules" "$bin/sudo" "$work/apt_fails" "$work/npm_fails"
    everything | grep -vxF "$(printf '%s\n' "$@")" >"$work/installed"
    for command in node npm; do ln -sf "$bin/npm.kept" "$bin/$command"; done
}

everything() {
    sed -n 's/^\(run\|test\) //p' "$root/tools/packages.txt"
}

# setup PURPOSE...: what it did is in $status, what it called in $work/calls, what it said in $work/log.
setup() {
    : >"$work/calls"
    (cd "$work" && env -i PATH="$bin" "$work/tree/tools/setup" "$@" </dev/null >"$work/log" 2>&1)
    status=$?
    sed 's/^/called: /' "$work/calls" >>"$work/log"
}

# named WORDS: setup said these packages at the end of a line.
named() {
    grep -q -- ": $1\$" "$work/log"
}

said_nothing_of() {
    ! grep -q "$1" "$work/log"
}

# installed WORDS: apt-get was asked once to install, and exactly these.
installed() {
    [ "$(sed -n 's/^apt-get .* --no-install-recommends //p' "$work/calls")" = "$1" ]
}

called_nothing() {
    [ ! -s "$work/calls" ]
}

called_npm() {
    [ "$(grep -c '^npm ci ' "$work/calls")" = 1 ]
}

called_npm_alone() {
    called_npm && [ "$(wc -l <"$work/calls")" = 1 ]
}

mkdir -p "$work/tree/tools" "$bin"
cp "$root/tools/setup" "$root/tools/packages.txt" "$work/tree/tools/"
echo '{}' >"$work/tree/package-lock.json"
for program in awk cat chmod cmp cp dirname env grep mkdir mktemp rm sed sort; do
    ln -s "$(command -v $program)" "$bin/$program"
done
write_stand_ins

echo "1..18"
for release in 12.4+deb12u11 13.8; do
    machine $release 1000 strace libuv1-dev
    setup run test
    [ $status = 1 ] && named 'apt-get install --no-install-recommends libuv1-dev strace' &&
        said_nothing_of 'Debian 13' && called_nothing
    report $? "Debian $release, neither root nor sudo: exactly what is missing is named, nothing is called"
    setup run
    named 'apt-get install --no-install-recommends libuv1-dev' && called_nothing
    report $? "Debian $release: packages for other purposes are not asked for"

    echo 0 >"$work/uid"
    setup run test
    [ $status = 0 ] && installed 'libuv1-dev strace' && called_npm
    report $? "Debian $release, root: apt-get installs exactly what is missing, then npm what is locked"
    setup run test
    [ $status = 0 ] && called_nothing
    report $? "Debian $release: a second call calls neither apt-get nor npm"
done

machine 12.4+deb12u11 1000 libllhttp-dev libyyjson-dev
setup run test
[ $status = 1 ] && named 'libllhttp-dev libllhttp9.2 libyyjson-dev libyyjson0' && said_nothing_of 'apt-get install'
report $? "Debian 12 lacks two libraries: they are named as Debian 13's, with what they need"
echo 0 >"$work/uid"
setup run test
[ $status = 0 ] && installed '' &&
    grep -qx 'dpkg -i libllhttp-dev libllhttp9.2 libyyjson-dev libyyjson0' "$work/calls"
report $? "root: they are fetched from the machine's mirror, and only they"
setup run test
[ $status = 0 ] && called_nothing
report $? "a second call fetches them no more"
machine 13.8 0 libllhttp-dev libyyjson-dev
setup run test
[ $status = 0 ] && installed 'libllhttp-dev libyyjson-dev' && ! grep -q '^dpkg' "$work/calls"
report $? "Debian 13 has them itself"

machine 12.4+deb12u11 1000 strace
cp "$bin/sudo.kept" "$bin/sudo"
setup test
[ $status = 0 ] && installed strace
report $? "with sudo it installs like root"

machine 13.8 1000
: >"$work/installed"
rm "$bin/node" "$bin/npm"
setup run test
named "apt-get install --no-install-recommends $(everything | LC_ALL=C sort | paste -s -d ' ')" && called_nothing
report $? "a machine with nothing is told everything"

machine 13.8 0
setup run
echo '{ }' >"$work/tree/package-lock.json"
setup run
[ $status = 0 ] && called_npm_alone
report $? "another lock file: npm runs again, and it alone"

machine 13.8 0
: >"$work/npm_fails"
setup run
failed_first=$status
rm "$work/npm_fails"
setup run
[ $failed_first != 0 ] && [ $status = 0 ] && called_npm_alone
report $? "an npm that failed is a failure, and is tried again"

machine 13.8 0
mkdir "$work/elsewhere"
ln -s "$work/elsewhere" "$work/tree/node_modules"
setup run
[ $status != 0 ] && called_nothing && grep -q 'node_modules is a link' "$work/log"
report $? "node_modules of another tree are not emptied"

machine 13.8 0 strace
: >"$work/apt_fails"
setup test
[ $status != 0 ] && ! grep -q '^npm' "$work/calls"
report $? "an apt-get that failed is a failure, and nothing goes on"
finish
