/* Time, CPU time, exact quantiles, growing buffers. */
#include "load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static uint64_t read_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void) { return read_clock(CLOCK_MONOTONIC); }
uint64_t wall_ns(void) { return read_clock(CLOCK_REALTIME); }
double own_cpu_s(void) { return (double)read_clock(CLOCK_PROCESS_CPUTIME_ID) / 1e9; }

double cpu_s_of(long pid) {
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file || !fgets(line, sizeof line, file)) die("cannot read %s: has the server ended?", path);
    fclose(file);
    const char *after_name = strrchr(line, ')');    /* the name may hold spaces and brackets; the numbers follow it */
    unsigned long user, system;
    const char *numbers = "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu";
    if (!after_name || sscanf(after_name + 2, numbers, &user, &system) != 2) die("cannot understand %s", path);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double machine_cpu_s(void) {
    unsigned long user, nice, system, irq, softirq, stolen;
    const char *numbers = "cpu %lu %lu %lu %*u %*u %lu %lu %lu";    /* without idle and waiting for a disk */
    FILE *file = fopen("/proc/stat", "r");
    if (!file || fscanf(file, numbers, &user, &nice, &system, &irq, &softirq, &stolen) != 6)
        die("cannot understand /proc/stat");
    fclose(file);
    return (double)(user + nice + system + irq + softirq + stolen) / (double)sysconf(_SC_CLK_TCK);
}

unsigned long memory_kib(long pid, enum memory kind) {
    static const char *const files[] = {"smaps_rollup", "status", "status"};
    static const char *const keys[] = {"Pss:", "VmRSS:", "VmHWM:"};
    char path[64], line[256];
    unsigned long value;
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, files[kind]);
    FILE *file = fopen(path, "r");
    if (!file) die("cannot read %s: has the server ended?", path);
    while (fgets(line, sizeof line, file))
        if (!strncmp(line, keys[kind], strlen(keys[kind])) && sscanf(line, "%*s %lu kB", &value) == 1) {
            fclose(file);
            return value;
        }
    die("%s does not say %s", path, keys[kind]);
}

static void *grown(void *data, size_t size) {
    void *larger = realloc(data, size);
    if (!larger) die("out of memory");
    return larger;
}

void samples_add(struct samples *samples, uint64_t ns) {
    if (samples->count == samples->room) {
        samples->room = samples->room ? samples->room * 2 : 4096;
        samples->at = grown(samples->at, samples->room * sizeof *samples->at);
    }
    samples->at[samples->count++] = ns;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The nearest-rank quantile: the smallest sample that at least `permille` of them do not exceed. */
static double quantile_us(const struct samples *sorted, size_t permille) {
    size_t rank = (sorted->count * permille + 999) / 1000;
    return (double)sorted->at[rank ? rank - 1 : 0] / 1000.0;
}

void samples_print(const char *name, struct samples *samples) {
    if (!samples->count) {
        printf("\"%s\":null", name);
        return;
    }
    qsort(samples->at, samples->count, sizeof *samples->at, by_value);
    printf("\"%s\":{\"n\":%zu,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", name, samples->count, quantile_us(samples, 500),
           quantile_us(samples, 990), quantile_us(samples, 1000));
}

uint8_t *buffer_space(struct buffer *buffer, size_t size) {
    if (buffer->start == buffer->end) buffer->start = buffer->end = 0;
    if (buffer->end + size > buffer->room) {
        if (buffer->start) memmove(buffer->data, buffer->data + buffer->start, buffer->end - buffer->start);
        buffer->end -= buffer->start;
        buffer->start = 0;
        while (buffer->end + size > buffer->room) {
            buffer->room = buffer->room ? buffer->room * 2 : 1024;
            buffer->data = grown(buffer->data, buffer->room);
        }
    }
    return buffer->data + buffer->end;
}

void buffer_add(struct buffer *buffer, const void *data, size_t size) {
    memcpy(buffer_space(buffer, size), data, size);
    buffer->end += size;
}

void buffer_drop(struct buffer *buffer, size_t size) { buffer->start += size; }
