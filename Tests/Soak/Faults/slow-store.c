// Loaded into workers (LD_PRELOAD): writing a store to the disk takes longer while $SOAK_SLOW_STORES holds a file named
// after it, <address>, with milliseconds in it. So a slow disk is had by one worker alone, and by no other file.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void delay(int descriptor) {
    const char *folder = getenv("SOAK_SLOW_STORES");
    if (!folder) return;
    char link[64], path[4096], order[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0) return;
    path[size] = 0;
    char *name = strrchr(path, '/'), *end = strstr(path, ".sqlite");
    if (!name || !end || end < name) return;
    *end = 0;
    if (snprintf(order, sizeof order, "%s%s", folder, name) >= (int)sizeof order) return;
    FILE *file = fopen(order, "re");
    if (!file) return;
    long milliseconds = 0;
    if (fscanf(file, "%ld", &milliseconds) != 1) milliseconds = 0;
    fclose(file);
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

int fsync(int descriptor) {
    delay(descriptor);
    return (int)syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor) {
    delay(descriptor);
    return (int)syscall(SYS_fdatasync, descriptor);
}
