/* Preloaded, it makes a program believe that it runs on another machine and another day: another host name, and a
   calendar that is 217 days and some hours ahead. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static const char name[] = "another-host";

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        time->tv_sec += 217 * 86400 + 5 * 3600;
    }
    return result;
}

int gethostname(char *into, size_t length) {
    strncpy(into, name, length);
    return 0;
}

int uname(struct utsname *into) {
    int result = (int)syscall(SYS_uname, into);
    if (result == 0) {
        strcpy(into->nodename, name);
    }
    return result;
}
