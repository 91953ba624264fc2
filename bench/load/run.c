/* One run: everybody logs in, the load begins, a window of it is measured, what is missing is waited for, and the
   figures are printed as one JSON object. One thread; everything happens in `turn`. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { LOGINS_AT_ONCE = 64 };
static const double CONNECT_DEADLINE = 120, SETTLE = 0.5, DRAIN_DEADLINE = 60;

static struct plan *plan;
static struct tablet *tablets;
static struct connection *connections;          /* the readers', the audience's, then the tablets' */
static size_t connection_count, ready_count;

static bool publishing, measuring;
static uint64_t window_start;
static size_t sent, acknowledged, in_window, behind, reported, payload_bytes, seen, heard, heard_in_window;
static struct samples acknowledgment;
static struct samples second_after[MOST_SECONDS_AFTER], *this_second;

static struct connection *tablet_at(size_t index) { return &connections[connection_count - plan->count + index]; }
static double seconds_since(uint64_t start) { return (double)(now_ns() - start) / 1e9; }

/* ---- the line of tablets that may publish ---- */

static struct connection **line;                /* a ring with room for all of them, each in it once at most */
static size_t line_start, line_size;

static bool has_room(const struct connection *c) { return c->in_flight < plan->in_flight; }

static void stand_in_line(struct connection *c) {
    if (c->in_line || !has_room(c)) return;
    c->in_line = true;
    line[(line_start + line_size++) % plan->count] = c;
}

/* The tablet that has waited longest; NULL when all have as much in flight as they may. */
static struct connection *next_in_line(void) {
    while (line_size) {
        struct connection *c = line[line_start];
        line_start = (line_start + 1) % plan->count;
        line_size--;
        c->in_line = false;
        if (has_room(c)) return c;              /* else it published out of turn meanwhile */
    }
    return NULL;
}

/* ---- what happens ---- */

static void publish(struct connection *c, bool report) {
    uint8_t packet[LARGEST_PACKET];
    char payload[1024];
    struct tablet *tablet = c->tablet;
    size_t size = (report ? report_write : heartbeat_write)(payload, sizeof payload, tablet);
    c->newest_id = next_packet_id(c->newest_id);
    if (!c->in_flight) c->oldest_id = c->newest_id;
    size_t length = write_publish(packet, report ? tablet->report_topic : tablet->topic, c->newest_id, payload, size);
    sent++;
    payload_bytes += size;
    uint64_t now = now_ns();
    c->sent_at[(c->oldest + c->in_flight++) % plan->in_flight] = now;
    if (report) tablet->reported_at = now;
    stand_in_line(c);
    connection_write(c, packet, length);
}

void on_ready(struct connection *c) {
    (void)c;
    ready_count++;
}

void on_puback(struct connection *c) {
    uint64_t since = c->sent_at[c->oldest];
    c->oldest = (c->oldest + 1) % plan->in_flight;
    c->oldest_id = next_packet_id(c->oldest_id);
    c->in_flight--;
    acknowledged++;
    in_window += measuring;
    if (measuring && since >= window_start) samples_add(&acknowledgment, now_ns() - since);
    if (this_second) samples_add(this_second, now_ns() - since);
    if (publishing && plan->rate == 0) publish(c, false);
    else stand_in_line(c);
}

/* The first thing that a reader hears of a device after its Report; what follows (a change of the alert) is no news. */
void on_alert(struct connection *c, const char *text, size_t size) {
    static const char KEY[] = "\"deviceId\":\"";
    uint64_t now = now_ns();
    if (!c->reader->seen) {
        heard++;
        heard_in_window += measuring;
        return;
    }
    const char *name = memmem(text, size, KEY, sizeof KEY - 1);
    if (!name) return;
    name += sizeof KEY - 1;
    const char *end = memchr(name, '"', (size_t)(text + size - name));
    struct tablet *tablet = end ? tablet_named(name, (size_t)(end - name)) : NULL;
    if (!tablet || !tablet->reported_at || c->reader->seen[tablet - tablets]) return;
    c->reader->seen[tablet - tablets] = true;
    seen++;
    samples_add(&c->reader->latency, now - tablet->reported_at);
}

/* ---- the clock that asks for messages ---- */

static int pacer = -1;
static double per_beat;                         /* messages; at a high rate the clock asks for several at once */

static void pace(double rate) {
    static const double LEAST_GAP = 1e6;        /* ns */
    double gap = 1e9 / rate > LEAST_GAP ? 1e9 / rate : LEAST_GAP;
    struct timespec every = {(time_t)(gap / 1e9), (long)gap % 1000000000};
    per_beat = rate * gap / 1e9;
    timerfd_settime(pacer, 0, &(struct itimerspec){.it_interval = every, .it_value = every}, NULL);
}

/* As many messages as are due; in the window every K-th is a Report, of a tablet that has made none. */
static void publish_paced(void) {
    static size_t asked;
    static double due;
    uint64_t beats;
    if (read(pacer, &beats, sizeof beats) != sizeof beats || !publishing) return;
    for (due += (double)beats * per_beat; due >= 1; due--, asked++) {
        bool report = measuring && asked % plan->every == 0 && reported < plan->reports;
        struct connection *c = report ? tablet_at(plan->first + reported) : NULL;
        if (c && has_room(c)) {
            reported++;
            publish(c, true);
        } else if ((c = next_in_line())) {
            publish(c, false);
        } else {
            behind++;
        }
    }
}

/* ---- the run ---- */

static void ping_the_quiet(uint64_t now) {
    for (size_t i = 0; i < connection_count; i++) {
        uint64_t after = connections[i].stage == READY ? ping_after_ns(&connections[i]) : 0;
        if (after && now - connections[i].written_at >= after)
            connection_write(&connections[i], (const uint8_t *)"\xC0\x00", 2);
    }
}

static void turn(int most_ms) {
    static uint64_t looked_at;
    struct epoll_event events[256];
    int count = epoll_wait(poller, events, 256, most_ms);
    for (int i = 0; i < count; i++)
        if (events[i].data.ptr) connection_event(events[i].data.ptr, events[i].events);
        else publish_paced();
    uint64_t now = now_ns();
    if (now - looked_at < 100000000u) return;
    looked_at = now;
    ping_the_quiet(now);
}

static void turn_for(double seconds) {
    uint64_t start = now_ns();
    while (seconds_since(start) < seconds) turn(1);
}

/* Log in those of `connections` before `end` that are not yet, a few at a time. */
static void connect_until(size_t end) {
    uint64_t start = now_ns();
    size_t opened = ready_count;
    while (ready_count < end) {
        while (opened < end && opened - ready_count < LOGINS_AT_ONCE) connection_open(&connections[opened++]);
        turn(10);
        if (seconds_since(start) > CONNECT_DEADLINE)
            die("only %zu of %zu were let in within %g s", ready_count, end, CONNECT_DEADLINE);
    }
}

/* Those who logged in together would ping together; a hotel's tablets do not. */
static void spread_pings(void) {
    uint64_t now = now_ns();
    for (size_t i = 0; i < plan->count; i++)
        tablet_at(i)->written_at = now - ping_after_ns(tablet_at(i)) / plan->count * i;
}

static void start_publishing(void) {
    if (plan->idle) return;
    publishing = true;
    for (size_t i = 0; i < plan->count; i++) stand_in_line(tablet_at(i));
    if (plan->rate) {
        pace(plan->rate);
        return;
    }
    for (struct connection *c; (c = next_in_line());) publish(c, false);
}

/* The load is replaced by a calm one; each second's acknowledgments, of both, are that second's samples. */
static void calm_down(void) {
    if (!plan->seconds_after) return;
    plan->rate = plan->rate_after;
    pace(plan->rate);
    publishing = true;
    for (size_t second = 0; second < (size_t)plan->seconds_after; second++) {
        this_second = &second_after[second];
        turn_for(1);
    }
    this_second = NULL;
    publishing = false;
}

static void drain(void) {
    uint64_t start = now_ns();
    size_t wanted_seen = reported * plan->reader_count, wanted_heard = reported * plan->audience_count;
    while ((acknowledged < sent || seen < wanted_seen || heard < wanted_heard) && seconds_since(start) < DRAIN_DEADLINE)
        turn(10);
}

/* ---- the result ---- */

struct usage {
    double own, server, machine;                /* CPU seconds */
};

static struct usage usage_now(void) {
    return (struct usage){own_cpu_s(), plan->watch ? cpu_s_of(plan->watch) : 0, machine_cpu_s()};
}

static void print_readers(void) {
    printf("\"heard\":%zu,\"heard_in_window\":%zu,\"readers\":[", heard, heard_in_window);
    for (size_t i = 0; i < plan->reader_count; i++) {
        printf("%s{\"url\":\"%s\",\"seen\":%zu,", i ? "," : "", plan->readers[i].url, plan->readers[i].latency.count);
        samples_print("latency_us", &plan->readers[i].latency);
        printf("}");
    }
    printf("],\"after\":[");
    for (size_t i = 0; i < (size_t)plan->seconds_after; i++) {
        printf("%s{", i ? "," : "");
        samples_print("ack_us", &second_after[i]);
        printf("}");
    }
    printf("]");
}

static unsigned long memory_now(enum memory kind) { return plan->watch ? memory_kib(plan->watch, kind) : 0; }

static void print_usage(double window, struct usage before, struct usage after, unsigned long most_halfway) {
    printf("\"window_s\":%.4f,\"own_cpu_s\":%.4f,\"server_cpu_s\":%.2f,\"machine_cpu_s\":%.2f,", window,
           after.own - before.own, after.server - before.server, after.machine - before.machine);
    printf("\"pss_kib\":%lu,\"rss_kib\":%lu,", memory_now(SHARE), memory_now(RESIDENT));
    printf("\"most_rss_kib\":%lu,\"most_rss_halfway_kib\":%lu,", memory_now(MOST_RESIDENT), most_halfway);
}

static void print_counts(double login) {
    printf("\"tablets\":%zu,\"login_s\":%.4f,\"sent\":%zu,\"acknowledged\":%zu,\"in_window\":%zu,\"behind\":%zu,",
           plan->count, login, sent, acknowledged, in_window, behind);
    printf("\"payload_bytes\":%zu,\"reports\":%zu,", sent ? payload_bytes / sent : 0, reported);
    samples_print("ack_us", &acknowledgment);
    printf(",");
}

/* ---- who takes part ---- */

static char *numbered(const char *name, size_t number) {
    char *text;
    if (asprintf(&text, "%s-%zu", name, number) < 0) die("out of memory");
    return text;
}

static struct connection reading(struct reader *reader, const char *client_id) {
    return (struct connection){
        .role = reader->filter ? CONSOLE : STREAM, .fd = -1, .address = &reader->address, .reader = reader,
        .login = {client_id, reader->username, reader->password, plan->keep_alive}, .filter = reader->filter};
}

static struct connection publishing_as(struct tablet *tablet) {
    struct connection c = {.role = TABLET, .fd = -1, .address = &plan->broker, .tablet = tablet};
    c.login = (struct login){tablet->client_id, tablet->username, tablet->password, plan->keep_alive};
    c.filter = plan->subscribe ? tablet->receipt_topic : NULL;
    c.sent_at = calloc(plan->in_flight, sizeof *c.sent_at);
    return c;
}

static void gather(void) {
    tablets = tablets_read(plan->csv, plan->count);
    connection_count = plan->reader_count + plan->audience_count + plan->count;
    connections = calloc(connection_count, sizeof *connections);
    line = calloc(plan->count, sizeof *line);
    poller = epoll_create1(0);
    pacer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (!connections || !line || poller < 0 || pacer < 0) die("out of memory");
    epoll_ctl(poller, EPOLL_CTL_ADD, pacer, &(struct epoll_event){.events = EPOLLIN, .data.ptr = NULL});
    struct connection *next = connections;
    for (struct reader *reader = plan->readers; reader < plan->readers + plan->reader_count; reader++) {
        reader->seen = calloc(plan->count, sizeof *reader->seen);
        *next++ = reading(reader, reader->client_id);
    }
    for (size_t i = 0; i < plan->audience_count; i++)
        *next++ = reading(&plan->audience, numbered(plan->audience.client_id, i));
    for (size_t i = 0; i < plan->count; i++) *next++ = publishing_as(&tablets[i]);
}

void run(struct plan *asked) {
    plan = asked;
    gather();
    connect_until(connection_count - plan->count);
    uint64_t login_start = now_ns();
    connect_until(connection_count);
    double login = seconds_since(login_start);
    turn_for(SETTLE);
    spread_pings();
    start_publishing();
    turn_for(plan->warm_up);
    struct usage before = usage_now();
    window_start = now_ns();
    measuring = true;
    turn_for(plan->seconds / 2);
    unsigned long most_halfway = memory_now(MOST_RESIDENT);
    turn_for(plan->seconds / 2);
    measuring = publishing = false;
    double window = seconds_since(window_start);
    struct usage after = usage_now();
    calm_down();
    drain();
    printf("{");
    print_counts(login);
    print_usage(window, before, after, most_halfway);
    print_readers();
    printf("}\n");
    for (size_t i = 0; i < connection_count; i++)
        if (connections[i].role != STREAM) connection_write(&connections[i], (const uint8_t *)"\xE0\x00", 2);
}
