/*
 * portreeve-verify - checks an audit log, a proof or a checkpoint of Portreeve without Portreeve:
 * it shares no code with the gateway, reads docs/audit-format.md instead, and needs the public key
 * alone. Nothing is written, nothing is decrypted.
 */
#include <stdio.h>
#include <stdlib.h>

#include "drill.h"
#include "log.h"
#include "proof.h"

enum { EXIT_WRONG_USE = 2, EXIT_UNREADABLE = 3 };

static const char help[] =
    "Usage: portreeve-verify log DIR [--key VKEY]... [--since FILE]... [--max-age SECONDS] "
    "[--json]\n"
    "       portreeve-verify proof FILE... --key VKEY [--json]\n"
    "       portreeve-verify checkpoint FILE... --key VKEY [--json]\n"
    "       portreeve-verify drill DIR --key VKEY [--positions N] [--seed N]\n"
    "\n"
    "log         every entry of DIR (data_dir/audit of a gateway, or a copy of it), its tree and "
    "its\n"
    "            checkpoint\n"
    "proof       files that `portreeve audit prove` wrote\n"
    "checkpoint  files that `portreeve audit checkpoint` wrote\n"
    "drill       changes a log in memory, in every way and at N random places each (20), and "
    "shows\n"
    "            that it is found; no file is changed\n"
    "\n"
    "--key VKEY         a key of the log, as `portreeve audit checkpoint --key` prints it. Keep "
    "it\n"
    "                   where the gateway's administrators can't change it\n"
    "--since FILE       a checkpoint that was kept: the log must go on from it\n"
    "--max-age SECONDS  the last checkpoint must be as new as that (needs the key with the time)\n"
    "--json             one object a line\n"
    "\n"
    "Exit codes: 0 nothing is wrong, 1 something is, 2 wrong use, 3 something can't be read.\n";

struct arguments {
    struct vkey keys[LOG_MAX_KEYS];
    size_t key_count;
    struct kept_note since[LOG_MAX_SINCE];
    size_t since_count;
    uint64_t max_age_s;
    uint64_t positions;
    uint64_t seed;
    bool is_json;
    const char *files[256];
    size_t file_count;
};

static int wrong_use(const char *what, const char *word)
{
    fprintf(stderr, "portreeve-verify: %s%s%s; --help says how\n", what, word != NULL ? ": " : "",
            word != NULL ? word : "");
    return EXIT_WRONG_USE;
}

static int take_key(struct arguments *arguments, const char *word)
{
    if (arguments->key_count == LOG_MAX_KEYS)
        return wrong_use("too many keys", NULL);
    if (!vkey_read(bytes_of(word, strlen(word)), &arguments->keys[arguments->key_count]))
        return wrong_use("this is no verifier key", word);
    arguments->key_count++;
    return 0;
}

static int take_since(struct arguments *arguments, const char *word)
{
    if (arguments->since_count == LOG_MAX_SINCE)
        return wrong_use("too many checkpoints", NULL);
    struct kept_note *kept = &arguments->since[arguments->since_count];
    if (!note_load(word, kept->text, &kept->len)) {
        fprintf(stderr, "portreeve-verify: %s can't be read\n", word);
        return EXIT_UNREADABLE;
    }
    arguments->since_count++;
    return 0;
}

static int take_number(const char *word, uint64_t *ret_number)
{
    char *end = NULL;
    unsigned long long number = strtoull(word, &end, 10);

    if (word[0] < '0' || word[0] > '9' || *end != '\0' || number == 0)
        return wrong_use("this is no number from 1 on", word);
    *ret_number = number;
    return 0;
}

static int take_age(struct arguments *arguments, const char *word)
{
    return take_number(word, &arguments->max_age_s);
}

static int take_positions(struct arguments *arguments, const char *word)
{
    return take_number(word, &arguments->positions);
}

static int take_seed(struct arguments *arguments, const char *word)
{
    return take_number(word, &arguments->seed);
}

static const struct {
    const char *name;
    int (*take)(struct arguments *arguments, const char *word);
} flags[] = {
    {"--key", take_key},     {"--since", take_since},
    {"--max-age", take_age}, {"--positions", take_positions},
    {"--seed", take_seed},
};

/* 0: it was none. 1: taken, with its value. -1: wrong use. */
static int take_flag(struct arguments *arguments, const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(flags[i].name, name) != 0)
            continue;
        if (value == NULL) {
            (void)wrong_use("a value is missing", name);
            return -1;
        }
        return flags[i].take(arguments, value) == 0 ? 1 : -1;
    }
    return 0;
}

static int read_arguments(int argc, char **argv, struct arguments *arguments)
{
    for (int i = 2; i < argc; i++) {
        int taken = take_flag(arguments, argv[i], i + 1 < argc ? argv[i + 1] : NULL);

        if (taken < 0)
            return EXIT_WRONG_USE;
        i += taken;
        if (taken > 0)
            continue;
        if (strcmp(argv[i], "--json") == 0)
            arguments->is_json = true;
        else if (argv[i][0] == '-')
            return wrong_use("unknown option", argv[i]);
        else if (arguments->file_count == 256)
            return wrong_use("too many files", NULL);
        else
            arguments->files[arguments->file_count++] = argv[i];
    }
    return 0;
}

typedef int verify_file_fn(const char *path, const struct vkey *keys, size_t key_count,
                           bool is_json);

static int each_file(const struct arguments *arguments, verify_file_fn *verify)
{
    int worst = 0;

    if (arguments->file_count == 0)
        return wrong_use("name a file", NULL);
    if (arguments->key_count == 0)
        return wrong_use("give the key of the log with --key", NULL);
    for (size_t i = 0; i < arguments->file_count; i++) {
        int code =
            verify(arguments->files[i], arguments->keys, arguments->key_count, arguments->is_json);

        worst = code > worst ? code : worst;
    }
    return worst;
}

static int verify_log(const struct arguments *arguments)
{
    const struct log_options options = {.keys = arguments->keys,
                                        .key_count = arguments->key_count,
                                        .since = arguments->since,
                                        .since_count = arguments->since_count,
                                        .max_age_s = arguments->max_age_s};

    if (arguments->file_count != 1)
        return wrong_use("name one folder", NULL);
    return log_verify(arguments->files[0], &options, arguments->is_json);
}

static int run_drill(const struct arguments *arguments)
{
    if (arguments->file_count != 1)
        return wrong_use("name one folder", NULL);
    if (arguments->key_count == 0)
        return wrong_use("give the key of the log with --key", NULL);
    return drill_run(arguments->files[0], arguments->keys, arguments->key_count,
                     arguments->positions, arguments->seed);
}

int main(int argc, char **argv)
{
    static struct arguments arguments = {.positions = 20, .seed = 1};

    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0)) {
        puts("portreeve-verify " PORTREEVE_VERSION);
        return 0;
    }
    if (argc < 2)
        return wrong_use("say what to verify: log, proof or checkpoint", NULL);
    if (!crypto_start()) {
        fprintf(stderr, "portreeve-verify: OpenSSL has no SHA-256\n");
        return EXIT_UNREADABLE;
    }
    int code = read_arguments(argc, argv, &arguments);
    if (code != 0)
        return code;
    if (strcmp(argv[1], "log") == 0)
        return verify_log(&arguments);
    if (strcmp(argv[1], "drill") == 0)
        return run_drill(&arguments);
    if (strcmp(argv[1], "proof") == 0)
        return each_file(&arguments, proof_verify);
    if (strcmp(argv[1], "checkpoint") == 0)
        return each_file(&arguments, checkpoint_verify);
    return wrong_use("unknown", argv[1]);
}
