/* The load generator of Innwatch's bench: many tablets with one message in flight each, consoles and event streams
   that wait for alerts; one thread. It prints one JSON object, or one line on stderr and exits 2. See `load --help`. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const char HELP[] =
    "load --sink PORT                           accept every login, acknowledge every PUBLISH, do nothing else\n"
    "load --url mqtt://IP:PORT --tablets CSV --count N [options]\n"
    "  --rate R            messages/s in all; without it every tablet sends as soon as it is acknowledged\n"
    "  --seconds S         length of the measured window (10)\n"
    "  --warm-up S         the same load before it, acknowledged but not measured (2)\n"
    "  --reports N         N tablets, beginning with --first I, send one breach Report each, in the window only,\n"
    "  --every K           as every K-th message (1)\n"
    "  --console URL LOGIN FILTER    a console by mqtt:// or ws://; LOGIN is a CSV: client_id,username,password\n"
    "  --stream URL LOGIN            a reader of the event stream, http://; the password is its bearer token\n"
    "  --watch PID         also measure the CPU time of this process during the window\n";

enum { MOST_READERS = 8, LOGINS_AT_ONCE = 64 };
static const double CONNECT_DEADLINE = 120, SETTLE = 1, DRAIN_DEADLINE = 15;

static struct {
    const char *url, *csv;
    size_t count, reports, first, every;
    double rate, seconds, warm_up;
    long watch;
} option = {.every = 1, .seconds = 10, .warm_up = 2};

static struct reader readers[MOST_READERS];
static size_t reader_count;
static struct tablet *tablets;
static struct connection *connections;          /* the readers', then the tablets' */
static size_t connection_count, ready_count;
static int pacer = -1;

static bool publishing, measuring;
static uint64_t window_start;
static size_t sent, acknowledged, in_window, behind, reported, payload_bytes, seen;
static struct samples acknowledgment;

/* ---- what happens ---- */

static struct connection *tablet_at(size_t index) { return &connections[reader_count + index]; }

static void publish(struct connection *c, bool report) {
    uint8_t packet[LARGEST_PACKET];
    char payload[1024];
    struct tablet *tablet = c->tablet;
    size_t size = (report ? report_write : heartbeat_write)(payload, sizeof payload, tablet);
    if (++c->packet_id == 0) c->packet_id = 1;
    size_t length = write_publish(packet, report ? tablet->report_topic : tablet->topic, c->packet_id, payload, size);
    sent++;
    payload_bytes += size;
    c->in_flight_since = now_ns();
    if (report) tablet->reported_at = c->in_flight_since;
    connection_write(c, packet, length);
}

void on_ready(struct connection *c) {
    (void)c;
    ready_count++;
}

void on_puback(struct connection *c) {
    acknowledged++;
    in_window += measuring;
    if (window_start && c->in_flight_since >= window_start) samples_add(&acknowledgment, now_ns() - c->in_flight_since);
    c->in_flight_since = 0;
    if (publishing && option.rate == 0) publish(c, false);
}

/* The first thing that a reader hears of a device after its Report; what follows (a change of the alert) is no news. */
void on_alert(struct connection *c, const char *text, size_t size) {
    static const char KEY[] = "\"deviceId\":\"";
    uint64_t now = now_ns();
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

/* The next tablet, in turn, that has nothing in flight; NULL when all have. */
static struct connection *next_idle(void) {
    static size_t turn_of;
    for (size_t tries = 0; tries < option.count; tries++) {
        struct connection *c = tablet_at(turn_of);
        turn_of = (turn_of + 1) % option.count;
        if (!c->in_flight_since) return c;
    }
    return NULL;
}

/* As many messages as the clock asks for; in the window every K-th is a Report, of a tablet that has made none. */
static void publish_paced(void) {
    static size_t asked;
    uint64_t due;
    if (read(pacer, &due, sizeof due) != sizeof due || !publishing) return;
    for (; due--; asked++) {
        struct connection *c = tablet_at(option.first + reported);
        if (measuring && asked % option.every == 0 && reported < option.reports && !c->in_flight_since) {
            reported++;
            publish(c, true);
        } else if ((c = next_idle())) {
            publish(c, false);
        } else {
            behind++;
        }
    }
}

/* ---- the run ---- */

static void turn(int most_ms) {
    static uint64_t pinged_at;
    struct epoll_event events[256];
    int count = epoll_wait(poller, events, 256, most_ms);
    for (int i = 0; i < count; i++)
        if (events[i].data.ptr) connection_event(events[i].data.ptr, events[i].events);
        else publish_paced();
    uint64_t now = now_ns();
    if (now - pinged_at < 1000000000u) return;
    pinged_at = now;
    for (size_t i = 0; i < connection_count; i++)
        if (connections[i].stage == READY) connection_ping_if_quiet(&connections[i], now);
}

static double seconds_since(uint64_t start) { return (double)(now_ns() - start) / 1e9; }

static void connect_all(void) {
    uint64_t start = now_ns();
    size_t opened = 0;
    while (ready_count < connection_count) {
        while (opened < connection_count && opened - ready_count < LOGINS_AT_ONCE)
            connection_open(&connections[opened++]);
        turn(10);
        if (seconds_since(start) > CONNECT_DEADLINE)
            die("only %zu of %zu were let in within %g s", ready_count, connection_count, CONNECT_DEADLINE);
    }
}

static void turn_for(double seconds) {
    uint64_t start = now_ns();
    while (seconds_since(start) < seconds) turn(1);
}

static void start_publishing(void) {
    publishing = true;
    if (option.rate == 0) {
        for (size_t i = 0; i < option.count; i++) publish(tablet_at(i), false);
        return;
    }
    uint64_t gap = (uint64_t)(1e9 / option.rate);
    struct timespec every = {(time_t)(gap / 1000000000u), (long)(gap % 1000000000u)};
    pacer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    epoll_ctl(poller, EPOLL_CTL_ADD, pacer, &(struct epoll_event){.events = EPOLLIN, .data.ptr = NULL});
    timerfd_settime(pacer, 0, &(struct itimerspec){.it_interval = every, .it_value = every}, NULL);
}

static void drain(void) {
    uint64_t start = now_ns();
    while ((acknowledged < sent || seen < reported * reader_count) && seconds_since(start) < DRAIN_DEADLINE) turn(10);
}

struct cpu {
    double own, server, machine;                /* seconds */
};

static struct cpu cpu_now(void) {
    return (struct cpu){own_cpu_s(), option.watch ? cpu_s_of(option.watch) : 0, machine_cpu_s()};
}

static void print_result(double window, struct cpu before, struct cpu after) {
    printf("{\"tablets\":%zu,\"window_s\":%.4f,\"sent\":%zu,\"acknowledged\":%zu,\"in_window\":%zu,\"behind\":%zu,",
           option.count, window, sent, acknowledged, in_window, behind);
    printf("\"payload_bytes\":%zu,\"reports\":%zu,", sent ? payload_bytes / sent : 0, reported);
    printf("\"own_cpu_s\":%.4f,\"server_cpu_s\":%.2f,\"machine_cpu_s\":%.2f,", after.own - before.own,
           after.server - before.server, after.machine - before.machine);
    samples_print("ack_us", &acknowledgment);
    printf(",\"readers\":[");
    for (size_t i = 0; i < reader_count; i++) {
        printf("%s{\"url\":\"%s\",\"seen\":%zu,", i ? "," : "", readers[i].url, readers[i].latency.count);
        samples_print("latency_us", &readers[i].latency);
        printf("}");
    }
    printf("]}\n");
}

static void run(void) {
    connect_all();
    turn_for(SETTLE);
    start_publishing();
    turn_for(option.warm_up);
    struct cpu before = cpu_now();
    window_start = now_ns();
    measuring = true;
    turn_for(option.seconds);
    measuring = publishing = false;
    double window = seconds_since(window_start);
    struct cpu after = cpu_now();
    drain();
    print_result(window, before, after);
    for (size_t i = 0; i < connection_count; i++)
        if (connections[i].role != STREAM) connection_write(&connections[i], (const uint8_t *)"\xE0\x00", 2);
}

/* ---- the command line ---- */

static void add_reader(const char *url, const char *login, const char *filter) {
    if (reader_count == MOST_READERS) die("at most %d readers", MOST_READERS);
    FILE *file = fopen(login, "r");
    if (!file) die("%s: %s", login, strerror(errno));
    char *fields[3];
    if (!csv_line(file, login, fields, 3) || !csv_line(file, login, fields, 3)) die("%s: headings and one line", login);
    fclose(file);
    readers[reader_count++] = (struct reader){.address = address_read(url), .url = url, .client_id = fields[0],
                                              .username = fields[1], .password = fields[2], .filter = filter};
}

static double number(const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (*end || end == text || !(value >= 0)) die("%s is no number", text);
    return value;
}

static void read_options(char **arguments) {
    while (*arguments) {
        const char *name = *arguments++;
        size_t values = 0;
        while (arguments[values]) values++;
        #define IS(option, wanted) (!strcmp(name, option) && values >= (wanted))
        if (IS("--console", 3)) { add_reader(arguments[0], arguments[1], arguments[2]); arguments += 3; continue; }
        if (IS("--stream", 2)) { add_reader(arguments[0], arguments[1], NULL); arguments += 2; continue; }
        if (IS("--url", 1)) option.url = *arguments;
        else if (IS("--tablets", 1)) option.csv = *arguments;
        else if (IS("--count", 1)) option.count = (size_t)number(*arguments);
        else if (IS("--reports", 1)) option.reports = (size_t)number(*arguments);
        else if (IS("--first", 1)) option.first = (size_t)number(*arguments);
        else if (IS("--every", 1)) option.every = (size_t)number(*arguments);
        else if (IS("--rate", 1)) option.rate = number(*arguments);
        else if (IS("--seconds", 1)) option.seconds = number(*arguments);
        else if (IS("--warm-up", 1)) option.warm_up = number(*arguments);
        else if (IS("--watch", 1)) option.watch = (long)number(*arguments);
        else if (IS("--sink", 1)) sink_serve((int)number(*arguments));
        else if (!strcmp(name, "--help")) { fputs(HELP, stdout); exit(0); }
        else die("%s is unknown or lacks its value; --help lists the options", name);
        arguments++;
    }
    if (!option.url || !option.csv || !option.count || !option.every) die("--url, --tablets and --count are needed");
    if (option.first + option.reports > option.count) die("more Reports than tablets");
    if (option.reports && !option.rate) die("--reports needs --rate");
}

int main(int argc, char **argv) {
    (void)argc;
    read_options(argv + 1);
    struct address broker = address_read(option.url);
    tablets = tablets_read(option.csv, option.count);
    connection_count = reader_count + option.count;
    connections = calloc(connection_count, sizeof *connections);
    if (!connections || (poller = epoll_create1(0)) < 0) die("out of memory");
    for (size_t i = 0; i < reader_count; i++) {
        readers[i].seen = calloc(option.count, sizeof *readers[i].seen);
        connections[i] = (struct connection){.role = readers[i].filter ? CONSOLE : STREAM, .fd = -1,
                                             .address = &readers[i].address, .reader = &readers[i]};
    }
    for (size_t i = 0; i < option.count; i++)
        *tablet_at(i) = (struct connection){.fd = -1, .address = &broker, .tablet = &tablets[i]};
    run();
    return 0;
}
