/* Who publishes (the CSV that `innwatch device add --tokens --csv` prints), and what they say. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct tablet *tablets;
static struct tablet **by_name;
static size_t tablet_count;

bool csv_line(void *file, const char *path, char **fields, int columns) {
    char *line = NULL;
    size_t room = 0;
    ssize_t size = getline(&line, &room, file);
    if (size < 0) return false;
    line[strcspn(line, "\r\n")] = 0;
    char *rest = line;
    for (int i = 0; i < columns; i++)
        if (!(fields[i] = strsep(&rest, ","))) die("%s: a line with %d fields instead of %d", path, i, columns);
    if (rest) die("%s: a line with more than %d fields", path, columns);
    return true;
}

static int compare_names(const void *a, const void *b) {
    return strcmp((*(struct tablet *const *)a)->device_id, (*(struct tablet *const *)b)->device_id);
}

/* The device's other topics stand beside the heartbeat topic of the CSV. */
static void set_topic(char out[256], const char *heartbeat, const char *kind, const char *path) {
    const char *last = strrchr(heartbeat, '/');
    if (!last || strcmp(last, "/heartbeat") || strlen(heartbeat) >= 256)
        die("%s: %s is not a heartbeat topic", path, heartbeat);
    snprintf(out, 256, "%.*s/%s", (int)(last - heartbeat), heartbeat, kind);
}

struct tablet *tablets_read(const char *path, size_t count) {
    FILE *file = fopen(path, "r");
    if (!file) die("%s: %s", path, strerror(errno));
    char *fields[7];
    csv_line(file, path, fields, 7);            /* the headings */
    if (strcmp(fields[0], "client_id")) die("%s: the first line must hold the headings", path);
    tablets = calloc(count, sizeof *tablets);
    by_name = calloc(count, sizeof *by_name);
    if (!tablets || !by_name) die("out of memory");
    for (; tablet_count < count; tablet_count++) {
        if (!csv_line(file, path, fields, 7)) die("%s: %zu tablets instead of %zu", path, tablet_count, count);
        struct tablet *tablet = &tablets[tablet_count];
        *tablet = (struct tablet){.client_id = fields[0], .username = fields[1], .password = fields[2],
                                  .topic = fields[3], .device_id = fields[4], .bssid = fields[6]};
        set_topic(tablet->report_topic, tablet->topic, "alert", path);
        set_topic(tablet->receipt_topic, tablet->topic, "receipt", path);
        by_name[tablet_count] = tablet;
    }
    fclose(file);
    qsort(by_name, count, sizeof *by_name, compare_names);
    return tablets;
}

struct tablet *tablet_named(const char *device_id, size_t size) {
    char name[65];
    if (size >= sizeof name) return NULL;
    memcpy(name, device_id, size);
    name[size] = 0;
    struct tablet wanted = {.device_id = name}, *key = &wanted;
    struct tablet **found = bsearch(&key, by_name, tablet_count, sizeof *by_name, compare_names);
    return found ? *found : NULL;
}

/* Digits of base 32 as ULIDs have them, the lowest last. */
static void put_base32(char *out, int digits, uint64_t value) {
    for (; digits--; value >>= 5) out[digits] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[value & 31];
}

/* `"id":…,"ts":…,"sid":…,"seq":…`; the id is a ULID of this time, this process and a counter, never given twice. */
static size_t write_start(char *out, size_t room, struct tablet *tablet) {
    static uint64_t count, this_process;
    static time_t second;
    static char date[32];
    uint64_t now = wall_ns();
    if (!this_process) this_process = (now / 1000 ^ (uint64_t)getpid() << 24) & ((1ull << 40) - 1);
    if (second != (time_t)(now / 1000000000u)) {
        struct tm utc;
        second = (time_t)(now / 1000000000u);
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", gmtime_r(&second, &utc));
    }
    char id[27] = {0};
    put_base32(id, 10, now / 1000000u);
    put_base32(id + 10, 8, this_process);
    put_base32(id + 18, 8, ++count);
    return (size_t)snprintf(out, room, "{\"id\":\"%s\",\"ts\":\"%s.%03uZ\",\"sid\":\"boot-1\",\"seq\":%llu", id, date,
                            (unsigned)(now / 1000000u % 1000), (unsigned long long)++tablet->seq);
}

/* A tablet in its room: its own access point, a good signal that varies, a battery that nobody need worry about. */
size_t heartbeat_write(char *out, size_t room, struct tablet *tablet) {
    size_t used = write_start(out, room, tablet);
    used += (size_t)snprintf(out + used, room - used,
                             ",\"wifiBssid\":\"%s\",\"rssi\":-%u,\"battery\":%u,\"charging\":false}", tablet->bssid,
                             45 + (unsigned)(tablet->seq * 7 % 12), 80 + (unsigned)(tablet->seq / 64 % 3));
    return used;
}

/* The device stands in the payload too, so that a broker without rules relays something that can be matched. */
size_t report_write(char *out, size_t room, struct tablet *tablet) {
    size_t used = write_start(out, room, tablet);
    used += (size_t)snprintf(out + used, room - used,
                             ",\"deviceId\":\"%s\",\"kind\":\"breach\",\"cause\":\"weak-signal\",\"rssi\":-91}",
                             tablet->device_id);
    return used;
}
