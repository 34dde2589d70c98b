/*
 * kin.c - the descendants of the launcher, from /proc: a process group holds only those that stayed
 * in it.
 *
 * A pid that is read here may be gone and used again when it is signalled. Descendants alone are
 * signalled, all of the gateway's own user, within a millisecond of reading.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/launcher_priv.h"

struct kin {
    pid_t pid;
    pid_t parent;
    pid_t group;
    bool is_dead;
    bool is_below;
};

struct kin_list {
    struct kin *items;
    size_t count;
    size_t size;
};

/* proc(5), /proc/PID/stat: "pid (name) state ppid pgrp …"; the name may hold anything. */
static bool read_one(const char *pid, struct kin *ret_kin)
{
    char path[64];
    char text[1024];
    char state;

    (void)snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t len = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    const char *behind = strrchr(text, ')');
    struct kin kin = {.pid = (pid_t)strtol(pid, NULL, 10)};
    if (behind == NULL || sscanf(behind + 1, " %c %d %d", &state, &kin.parent, &kin.group) != 3)
        return false;
    kin.is_dead = state == 'Z' || state == 'X';
    *ret_kin = kin;
    return true;
}

static bool add(struct kin_list *list, struct kin kin)
{
    if (list->count == list->size) {
        size_t size = list->size == 0 ? 256 : list->size * 2;
        struct kin *items = reallocarray(list->items, size, sizeof *items);

        if (items == NULL)
            return false;
        list->items = items;
        list->size = size;
    }
    list->items[list->count++] = kin;
    return true;
}

static void read_all(struct kin_list *list)
{
    DIR *dir = opendir("/proc");
    const struct dirent *entry;
    struct kin kin;

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        bool is_pid = entry->d_name[0] >= '1' && entry->d_name[0] <= '9';

        if (is_pid && read_one(entry->d_name, &kin) && !add(list, kin))
            break;
    }
    (void)closedir(dir);
}

static bool is_below(const struct kin_list *list, pid_t root, pid_t parent)
{
    if (parent == root)
        return true;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].pid == parent)
            return list->items[i].is_below;
    return false;
}

/* Until a pass finds nobody new: pids wrap, so a child may stand before its parent. */
static void mark_below(struct kin_list *list, pid_t root)
{
    bool found_more = true;

    while (found_more) {
        found_more = false;
        for (size_t i = 0; i < list->count; i++) {
            struct kin *kin = &list->items[i];

            if (!kin->is_below && is_below(list, root, kin->parent)) {
                kin->is_below = true;
                found_more = true;
            }
        }
    }
}

/* group 0: any. */
static size_t signal_kin(pid_t root, pid_t group, int signal)
{
    struct kin_list list = {.items = NULL};
    size_t count = 0;

    read_all(&list);
    mark_below(&list, root);
    for (size_t i = 0; i < list.count; i++) {
        const struct kin *kin = &list.items[i];

        if (!kin->is_below || kin->is_dead || (group != 0 && kin->group != group))
            continue;
        if (kill(kin->pid, signal) == 0)
            count++;
    }
    free(list.items);
    return count;
}

size_t kin_signal_group(pid_t group, int signal)
{
    return signal_kin(getpid(), group, signal);
}

size_t kin_signal_below(pid_t root, int signal)
{
    return signal_kin(root, 0, signal);
}
