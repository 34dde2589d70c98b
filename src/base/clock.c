#include "base/clock.h"

#include <stdio.h>
#include <time.h>

enum { US = 1000000 };

int64_t clock_wall_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * US + now.tv_nsec / 1000;
}

uint64_t clock_mono_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * US + (uint64_t)now.tv_nsec / 1000;
}

void clock_format_rfc3339(int64_t wall_us, char text[CLOCK_RFC3339_BYTES])
{
    int64_t us = wall_us % US;
    time_t seconds = (time_t)(wall_us / US);
    struct tm tm;

    if (us < 0) {
        us += US;
        seconds--;
    }
    if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900) {
        (void)snprintf(text, CLOCK_RFC3339_BYTES, "0000-00-00T00:00:00.000000Z");
        return;
    }
    /* The remainders tell the compiler that all fits. */
    (void)snprintf(text, CLOCK_RFC3339_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
                   (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
                   (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
                   (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100, (unsigned)us % US);
}

/* Takes count digits off *rest. */
static bool take_digits(struct str *rest, size_t count, int *ret_value)
{
    int value = 0;

    if (rest->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        char c = rest->ptr[i];

        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *rest = str_from(*rest, count);
    *ret_value = value;
    return true;
}

static bool take(struct str *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    *rest = str_from(*rest, 1);
    return true;
}

static bool take_date(struct str *rest, struct tm *tm)
{
    if (!take_digits(rest, 4, &tm->tm_year) || !take(rest, '-') ||
        !take_digits(rest, 2, &tm->tm_mon) || !take(rest, '-') ||
        !take_digits(rest, 2, &tm->tm_mday))
        return false;
    if (tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1 || tm->tm_mday > 31)
        return false;
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return true;
}

/* ".5" to ".123456"; nothing is fine too. */
static bool take_fraction(struct str *rest, int64_t *ret_us)
{
    int64_t scale = US / 10;

    *ret_us = 0;
    if (!take(rest, '.'))
        return true;
    if (rest->len == 0 || rest->ptr[0] < '0' || rest->ptr[0] > '9')
        return false;
    while (rest->len > 0 && rest->ptr[0] >= '0' && rest->ptr[0] <= '9') {
        if (scale == 0)
            return false;
        *ret_us += (rest->ptr[0] - '0') * scale;
        scale /= 10;
        *rest = str_from(*rest, 1);
    }
    return true;
}

/* Hours and minutes, seconds if they are there. */
static bool take_time(struct str *rest, struct tm *tm, int64_t *ret_us)
{
    if (!take_digits(rest, 2, &tm->tm_hour) || !take(rest, ':') ||
        !take_digits(rest, 2, &tm->tm_min))
        return false;
    if (take(rest, ':') && (!take_digits(rest, 2, &tm->tm_sec) || !take_fraction(rest, ret_us)))
        return false;
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* "Z", "+02:00"; *ret_has is false when there is none. */
static bool take_offset(struct str *rest, bool *ret_has, int *ret_seconds)
{
    int hours = 0;
    int minutes = 0;
    bool is_minus = rest->len > 0 && rest->ptr[0] == '-';

    *ret_has = rest->len > 0;
    *ret_seconds = 0;
    if (rest->len == 0 || take(rest, 'Z') || take(rest, 'z'))
        return true;
    if (!take(rest, '+') && !take(rest, '-'))
        return false;
    if (!take_digits(rest, 2, &hours) || !take(rest, ':') || !take_digits(rest, 2, &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *ret_seconds = (is_minus ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

static bool parse_point(struct str text, int64_t *ret_wall_us)
{
    struct tm tm = {.tm_isdst = -1};
    struct tm check;
    int64_t us = 0;
    bool has_offset = false;
    int offset = 0;

    if (!take_date(&text, &tm))
        return false;
    if (text.len > 0) {
        if (!take(&text, 'T') && !take(&text, 't') && !take(&text, ' '))
            return false;
        if (!take_time(&text, &tm, &us) || !take_offset(&text, &has_offset, &offset) ||
            text.len > 0)
            return false;
    }
    check = tm;
    time_t seconds = has_offset ? timegm(&tm) - offset : mktime(&tm);
    /* A day that the month does not have was carried into the next. */
    if (check.tm_mday != tm.tm_mday)
        return false;
    *ret_wall_us = (int64_t)seconds * US + us;
    return true;
}

enum err_code clock_parse_span(struct str text, int64_t *ret_us, struct err *err)
{
    static const struct {
        struct str unit;
        int64_t us;
    } units[] = {{STR_INIT("ms"), 1000},
                 {STR_INIT("s"), US},
                 {STR_INIT("m"), 60LL * US},
                 {STR_INIT("h"), 3600LL * US},
                 {STR_INIT("d"), 86400LL * US}};
    size_t digits = 0;
    uint64_t value = 0;

    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (!str_eq(str_from(text, digits), units[i].unit))
            continue;
        if (!str_u64(str_first(text, digits), &value) ||
            value > (uint64_t)(INT64_MAX / units[i].us))
            break;
        *ret_us = (int64_t)value * units[i].us;
        return ERR_OK;
    }
    return err_set(err, ERR_INVALID, "'" STR_FMT "' is no length of time: 500ms, 90s, 15m, 2h, 3d",
                   STR_ARG(str_first(text, 60)));
}

enum err_code clock_parse(struct str text, int64_t now_us, int64_t *ret_wall_us, struct err *err)
{
    int64_t span = 0;

    if (str_eq(text, STR("now"))) {
        *ret_wall_us = now_us;
        return ERR_OK;
    }
    if (clock_parse_span(text, &span, NULL) == ERR_OK && span <= now_us) {
        *ret_wall_us = now_us - span;
        return ERR_OK;
    }
    if (parse_point(text, ret_wall_us))
        return ERR_OK;
    return err_set(err, ERR_INVALID,
                   "'" STR_FMT
                   "' is no time: 2026-11-23T14:00:00Z, '2026-11-23 14:00' (local), 2h (ago)",
                   STR_ARG(str_first(text, 60)));
}
