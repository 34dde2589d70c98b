#include "cli/options.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NO_OPTION = -1, MAX_TYPOS = 3, MAX_WORD = 255 };

const struct option options_common[] = {
    {"settings", "FILE", "The settings file of the gateway; ./portreeve.yaml when not given"},
    {"server", "URL",
     "The gateway to speak to, with the token of $PORTREEVE_TOKEN; $PORTREEVE_SERVER says the "
     "same. When not "
     "given, settings file and token file of this machine say where and who"},
    {"ca", "FILE", "PEM file with the authorities to trust for https; $PORTREEVE_CA says the same"},
    {"json", NULL, "Print JSON for machines instead of text for people"},
    {"help", NULL, "Explain this command"},
    {0},
};

static unsigned count_options(const struct option *list)
{
    unsigned count = 0;

    while (list != NULL && list[count].name != NULL)
        count++;
    return count;
}

static int find_in(const struct option *list, struct str name)
{
    for (unsigned i = 0; i < count_options(list); i++) {
        if (str_eq(str_c(list[i].name), name))
            return (int)i;
    }
    return NO_OPTION;
}

/* Position among own and common options. */
static int find(const struct command *command, struct str name)
{
    int own = find_in(command->options, name);

    if (own != NO_OPTION)
        return own;
    int common = find_in(options_common, name);
    return common == NO_OPTION ? NO_OPTION : (int)count_options(command->options) + common;
}

static const struct option *option_at(const struct command *command, int index)
{
    unsigned own = count_options(command->options);

    return (unsigned)index < own ? &command->options[index]
                                 : &options_common[(unsigned)index - own];
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

unsigned options_distance(struct str a, struct str b)
{
    unsigned row[MAX_WORD + 1];

    a = str_first(a, MAX_WORD);
    b = str_first(b, MAX_WORD);
    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned above = row[j];

            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a.ptr[i - 1] != b.ptr[j - 1]));
            diagonal = above;
        }
    }
    return row[b.len];
}

static const struct option *nearest(const struct command *command, struct str name)
{
    int all = (int)(count_options(command->options) + count_options(options_common));
    const struct option *best = NULL;
    unsigned best_distance = MAX_TYPOS + 1;

    for (int i = 0; i < all; i++) {
        const struct option *option = option_at(command, i);
        unsigned distance = options_distance(name, str_c(option->name));

        if (distance < best_distance && distance < strlen(option->name)) {
            best = option;
            best_distance = distance;
        }
    }
    return best;
}

static enum err_code unknown(const struct command *command, struct str name, struct err *err)
{
    const struct option *near = nearest(command, name);
    char list[ERR_TEXT_BYTES / 2] = "";
    size_t len = 0;

    if (near != NULL)
        return err_set(err, ERR_INVALID, "unknown option '--" STR_FMT "'; did you mean '--%s'?",
                       STR_ARG(name), near->name);
    for (unsigned i = 0; i < count_options(command->options); i++) {
        int more = snprintf(list + len, sizeof list - len, "--%s, ", command->options[i].name);

        if (more < 0 || (size_t)more >= sizeof list - len)
            break;
        len += (size_t)more;
    }
    list[len] = '\0';
    return err_set(err, ERR_INVALID,
                   "unknown option '--" STR_FMT
                   "'; `portreeve %s` takes %s--settings, --server, --json, "
                   "--help",
                   STR_ARG(str_first(name, 40)), command->name, list);
}

/* The word is "--name" or "--name=value". *index moves on over a value of its own. */
static enum err_code read_option(struct options *options, int argc, char *const *argv, int *index,
                                 struct err *err)
{
    struct str value = str_c(argv[*index] + 2);
    bool has_value = str_find(value, '=') < value.len;
    struct str name = str_cut(&value, '=');
    int found = find(options->command, name);

    if (found == NO_OPTION)
        return unknown(options->command, name, err);
    const struct option *option = option_at(options->command, found);
    if (options->values[found] != NULL)
        return err_set(err, ERR_INVALID, "option '--%s' stands twice", option->name);
    if (option->value == NULL) {
        if (has_value)
            return err_set(err, ERR_INVALID, "option '--%s' takes no value", option->name);
        options->values[found] = "";
        return ERR_OK;
    }
    if (!has_value && *index + 1 >= argc)
        return err_set(err, ERR_INVALID, "option '--%s' needs a value: --%s %s", option->name,
                       option->name, option->value);
    options->values[found] = has_value ? argv[*index] + 2 + name.len + 1 : argv[++*index];
    return ERR_OK;
}

static enum err_code add_arg(struct options *options, const char *word, struct err *err)
{
    const struct command *command = options->command;

    if (options->arg_count >= command->max_args || options->arg_count == OPTIONS_MAX_ARGS)
        return err_set(err, ERR_INVALID, "'%.60s' is too much; right is: portreeve %s %s", word,
                       command->name, command->args);
    options->args[options->arg_count++] = word;
    return ERR_OK;
}

static enum err_code check_count(const struct options *options, struct err *err)
{
    const struct command *command = options->command;

    if (options->arg_count < command->min_args && !options_has(options, "help"))
        return err_set(err, ERR_INVALID, "something is missing; right is: portreeve %s %s",
                       command->name, command->args);
    return ERR_OK;
}

enum err_code options_parse(const struct command *command, int argc, char *const *argv,
                            struct options *ret_options, struct err *err)
{
    struct options options = {.command = command};
    bool is_over = false;

    assert(count_options(command->options) + count_options(options_common) <= OPTIONS_MAX);
    for (int i = 0; i < argc; i++) {
        enum err_code code = ERR_OK;

        if (!is_over && strcmp(argv[i], "--") == 0)
            is_over = true;
        else if (!is_over && strcmp(argv[i], "-h") == 0)
            options.values[find(command, STR("help"))] = "";
        else if (!is_over && strncmp(argv[i], "--", 2) == 0)
            code = read_option(&options, argc, argv, &i, err);
        else if (!is_over && argv[i][0] == '-' && argv[i][1] != '\0')
            code = err_set(err, ERR_INVALID,
                           "unknown option '%.60s'; options begin with two dashes", argv[i]);
        else
            code = add_arg(&options, argv[i], err);
        if (code != ERR_OK)
            return code;
    }
    enum err_code code = check_count(&options, err);
    if (code == ERR_OK)
        *ret_options = options;
    return code;
}

const char *options_get(const struct options *options, const char *name)
{
    int found = find(options->command, str_c(name));

    assert(found != NO_OPTION);
    return options->values[found];
}

const char *options_get_common(const struct options *options, const char *name)
{
    int common = find_in(options_common, str_c(name));

    assert(common != NO_OPTION);
    return options->values[count_options(options->command->options) + (unsigned)common];
}

bool options_has(const struct options *options, const char *name)
{
    return options_get(options, name) != NULL;
}

const char *options_arg(const struct options *options, unsigned index)
{
    return index < options->arg_count ? options->args[index] : NULL;
}

enum err_code options_number(const struct options *options, const char *name, uint64_t preset,
                             uint64_t low, uint64_t high, uint64_t *ret_value, struct err *err)
{
    const char *text = options_get(options, name);
    uint64_t value = preset;

    if (text != NULL && (!str_u64(str_c(text), &value) || value < low || value > high))
        return err_set(err, ERR_INVALID, "--%s must be a number from %" PRIu64 " to %" PRIu64, name,
                       low, high);
    *ret_value = value;
    return ERR_OK;
}

void options_write_usage(const struct command *command, struct buf *out)
{
    buf_printf(out, "portreeve %s%s%s [options]", command->name,
               command->args[0] != '\0' ? " " : "", command->args);
}
