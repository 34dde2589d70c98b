#!/bin/sh
# program.sh PROGRAM DOCS: the program's words and exit codes without a gateway, and docs/ that says what the
# tables say.
set -u
program=$1 docs=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0
unset PORTREEVE_TOKEN PORTREEVE_SERVER PORTREEVE_CA

# result NAME STATUS: one line of TAP.
result() {
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; fi
}

# ends NAME CODE TEXT ARGUMENTS…: exit code, and a text that must stand in what is printed.
ends() {
    name=$1 code=$2 text=$3
    shift 3
    "$program" "$@" >"$dir/out" 2>&1 </dev/null
    got=$?
    if [ "$got" -eq "$code" ] && grep -qF -- "$text" "$dir/out"; then
        result "$name" 0
    else
        echo "# exit code $got, expected $code and '$text' in:"
        sed 's/^/# /' "$dir/out"
        result "$name" 1
    fi
}

for page in commands settings api; do
    "$program" help "$page" >"$dir/$page.md"
    diff -u "$docs/$page.md" "$dir/$page.md" >"$dir/diff"
    status=$?
    sed 's/^/# /' "$dir/diff"
    result "docs/$page.md is what the table says (else: portreeve help $page >docs/$page.md)" $status
done

ends "without a command it lists them" 2 "audit search"
ends "help lists the commands" 0 "audit search" --help
ends "each command explains itself" 0 "--show-arguments" audit search --help
ends "an unknown command is told what there is" 2 "portreeve robot create NAME" robot make
ends "an unknown option is told what would be right" 2 "did you mean '--since'?" audit search --sinec 2h
ends "a missing argument is told what is right" 2 "portreeve tool show SERVER TOOL" tool show docs
ends "too many arguments are refused" 2 "is too much" export now
ends "version" 0 "portreeve " version
ends "version in JSON" 0 '{"version":' version --json
ends "a limit out of bounds is wrong use" 2 "from 1 to 100000" audit search --limit 100001
ends "an unknown word of a filter is wrong use" 2 "allow or deny" audit search --decision maybe
ends "a time that is none is wrong use" 2 "gestern" audit search --since gestern
ends "a robot needs an owner" 2 "--owner EMAIL" robot create bot
ends "a server needs an address" 2 "--url URL" server add docs --no-credential
ends "a server needs a word on credentials" 2 "--no-credential" server add docs --program docs
ends "an unknown category is wrong use" 2 "is no category" tool set docs read_file harmless
ends "without settings there is no gateway" 1 "portreeve.yaml" export --settings "$dir/portreeve.yaml"

ends "init makes an installation" 0 "portreeve serve --settings $dir/new/portreeve.yaml" init --dir "$dir/new"
mode=$(stat -c '%a' "$dir/new/data/admin.token")
[ "$mode" = 600 ]
result "the token file is nobody else's" $?
grep -qE '^pra_[0-9A-Za-z]{49}$' "$dir/new/data/admin.token"
result "the token file holds an administration token" $?
ends "a second init refuses over the keys" 1 "nothing was changed" init --dir "$dir/new"
cp "$dir/new/data/admin.token" "$dir/old"
ends "a new token can be made" 0 "admin.token" init --dir "$dir/new" --new-token
! cmp -s "$dir/old" "$dir/new/data/admin.token"
result "it is another one" $?
ends "check finds everything in order" 0 "everything is fine" check --settings "$dir/new/portreeve.yaml"

mkdir "$dir/kept"
printf 'listen: [127.0.0.1:1]\npublic_url: http://127.0.0.1:1\n' >"$dir/kept/portreeve.yaml"
ends "init keeps a settings file" 0 "was there, kept" init --dir "$dir/kept"
ends "a gateway that is not there is unreachable" 3 "is the gateway running?" server list \
    --settings "$dir/kept/portreeve.yaml"
rm -r "$dir/kept/data/keys" "$dir/kept/data/keyring.manifest"
ends "init makes no new keys over old data" 1 "not its keys" init --dir "$dir/kept"
ends "check misses the keys" 1 "holds no keys" check --settings "$dir/kept/portreeve.yaml"

printf 'listen: [127.0.0.1:1]\nlisten_to: x\n' >"$dir/bad.yaml"
ends "check names the line" 1 "line 2" check --settings "$dir/bad.yaml"
printf 'servers:\n  - name: docs\n    program: docs\n    credential: {mode: none}\n' >"$dir/governance.yaml"
ends "check reads a governance file" 1 "docs" check "$dir/governance.yaml" --settings "$dir/new/portreeve.yaml"
ends "a URL needs a token of its own" 1 "PORTREEVE_TOKEN" export --server http://127.0.0.1:1
printf '{"server":"s","name":"list_orders","description":"Lists orders."}\nnonsense\n{"name":"purge_queue"}\n' \
    >"$dir/tools.jsonl"
ends "classify names a bad line and judges the others" 1 "line 2:" classify "$dir/tools.jsonl"
ends "classify says what each tool can do" 1 '"server":"tools","name":"purge_queue","category":"destructive","certainty"' \
    classify "$dir/tools.jsonl" --json
ends "classify says how sure it is" 1 '"server":"s","name":"list_orders","category":"read-only","certainty":"certain"' \
    classify "$dir/tools.jsonl" --json
"$program" classify "$dir/tools.jsonl" --json 2>/dev/null | sed 's/.*"name":"\([a-z_]*\)".*/\1/' | tr '\n' ' ' >"$dir/out"
[ "$(cat "$dir/out")" = "list_orders purge_queue " ]
result "classify keeps the order of the input, a line a tool" $?
printf '{\n "result": {"tools": [{"name": "freebusy", "annotations": {"readOnlyHint": true}}]}\n}\n' >"$dir/cal.json"
ends "classify takes a saved list, and no server's word" 0 "cal     freebusy  admin" classify "$dir/cal.json"
ends "classify takes the word of a trusted server" 0 "work    freebusy  read-only" classify "$dir/cal.json" \
    --name work --trusted other,work
ends "classify without its file is wrong use" 2 "portreeve classify FILE" classify
ends "classify of a file that is not there" 1 "nowhere" classify "$dir/nowhere"
: >"$dir/empty"
ends "classify of an empty file" 1 "holds no tools" classify "$dir/empty"
ends "bench-disk measures" 0 "p99_us" bench-disk --dir "$dir" --seconds 1 --json
echo "1..$n"
