/* Sockets that never block, websocket frames, HTTP chunks. Anything unexpected ends the run: a bench that goes on with
   fewer tablets than it claims measures something else. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

int poller;

struct address address_read(const char *url) {
    struct address address = {.path = "/"};
    if (sscanf(url, "%7[a-z]://%63[0-9.]:%d%255s", address.scheme, address.host, &address.port, address.path) < 3 ||
        (strcmp(address.scheme, "mqtt") && strcmp(address.scheme, "ws") && strcmp(address.scheme, "http")))
        die("%s is no mqtt://, ws:// or http:// address of the form scheme://1.2.3.4:port/path", url);
    return address;
}

static const char *name_of(const struct connection *c) {
    return c->tablet ? c->login.client_id : c->reader->url;
}

static bool is_websocket(const struct connection *c) { return !strcmp(c->address->scheme, "ws"); }

static void listen_to(struct connection *c, int operation, uint32_t events) {
    if (epoll_ctl(poller, operation, c->fd, &(struct epoll_event){.events = events, .data.ptr = c}))
        die("epoll: %s", strerror(errno));
}

void connection_open(struct connection *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) die("socket: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->address->port)};
    inet_pton(AF_INET, c->address->host, &there.sin_addr);
    if (connect(c->fd, (struct sockaddr *)&there, sizeof there) && errno != EINPROGRESS)
        die("%s cannot connect: %s", name_of(c), strerror(errno));
    c->stage = CONNECTING;
    listen_to(c, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

/* ---- out ---- */

static void send_some(struct connection *c) {
    while (c->out.start < c->out.end) {
        ssize_t sent = send(c->fd, c->out.data + c->out.start, c->out.end - c->out.start, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            listen_to(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }
        if (sent < 0) die("%s cannot send: %s", name_of(c), strerror(errno));
        buffer_drop(&c->out, (size_t)sent);
    }
}

static void write_raw(struct connection *c, const void *data, size_t size) {
    buffer_add(&c->out, data, size);
    send_some(c);
}

/* A mask of zeros is a legal mask, and leaves the bytes as they are. */
static void write_frame(struct connection *c, int opcode, const uint8_t *data, size_t size) {
    uint8_t header[8] = {(uint8_t)(0x80 | opcode), (uint8_t)(0x80 | (size < 126 ? size : 126))};
    size_t used = 2;
    if (size >= 126) {
        header[used++] = (uint8_t)(size >> 8);
        header[used++] = (uint8_t)size;
    }
    buffer_add(&c->out, header, used + 4);
    write_raw(c, data, size);
}

void connection_write(struct connection *c, const uint8_t *data, size_t size) {
    c->written_at = now_ns();
    if (is_websocket(c)) write_frame(c, 2, data, size);
    else write_raw(c, data, size);
}

/* Nine tenths of the keep-alive. */
uint64_t ping_after_ns(const struct connection *c) {
    return c->role == STREAM ? 0 : c->login.keep_alive * 900000000ull;
}

uint16_t next_packet_id(uint16_t id) { return id == UINT16_MAX ? 1 : (uint16_t)(id + 1); }

static void log_in(struct connection *c) {
    uint8_t packet[LARGEST_PACKET];
    c->stage = LOGGING_IN;
    connection_write(c, packet, write_connect(packet, &c->login));
}

static void greet(struct connection *c) {
    char request[8192];
    const struct address *to = c->address;
    if (c->role != STREAM && !is_websocket(c)) {
        log_in(c);
        return;
    }
    int size = c->role == STREAM
        ? snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nAccept: text/event-stream\r\n"
                   "Authorization: Bearer %s\r\n\r\n", to->path, to->host, to->port, c->login.password)
        : snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
                   "Sec-WebSocket-Key: aW5ud2F0Y2ggYmVuY2ghIQ==\r\n\r\n", to->path, to->host, to->port);
    if (size >= (int)sizeof request) die("%s: the token is too long", name_of(c));
    c->stage = UPGRADING;
    write_raw(c, request, (size_t)size);
}

/* ---- in ---- */

static size_t waiting(const struct buffer *buffer) { return buffer->end - buffer->start; }
static uint8_t *first(const struct buffer *buffer) { return buffer->data + buffer->start; }

static void take_packet(struct connection *c, const struct packet *packet) {
    uint8_t out[LARGEST_PACKET];
    const uint8_t *payload;
    uint16_t id;
    size_t size;
    switch (packet->type) {
    case CONNACK:
        if (packet->size != 2) die("%s got a CONNACK of %zu bytes", name_of(c), packet->size);
        if (packet->body[1]) die("%s was refused: CONNACK %d", name_of(c), packet->body[1]);
        c->stage = c->filter ? SUBSCRIBING : READY;
        if (c->filter) connection_write(c, out, write_subscribe(out, c->filter));
        else on_ready(c);
        break;
    case SUBACK:
        if (packet->size != 3 || packet->body[2] > 1) die("%s may not subscribe to %s", name_of(c), c->filter);
        c->stage = READY;
        on_ready(c);
        break;
    case PUBACK:
        if (packet->size != 2 || !c->in_flight || (packet->body[0] << 8 | packet->body[1]) != c->oldest_id)
            die("%s got a PUBACK for nothing, or out of order", name_of(c));
        on_puback(c);
        break;
    case PUBLISH:
        size = publish_payload(packet, &payload, &id);
        if (c->reader) on_alert(c, (const char *)payload, size);
        if (id) connection_write(c, out, write_puback(out, id));
        break;
    case PINGRESP: break;
    default: die("%s got a packet of type %d", name_of(c), packet->type);
    }
}

static void take_packets(struct connection *c, struct buffer *from) {
    struct packet packet;
    size_t length;
    while ((length = packet_read(first(from), waiting(from), &packet))) {
        take_packet(c, &packet);
        buffer_drop(from, length);
    }
}

static void take_frames(struct connection *c) {
    while (waiting(&c->in) >= 2) {
        const uint8_t *frame = first(&c->in);
        size_t size = frame[1] & 127, header = 2;
        if (size == 126) header = 4;
        if (size == 127) header = 10;
        if (waiting(&c->in) < header) return;
        if (header > 2) size = 0;
        for (size_t i = 2; i < header; i++) size = size << 8 | frame[i];
        if (frame[1] & 128) die("%s got a masked frame", name_of(c));
        if (waiting(&c->in) < header + size) return;
        int opcode = frame[0] & 15;
        if (opcode == 8) die("%s: the server closed the websocket", name_of(c));
        if (opcode == 9) write_frame(c, 10, frame + header, size);
        if (opcode <= 2) buffer_add(&c->inner, frame + header, size);
        buffer_drop(&c->in, header + size);
    }
}

/* A chunk is its size in hexadecimal, CR LF, that many bytes, CR LF. */
static void take_chunks(struct connection *c) {
    while (waiting(&c->in)) {
        if (!c->in_chunk) {
            uint8_t *end = memmem(first(&c->in), waiting(&c->in), "\r\n", 2);
            if (!end) return;
            c->chunk_left = strtoul((char *)first(&c->in), NULL, 16) + 2;
            if (c->chunk_left == 2) die("%s: the server ended the stream", name_of(c));
            c->in_chunk = true;
            buffer_drop(&c->in, (size_t)(end + 2 - first(&c->in)));
        }
        size_t size = waiting(&c->in) < c->chunk_left ? waiting(&c->in) : c->chunk_left;
        size_t text = c->chunk_left <= 2 ? 0 : size < c->chunk_left - 2 ? size : c->chunk_left - 2;
        buffer_add(&c->inner, first(&c->in), text);
        buffer_drop(&c->in, size);
        c->chunk_left -= size;
        c->in_chunk = c->chunk_left > 0;
    }
}

/* An event ends with an empty line; lines end with LF or CR LF. */
static void take_events(struct connection *c, struct buffer *from) {
    while (waiting(from)) {
        uint8_t *start = first(from), *plain = memmem(start, waiting(from), "\n\n", 2);
        uint8_t *end = memmem(start, waiting(from), "\n\r\n", 3);
        size_t mark = end && (!plain || end < plain) ? 3 : 2;
        if (mark == 2) end = plain;
        if (!end) return;
        size_t size = (size_t)(end - start);
        if (memmem(start, size, "alert.opened", 12)) on_alert(c, (char *)start, size);
        buffer_drop(from, size + mark);
    }
}

/* True once the head of the HTTP answer is through. */
static bool take_answer(struct connection *c) {
    uint8_t *end = memmem(first(&c->in), waiting(&c->in), "\r\n\r\n", 4);
    if (!end) return false;
    *end = 0;
    const char *head = (char *)first(&c->in);
    int code = 0;
    sscanf(head, "HTTP/1.1 %d", &code);
    if (code != (c->role == STREAM ? 200 : 101)) die("%s was refused: %.200s", name_of(c), head);
    c->chunked = strcasestr(head, "transfer-encoding: chunked") != NULL;
    buffer_drop(&c->in, (size_t)(end + 4 - first(&c->in)));
    if (c->role == CONSOLE) {
        log_in(c);
    } else {
        c->stage = READY;
        on_ready(c);
    }
    return true;
}

/* What arrives stays in a buffer of the connection only while it is incomplete, or ten thousand would fill memory. */
static void receive(struct connection *c) {
    static uint8_t arrived[65536];
    ssize_t got = recv(c->fd, arrived, sizeof arrived, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) die("%s was cut off: %s", name_of(c), got ? strerror(errno) : "closed by the server");
    buffer_add(&c->in, arrived, (size_t)got);
    if (c->stage == UPGRADING && !take_answer(c)) return;
    if (is_websocket(c)) take_frames(c);
    if (c->chunked) take_chunks(c);
    struct buffer *from = is_websocket(c) || c->chunked ? &c->inner : &c->in;
    if (c->role == STREAM) take_events(c, from);
    else take_packets(c, from);
}

static void finish_connecting(struct connection *c) {
    int error = 0;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
    if (error) die("%s cannot connect: %s", name_of(c), strerror(error));
    listen_to(c, EPOLL_CTL_MOD, EPOLLIN);
    greet(c);
}

void connection_event(struct connection *c, uint32_t events) {
    if (c->stage == CONNECTING) {
        finish_connecting(c);
        return;
    }
    if (events & EPOLLOUT) {
        listen_to(c, EPOLL_CTL_MOD, EPOLLIN);
        send_some(c);
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) receive(c);
}
