/*
 * upstream.c - the static upstream of the bench: one thread, epoll, a modern MCP server with one
 * tool whose answer is always the same but for the id. It answers the gateway and nginx alike, and
 * counts the tool calls it saw (GET /count).
 *
 * It is no example of an HTTP server: it trusts its peers, who are the gateway, nginx and wrk.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 4096, BUFFER_BYTES = 65536, MAX_EVENTS = 256 };

struct connection {
    size_t len;
    char data[BUFFER_BYTES];
};

static struct connection *connections[MAX_CONNECTIONS];
static unsigned long calls;

static const char discover[] =
    "{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{"
    "\"tools\":{}},"
    "\"ttlMs\":60000,\"cacheScope\":\"public\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":"
    "{\"name\":\"bench\",\"version\":\"1\"}}}";
static const char tools[] =
    "{\"resultType\":\"complete\",\"tools\":[{\"name\":\"echo\",\"description\":\"Answers.\","
    "\"inputSchema\":"
    "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}}}}],\"ttlMs\":60000,"
    "\"cacheScope\":\"public\"}";
static const char answer[] =
    "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"The quick brown fox "
    "jumps over the "
    "lazy dog. The quick brown fox jumps over the lazy dog.\"}],\"isError\":false}";

/* The value of the first "id" of the body, quotes included. */
static size_t find_id(const char *body, size_t len, const char **ret_id)
{
    const char *at = memmem(body, len, "\"id\":", 5);
    const char *end = body + len;

    if (at == NULL) {
        *ret_id = "null";
        return 4;
    }
    at += 5;
    *ret_id = at;
    if (*at == '"') {
        const char *quote = memchr(at + 1, '"', (size_t)(end - at - 1));

        return quote == NULL ? 0 : (size_t)(quote + 1 - at);
    }
    return strcspn(at, ",}");
}

static bool has(const char *body, size_t len, const char *text)
{
    return memmem(body, len, text, strlen(text)) != NULL;
}

static const char *result_for(const char *body, size_t len)
{
    if (has(body, len, "\"tools/call\"")) {
        calls++;
        return answer;
    }
    if (has(body, len, "\"tools/list\""))
        return tools;
    return discover;
}

static int reply(int fd, const char *head, size_t head_len, const char *body, size_t body_len)
{
    char out[4096];
    char text[2048];
    int len;

    if (head_len >= 10 && memcmp(head, "GET /count", 10) == 0) {
        len = snprintf(text, sizeof text, "{\"calls\":%lu}", calls);
    } else {
        const char *id = NULL;
        size_t id_len = find_id(body, body_len, &id);

        len = snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":%s}",
                       (int)id_len, id, result_for(body, body_len));
    }
    int total = snprintf(
        out, sizeof out,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len,
        text);
    return send(fd, out, (size_t)total, MSG_NOSIGNAL) == total ? 0 : -1;
}

static size_t content_length(const char *head, size_t len)
{
    static const char name[] = "\r\ncontent-length:";

    for (size_t i = 0; i + sizeof name < len; i++) {
        if (strncasecmp(head + i, name, sizeof name - 1) == 0)
            return (size_t)strtoul(head + i + sizeof name - 1, NULL, 10);
    }
    return 0;
}

/* Answers every whole request in the buffer. Returns -1 when the connection is to be closed. */
static int serve(int fd, struct connection *c)
{
    for (;;) {
        const char *end = memmem(c->data, c->len, "\r\n\r\n", 4);

        if (end == NULL)
            return c->len == BUFFER_BYTES ? -1 : 0;
        size_t head_len = (size_t)(end - c->data) + 4;
        size_t whole = head_len + content_length(c->data, head_len);

        if (whole > BUFFER_BYTES)
            return -1;
        if (c->len < whole)
            return 0;
        if (reply(fd, c->data, head_len, c->data + head_len, whole - head_len) != 0)
            return -1;
        memmove(c->data, c->data + whole, c->len - whole);
        c->len -= whole;
    }
}

static void drop(int fd)
{
    free(connections[fd]);
    connections[fd] = NULL;
    close(fd);
}

static void on_readable(int fd)
{
    struct connection *c = connections[fd];
    ssize_t got = recv(fd, c->data + c->len, BUFFER_BYTES - c->len, 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0)
        c->len += (size_t)got;
    if (got <= 0 || serve(fd, c) != 0)
        drop(fd);
}

static void on_connect(int epoll, int listener)
{
    int one = 1;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (fd < 0)
        return;
    if (fd >= MAX_CONNECTIONS || (connections[fd] = malloc(sizeof *connections[fd])) == NULL) {
        close(fd);
        return;
    }
    connections[fd]->len = 0;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        drop(fd);
}

static int listen_on(unsigned port)
{
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0) {
        perror("bench upstream");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    struct epoll_event events[MAX_EVENTS];
    int listener = listen_on(argc > 1 ? (unsigned)atoi(argv[1]) : 9100);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};

    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
        return 1;
    for (;;) {
        int count = epoll_wait(epoll, events, MAX_EVENTS, -1);

        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                on_connect(epoll, listener);
            else
                on_readable(events[i].data.fd);
        }
    }
}
