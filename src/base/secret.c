#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crypto.h"

enum { MAX_FILE_BYTES = 64 << 10 };

/* Stands at the start of its own pages. */
struct secret {
    size_t mapped; /* bytes */
    size_t len;
    char bytes[];
};

static size_t round_up(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (bytes + page - 1) / page * page;
}

struct secret *secret_new(struct str bytes)
{
    size_t mapped = round_up(sizeof(struct secret) + bytes.len + 1);
    struct secret *secret =
        mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (secret == MAP_FAILED)
        return NULL;
    /* Wiping on fork is not known to every kernel; the other two are a must. */
    if (mlock(secret, mapped) != 0 || madvise(secret, mapped, MADV_DONTDUMP) != 0) {
        (void)munmap(secret, mapped);
        return NULL;
    }
    (void)madvise(secret, mapped, MADV_WIPEONFORK);
    secret->mapped = mapped;
    secret->len = bytes.len;
    if (bytes.len > 0)
        memcpy(secret->bytes, bytes.ptr, bytes.len);
    return secret;
}

void secret_free(struct secret *secret)
{
    if (secret == NULL)
        return;
    size_t mapped = secret->mapped;
    crypto_wipe(secret, mapped);
    (void)munmap(secret, mapped);
}

void secret_freep(struct secret **secret)
{
    secret_free(*secret);
    *secret = NULL;
}

struct str secret_reveal(const struct secret *secret)
{
    return str_of(secret->bytes, secret->len);
}

static enum err_code read_all(int fd, const char *path, char *buffer, size_t size, size_t *ret_len,
                              struct err *err)
{
    size_t len = 0;

    while (len < size) {
        ssize_t got = read(fd, buffer + len, size - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, path);
        if (got == 0)
            break;
        len += (size_t)got;
    }
    if (len == size)
        return err_set(err, ERR_LIMIT, "%s: a secret has at most %d bytes", path, MAX_FILE_BYTES);
    *ret_len = len;
    return ERR_OK;
}

enum err_code secret_read_file(const char *path, struct secret **ret_secret, struct err *err)
{
    char buffer[MAX_FILE_BYTES + 1];
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        if (errno == ENOENT)
            return err_set(err, ERR_NOT_FOUND, "there is no file %s for this secret", path);
        return err_errno(err, errno, path);
    }
    enum err_code code = read_all(fd, path, buffer, sizeof buffer, &len, err);
    (void)close(fd);
    if (code == ERR_OK) {
        if (len > 0 && buffer[len - 1] == '\n')
            len--;
        if (len > 0 && buffer[len - 1] == '\r')
            len--;
        struct secret *secret = secret_new(str_of(buffer, len));
        if (secret == NULL)
            code = err_set(err, ERR_LIMIT, "%s: no locked memory left (ulimit -l)", path);
        else
            *ret_secret = secret;
    }
    crypto_wipe(buffer, sizeof buffer);
    return code;
}
