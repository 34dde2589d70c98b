/*
 * gate_unit.h - settings from a text, in a folder of their own that goes with the process.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gate/settings.h"
#include "unit.h"

static inline enum err_code read_settings(const char *text, struct settings **ret_settings,
                                          struct err *err)
{
    char path[] = "/tmp/portreeve-settings-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    enum err_code code = settings_read(path, ret_settings, err);
    (void)unlink(path);
    return code;
}
