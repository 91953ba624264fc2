/* What the files of the load generator share: time, samples, buffers, MQTT packets, tablets, connections. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- basics.c ---- */

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_ns(void);                          /* monotonic */
uint64_t wall_ns(void);
double own_cpu_s(void);                         /* user and system time of this process */
double cpu_s_of(long pid);                      /* the same of another one, all its threads; resolution: a clock tick */
double machine_cpu_s(void);                     /* of all processes on all cores, and what a hypervisor took away */

enum memory { SHARE, RESIDENT, MOST_RESIDENT }; /* SHARE: shared pages divided among those who share them */
unsigned long memory_kib(long pid, enum memory kind);

struct samples {                                /* nanoseconds, every one kept: quantiles are exact */
    uint64_t *at;
    size_t count, room;
};
void samples_add(struct samples *samples, uint64_t ns);
void samples_print(const char *name, struct samples *samples);      /* "name":{"n":…,"p50":…,"p99":…} in µs */

struct buffer {                                 /* bytes start..end are waiting */
    uint8_t *data;
    size_t start, end, room;
};
void buffer_add(struct buffer *buffer, const void *data, size_t size);
uint8_t *buffer_space(struct buffer *buffer, size_t size);          /* room for `size` bytes behind `end` */
void buffer_drop(struct buffer *buffer, size_t size);

/* ---- mqtt.c: the packets of MQTT 3.1.1 that tablets and consoles need ---- */

enum { CONNECT = 1, CONNACK, PUBLISH, PUBACK, SUBSCRIBE = 8, SUBACK, PINGREQ = 12, PINGRESP, DISCONNECT };
enum { LARGEST_PACKET = 16384 };

struct packet {
    int type, flags;
    const uint8_t *body;
    size_t size;
};
/* Read the packet that begins at `data`: its whole length, or 0 while it is incomplete. Dies of a malformed one. */
size_t packet_read(const uint8_t *data, size_t size, struct packet *packet);
size_t publish_payload(const struct packet *packet, const uint8_t **payload, uint16_t *id);    /* id 0: QoS 0 */

/* These write into `out`, LARGEST_PACKET bytes, and return the length. */
struct login {
    const char *client_id, *username, *password;
    unsigned keep_alive;                        /* seconds */
};
size_t write_connect(uint8_t *out, const struct login *login);
size_t write_publish(uint8_t *out, const char *topic, uint16_t id, const char *payload, size_t size);
size_t write_subscribe(uint8_t *out, const char *filter);
size_t write_puback(uint8_t *out, uint16_t id);

/* ---- tablets.c ---- */

struct tablet {
    const char *client_id, *username, *password, *topic, *device_id, *bssid;
    char report_topic[256], receipt_topic[256];
    uint64_t seq;
    uint64_t reported_at;                       /* when its Report was written; 0: never */
};
struct tablet *tablets_read(const char *path, size_t count);        /* the first `count` lines of the CSV */
struct tablet *tablet_named(const char *device_id, size_t size);    /* NULL: none of ours */
size_t heartbeat_write(char *out, size_t room, struct tablet *tablet);
size_t report_write(char *out, size_t room, struct tablet *tablet);

/* The next line of a CSV cut into exactly `columns` fields that live as long as the process; false at its end. */
bool csv_line(void *file, const char *path, char **fields, int columns);

/* ---- wire.c: sockets, and what lies between them and the packets ---- */

enum role { TABLET, CONSOLE, STREAM };
enum stage { NEW, CONNECTING, UPGRADING, LOGGING_IN, SUBSCRIBING, READY };

struct address {
    char scheme[8], host[64], path[256];
    int port;
};
struct address address_read(const char *url);                       /* mqtt://, ws:// or http://, IPv4 */

struct reader {                                 /* a console or an event stream that waits for alerts, or many alike */
    struct address address;
    const char *url, *client_id, *username, *password, *filter;
    bool *seen;                                 /* per tablet: its alert has arrived; NULL: nobody looks */
    struct samples latency;
};

struct connection {
    enum role role;
    enum stage stage;
    int fd;
    const struct address *address;
    struct login login;
    const char *filter;                         /* NULL: it subscribes to nothing */
    struct tablet *tablet;                      /* of a TABLET */
    struct reader *reader;                      /* of the others */
    struct buffer in, inner, out;               /* inner: what stood inside websocket frames or chunks */
    size_t chunk_left;
    bool chunked, in_chunk;
    uint16_t newest_id, oldest_id;              /* of what is in flight, which is acknowledged in order */
    unsigned in_flight, oldest;                 /* how many, and which of sent_at is the oldest's */
    uint64_t *sent_at;                          /* as many as may be in flight */
    uint64_t written_at;
    bool in_line;                               /* it waits for its turn to publish */
};

extern int poller;                              /* the epoll descriptor */
void connection_open(struct connection *connection);
void connection_event(struct connection *connection, uint32_t events);     /* calls on_… below */
void connection_write(struct connection *connection, const uint8_t *data, size_t size);
uint64_t ping_after_ns(const struct connection *connection);        /* how long it may write nothing; 0: for ever */
uint16_t next_packet_id(uint16_t id);

/* What run.c does when something arrives. */
void on_ready(struct connection *connection);
void on_puback(struct connection *connection);
void on_alert(struct connection *connection, const char *text, size_t size);

/* ---- run.c: one run from the first login to the printed result ---- */

enum { MOST_READERS = 8, MOST_SECONDS_AFTER = 600 };

struct plan {                                   /* what main.c reads from the command line; see its help */
    struct address broker;
    const char *csv;
    size_t count, reports, first, every;
    unsigned in_flight, keep_alive;
    bool idle, subscribe;
    double rate, seconds, warm_up, rate_after, seconds_after;
    long watch;
    struct reader readers[MOST_READERS];
    size_t reader_count;
    struct reader audience;
    size_t audience_count;
};
void run(struct plan *plan);

/* ---- sink.c: a server that acknowledges and does nothing else; never returns ---- */
_Noreturn void sink_serve(int port);

#endif
