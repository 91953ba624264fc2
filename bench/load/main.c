/* The load generator of Innwatch's bench: many tablets with a few messages in flight each, consoles and event streams
   that wait for alerts; one thread. It prints one JSON object, or one line on stderr and exits 2. See `load --help`. */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char HELP[] =
    "load --sink PORT                           accept every login, acknowledge every PUBLISH, do nothing else\n"
    "load --url mqtt://IP:PORT --tablets CSV --count N [options]\n"
    "  --rate R            messages/s in all; without it every tablet sends as soon as it is acknowledged\n"
    "  --in-flight N       messages of a tablet that may wait for their acknowledgment (1)\n"
    "  --idle              the tablets publish nothing and ping\n"
    "  --keep-alive S      of every connection (30)\n"
    "  --subscribe         each tablet subscribes to its receipts when it logs in\n"
    "  --seconds S         length of the measured window (10)\n"
    "  --warm-up S         the same load before it, acknowledged but not measured (2)\n"
    "  --after R S         after it S seconds with R messages/s, each second with latencies of its own\n"
    "  --reports N         N tablets, beginning with --first I, send one breach Report each, in the window only,\n"
    "  --every K           as every K-th message (1)\n"
    "  --console URL LOGIN FILTER    a console by mqtt:// or ws://; LOGIN is a CSV: client_id,username,password\n"
    "  --stream URL LOGIN            a reader of the event stream, http://; the password is its bearer token\n"
    "  --audience N URL LOGIN FILTER    N consoles with numbered client ids; what they hear is only counted\n"
    "  --watch PID         also measure the CPU time (in the window) and memory (after it) of this process\n";

static struct plan plan = {.every = 1, .in_flight = 1, .keep_alive = 30, .seconds = 10, .warm_up = 2};

static struct reader reader_read(const char *url, const char *login, const char *filter) {
    FILE *file = fopen(login, "r");
    if (!file) die("%s: %s", login, strerror(errno));
    char *fields[3];
    if (!csv_line(file, login, fields, 3) || !csv_line(file, login, fields, 3)) die("%s: headings and one line", login);
    fclose(file);
    return (struct reader){.address = address_read(url), .url = url, .client_id = fields[0], .username = fields[1],
                           .password = fields[2], .filter = filter};
}

static void add_reader(const char *url, const char *login, const char *filter) {
    if (plan.reader_count == MOST_READERS) die("at most %d readers", MOST_READERS);
    plan.readers[plan.reader_count++] = reader_read(url, login, filter);
}

static double number(const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (*end || end == text || !(value >= 0)) die("%s is no number", text);
    return value;
}

/* Read one option; how many words of `values` it took, or -1 when it is unknown or lacks some. */
static int read_option(const char *name, char **values) {
    int count = 0;
    while (values[count]) count++;
    #define IS(option, wanted) (!strcmp(name, option) && count >= (wanted))
    if (IS("--help", 0)) { fputs(HELP, stdout); exit(0); }
    if (IS("--idle", 0)) return plan.idle = true, 0;
    if (IS("--subscribe", 0)) return plan.subscribe = true, 0;
    if (IS("--sink", 1)) sink_serve((int)number(values[0]));
    if (IS("--url", 1)) return plan.broker = address_read(values[0]), 1;
    if (IS("--tablets", 1)) return plan.csv = values[0], 1;
    if (IS("--count", 1)) return plan.count = (size_t)number(values[0]), 1;
    if (IS("--reports", 1)) return plan.reports = (size_t)number(values[0]), 1;
    if (IS("--first", 1)) return plan.first = (size_t)number(values[0]), 1;
    if (IS("--every", 1)) return plan.every = (size_t)number(values[0]), 1;
    if (IS("--rate", 1)) return plan.rate = number(values[0]), 1;
    if (IS("--in-flight", 1)) return plan.in_flight = (unsigned)number(values[0]), 1;
    if (IS("--keep-alive", 1)) return plan.keep_alive = (unsigned)number(values[0]), 1;
    if (IS("--seconds", 1)) return plan.seconds = number(values[0]), 1;
    if (IS("--warm-up", 1)) return plan.warm_up = number(values[0]), 1;
    if (IS("--watch", 1)) return plan.watch = (long)number(values[0]), 1;
    if (IS("--after", 2)) return plan.rate_after = number(values[0]), plan.seconds_after = number(values[1]), 2;
    if (IS("--stream", 2)) return add_reader(values[0], values[1], NULL), 2;
    if (IS("--console", 3)) return add_reader(values[0], values[1], values[2]), 3;
    if (IS("--audience", 4)) {
        plan.audience_count = (size_t)number(values[0]);
        return plan.audience = reader_read(values[1], values[2], values[3]), 4;
    }
    return -1;
    #undef IS
}

static void check_plan(void) {
    if (!plan.broker.port || !plan.csv || !plan.count) die("--url, --tablets and --count are needed");
    if (!plan.every || !plan.in_flight) die("--every and --in-flight begin with 1");
    if (plan.keep_alive > 65535) die("--keep-alive has 16 bits");
    if (plan.first + plan.reports > plan.count) die("more Reports than tablets");
    if (plan.reports && !plan.rate) die("--reports needs --rate");
    if (plan.seconds_after > MOST_SECONDS_AFTER) die("--after lasts %d s at most", MOST_SECONDS_AFTER);
    if (plan.seconds_after && !plan.rate_after) die("--after needs a rate");
}

int main(int argc, char **argv) {
    (void)argc;
    for (char **words = argv + 1; *words;) {
        int taken = read_option(words[0], words + 1);
        if (taken < 0) die("%s is unknown or lacks its value; --help lists the options", words[0]);
        words += 1 + taken;
    }
    check_plan();
    run(&plan);
    return 0;
}
