/* A server that accepts every login and acknowledges every PUBLISH, and nothing else: against it one sees how many
   messages the generator itself can send. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;
    struct buffer in;
};

static void admit(int listener, int sink) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct client *client = calloc(1, sizeof *client);
    if (!client) die("out of memory");
    client->fd = fd;
    epoll_ctl(sink, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = client});
}

static void part(struct client *client) {
    close(client->fd);
    free(client->in.data);
    free(client);
}

static size_t answer(const struct packet *packet, uint8_t *out) {
    const uint8_t *payload;
    uint16_t id;
    switch (packet->type) {
    case CONNECT: return memcpy(out, "\x20\x02\x00\x00", 4), 4;
    case PINGREQ: return memcpy(out, "\xD0\x00", 2), 2;
    case PUBLISH: return publish_payload(packet, &payload, &id), id ? write_puback(out, id) : 0;
    default: return 0;
    }
}

/* Answers are a few bytes and one message is in flight, so a socket that takes less than all of them is broken. */
static void serve(struct client *client) {
    ssize_t got = recv(client->fd, buffer_space(&client->in, 4096), 4096, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) part(client);
        return;
    }
    client->in.end += (size_t)got;
    struct packet packet;
    size_t length;
    uint8_t out[8];
    while ((length = packet_read(client->in.data + client->in.start, client->in.end - client->in.start, &packet))) {
        size_t size = answer(&packet, out);
        buffer_drop(&client->in, length);
        if (size && send(client->fd, out, size, MSG_NOSIGNAL) != (ssize_t)size) {
            part(client);
            return;
        }
    }
}

void sink_serve(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), sink = epoll_create1(0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 1024))
        die("cannot listen on port %d: %s", port, strerror(errno));
    epoll_ctl(sink, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.ptr = NULL});
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(sink, events, 256, -1);
        for (int i = 0; i < count; i++)
            if (events[i].data.ptr) serve(events[i].data.ptr);
            else admit(listener, sink);
    }
}
