/*
 * shell.c - the class of a command line of a POSIX shell: commands that are known to observe, with
 * words that stay what they are. What a shell would expand or run inside a word is admin.
 *
 * What a shell replaces by something else before it runs a command ($, `, {, a backslash) is not
 * followed. A file name pattern is one word that may become others, so it is only let through where
 * no word does harm.
 */
#include <string.h>

#include "base/attr.h"
#include "policy/refine_priv.h"

enum { MAX_WORDS = REFINE_MAX_ELEMENTS };

static const struct command {
    struct str name;
    enum category category;
    const char *letters;
    const char *prefixes;
} commands[] = {
#define X_COMMAND(name, category, letters, prefixes) {STR_INIT(name), category, letters, prefixes},
#include "policy/shell.def"
};

static const struct str git_words[] = {
#define X_GIT(subcommand) STR_INIT(subcommand),
#include "policy/shell.def"
};

struct line {
    struct str text;
    size_t at;
    struct refine_verdict *verdict;
    struct str words[MAX_WORDS];
    size_t count;
    bool has_pattern; /* in a word of this command */
    bool is_target;   /* the next word is the file of a redirection */
    bool is_bad;
};

static void refuse(struct line *line, const char *why)
{
    line->is_bad = true;
    refine_raise(line->verdict, CATEGORY_ADMIN, why, STR_NONE);
}

static const struct command *find_command(struct str name)
{
    if (str_starts(name, STR("/usr/bin/")))
        name = str_from(name, 9);
    else if (str_starts(name, STR("/bin/")))
        name = str_from(name, 5);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (str_eq(commands[i].name, name))
            return &commands[i];
    return NULL;
}

static bool has_letter(struct str word, const char *letters)
{
    if (word.len < 2 || word.ptr[0] != '-' || word.ptr[1] == '-')
        return false;
    for (size_t i = 1; i < word.len; i++)
        if (strchr(letters, word.ptr[i]) != NULL)
            return true;
    return false;
}

/* A word that begins like a prefix, or like a short form of one: --outp, --o=x. */
static bool has_prefix(struct str word, const char *prefixes)
{
    for (struct str rest = str_c(prefixes); rest.len > 0;)
        if (str_starts(word, str_cut(&rest, ' ')))
            return true;
    return false;
}

static bool is_git_reader(const struct str *words, size_t count)
{
    size_t at = 1;

    while (at < count && (str_eq(words[at], STR("--no-pager")) || str_eq(words[at], STR("-P"))))
        at++;
    for (size_t i = 0; at < count && i < ARRAY_LEN(git_words); i++)
        if (str_eq(words[at], git_words[i]))
            return true;
    return false;
}

static size_t operands(const struct str *words, size_t count)
{
    size_t found = 0;

    for (size_t i = 1; i < count; i++)
        found += words[i].len > 0 && words[i].ptr[0] != '-';
    return found;
}

static void judge_options(const struct command *command, const struct str *words, size_t count,
                          struct refine_verdict *verdict)
{
    for (size_t i = 1; i < count; i++)
        if (has_letter(words[i], command->letters) || has_prefix(words[i], command->prefixes))
            refine_raise(verdict, CATEGORY_ADMIN,
                         "a command has an option that is more than reading", words[i]);
    if (str_eq(command->name, STR("git")) && !is_git_reader(words, count))
        refine_raise(verdict, CATEGORY_ADMIN, "it is a command of git that is not known to observe",
                     count > 1 ? words[1] : STR_NONE);
}

static void judge_command(const struct str *words, size_t count, bool has_pattern,
                          struct refine_verdict *verdict)
{
    const struct command *command = find_command(words[0]);

    if (command == NULL) {
        refine_raise(verdict, CATEGORY_ADMIN, "it runs a command that is not known", words[0]);
        return;
    }
    refine_raise(verdict, command->category, "it runs this command", words[0]);
    judge_options(command, words, count, verdict);
    bool is_choosy = command->letters[0] != '\0' || command->prefixes[0] != '\0';
    if (has_pattern && is_choosy)
        refine_raise(verdict, CATEGORY_ADMIN, "a pattern may become an option", words[0]);
    if (str_eq(command->name, STR("cd")) && operands(words, count) > 1)
        refine_raise(verdict, CATEGORY_ADMIN, "it has too many operands", words[0]);
}

void shell_judge_words(const struct str *words, size_t count, struct refine_verdict *verdict)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < words[i].len; k++)
            if (words[i].ptr[k] == '\0' || words[i].ptr[k] == '\n')
                refine_raise(verdict, CATEGORY_ADMIN, "a word holds a line end or a NUL byte",
                             STR_NONE);
    /* Who joins the words may hand them to a shell. */
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < words[i].len; k++)
            if (strchr("$`\\;&|<>(){}!*?[]'\"#~", words[i].ptr[k]) != NULL ||
                words[i].ptr[k] == ' ')
                refine_raise(verdict, CATEGORY_ADMIN, "a word holds a sign of the shell", words[i]);
    if (count > 0)
        judge_command(words, count, false, verdict);
}

static int peek(const struct line *line, size_t ahead)
{
    size_t at = line->at + ahead;
    return at < line->text.len ? (unsigned char)line->text.ptr[at] : -1;
}

static void end_command(struct line *line)
{
    if (line->is_target)
        refuse(line, "a redirection has no file");
    if (line->count > 0)
        judge_command(line->words, line->count, line->has_pattern, line->verdict);
    line->count = 0;
    line->has_pattern = false;
}

static bool ends_word(int c)
{
    return c < 0 || strchr(" \t\n;&|<>()", c) != NULL;
}

/* A file to read from, which is no part of the command; one to write into was judged before. */
static void take_target(struct line *line, struct str word)
{
    line->is_target = false;
    if (str_starts(word, STR("/dev/")))
        refuse(line, "it uses a device");
    for (size_t i = 0; i < word.len; i++)
        if (strchr("*?[", word.ptr[i]) != NULL)
            refuse(line, "a pattern stands for a file");
}

static void add_word(struct line *line, struct str word)
{
    if (line->is_target)
        take_target(line, word);
    else
        line->words[line->count++] = word;
}

/* A quoted part of a word; its text must be all of the word, so that words are views. */
static void take_quoted(struct line *line, char quote)
{
    size_t start = ++line->at;

    while (peek(line, 0) >= 0 && peek(line, 0) != quote) {
        int c = peek(line, 0);
        if (quote == '"' && (c == '$' || c == '`' || c == '\\' || c == '!')) {
            refuse(line, "a shell would replace a part of it");
            return;
        }
        line->at++;
    }
    if (peek(line, 0) < 0) {
        refuse(line, "a quote does not end");
        return;
    }
    add_word(line, str_of(line->text.ptr + start, line->at - start));
    line->at++;
    if (!ends_word(peek(line, 0)))
        refuse(line, "a word is only partly in quotes");
}

static void take_word(struct line *line)
{
    size_t start = line->at;
    bool has_pattern = false;

    for (; !ends_word(peek(line, 0)); line->at++) {
        int c = peek(line, 0);
        if (strchr("$`\\{}!'\"", c) != NULL || c < ' ' || c == 0x7f ||
            (c == '#' && line->at == start)) {
            refuse(line, "a shell would replace a part of it");
            return;
        }
        has_pattern = has_pattern || strchr("*?[", c) != NULL;
    }
    line->has_pattern = line->has_pattern || (has_pattern && !line->is_target);
    struct str word = str_of(line->text.ptr + start, line->at - start);
    if (line->count == 0 && !line->is_target && str_find(word, '=') < word.len)
        refuse(line, "it sets a variable");
    else if (line->count == 0 && line->has_pattern)
        refuse(line, "a pattern stands for a command");
    add_word(line, word);
}

static bool takes(struct line *line, struct str text)
{
    if (!str_starts(str_from(line->text, line->at), text))
        return false;
    line->at += text.len;
    return true;
}

/* Redirections that keep nothing: 2>/dev/null, 2>&1. From a file is reading. */
static bool is_nothing(struct line *line)
{
    return (takes(line, STR(">/dev/null")) || takes(line, STR("> /dev/null")) ||
            takes(line, STR(">&1")) || takes(line, STR(">&2"))) &&
           ends_word(peek(line, 0));
}

static void take_redirection(struct line *line)
{
    bool is_output = peek(line, 0) == '>';

    if (line->is_target) {
        refuse(line, "a redirection has no file");
        return;
    }
    if (is_output && is_nothing(line))
        return;
    if (is_output)
        refine_raise(line->verdict, CATEGORY_DESTRUCTIVE, "it writes into a file", STR_NONE);
    line->at++;
    if (is_output && peek(line, 0) == '>')
        line->at++;
    if (peek(line, 0) < 0 || strchr("<>&|(", peek(line, 0)) != NULL)
        refuse(line, "it holds a redirection that is not read here");
    line->is_target = true;
}

/* ; & && | || and the end of a line. */
static void take_separator(struct line *line, int c)
{
    end_command(line);
    line->at++;
    /* |& and &> are other things in bash. */
    int next = peek(line, 0);
    if ((c == '|' || c == '&') && next != c && (next == '&' || next == '|' || next == '>'))
        refuse(line, "it holds a sign that not every shell reads in the same way");
}

static void take(struct line *line)
{
    int c = peek(line, 0);

    if (line->count == MAX_WORDS)
        refuse(line, "it has too many words");
    else if (c == ' ' || c == '\t')
        line->at++;
    else if (c > 0 && strchr("\n;&|", c) != NULL)
        take_separator(line, c);
    else if (c == '(' || c == ')')
        refuse(line, "it holds a subshell or a function");
    else if (c == '<' || c == '>')
        take_redirection(line);
    else if (c == '\'' || c == '"')
        take_quoted(line, (char)c);
    else
        take_word(line);
}

void shell_judge(struct str text, struct refine_verdict *verdict)
{
    struct line line = {.text = text, .verdict = verdict};

    if (!str_is_utf8(text) || (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL))
        refuse(&line, "it is not plain text");
    while (!line.is_bad && line.at < text.len)
        take(&line);
    end_command(&line);
    if (verdict->why == NULL)
        refine_raise(verdict, CATEGORY_ADMIN, "it holds no command", STR_NONE);
}
