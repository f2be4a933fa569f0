/* The socket loop of a media worker: every ready socket read once into a line, every line of a batch sent.

   rtp/loops.py says what it does and does the same in Python; tests hold both to it. Loaded by ctypes, so other threads of
   the process may run meanwhile; it needs no headers of Python. recvmmsg and sendmmsg batch one socket only, and here each
   socket has one datagram at a time. */

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define VERSION 4
#define MOST_READY 8192 /* sockets read in one batch, so that a turn stays bounded */
#define MOST_ROWS 65536
#define A_WORD 64 /* rows of which a word of marks tells */

struct lines {
    uint8_t *bytes; /* (count, width) */
    int64_t width;
    int64_t count;
    int64_t *lengths; /* bytes of each line in use */
    int64_t *rows;    /* whose it is */
};

struct counters { /* one of each for every row */
    uint64_t *receive_errors;
    uint64_t *send_errors;
    uint64_t *empty;
};

int socket_loop_version(void)
{
    return VERSION;
}

/* Have the epoll set name this socket's row, less than MOST_ROWS, when something can be read; 0, or an error number. */
int socket_loop_watch(int epoll, int descriptor, uint32_t row)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = row};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) ? errno : 0;
}

static int is_taken(const struct lines *inbox, int64_t first, int64_t row)
{
    for (int64_t line = 0; line < first; line++)
        if (inbox->rows[line] == row)
            return 1;
    return 0;
}

/* Mark the rows whose sockets are ready, `room` of them at most; the number of words of `marks` up to the last of them. */
static int mark_ready(int epoll, int64_t room, uint64_t *marks)
{
    struct epoll_event ready[MOST_READY];
    int words = 0, count = room > 0 ? epoll_wait(epoll, ready, room < MOST_READY ? (int)room : MOST_READY, 0) : 0;
    for (int index = 0; index < count; index++) {
        int word = (int)(ready[index].data.u32 / A_WORD);
        if (word >= words) {
            memset(marks + words, 0, (size_t)(word + 1 - words) * sizeof *marks);
            words = word + 1;
        }
        marks[word] |= UINT64_C(1) << ready[index].data.u32 % A_WORD;
    }
    return words;
}

/* Seconds on the monotonic clock. */
static double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Read one datagram of every ready socket into the lines from `first` on, by ascending row; rows of earlier lines are left
   alone. The number of lines in use afterwards; `asked` is when it was known which are ready. */
int64_t socket_loop_receive(
    int epoll, struct lines *inbox, int64_t first, const int32_t *descriptors, const struct counters *counters, double *asked)
{
    uint64_t marks[MOST_ROWS / A_WORD];
    int64_t line = first;
    int words = mark_ready(epoll, inbox->count - first, marks);
    *asked = monotonic_seconds();
    for (int word = 0; word < words; word++)
        for (uint64_t rest = marks[word]; rest; rest &= rest - 1) {
            int64_t row = word * A_WORD + __builtin_ctzll(rest);
            if (is_taken(inbox, first, row))
                continue;
            ssize_t length = recv(descriptors[row], inbox->bytes + line * inbox->width, inbox->width, MSG_DONTWAIT);
            if (length > 0) {
                inbox->lengths[line] = length;
                inbox->rows[line++] = row;
            } else if (length < 0) {
                counters->receive_errors[row]++;
            } else {
                counters->empty[row]++;
            }
        }
    return line;
}

/* Send the first `count` lines, each by the socket of its row (-1: there is none). */
void socket_loop_send(const struct lines *outbox, int64_t count, const int32_t *descriptors, const struct counters *counters)
{
    for (int64_t line = 0; line < count; line++) {
        int64_t row = outbox->rows[line];
        const uint8_t *bytes = outbox->bytes + line * outbox->width;
        int descriptor = descriptors[row];
        if (descriptor < 0) {
            counters->send_errors[row]++;
            continue;
        }
        if (send(descriptor, bytes, outbox->lengths[line], MSG_DONTWAIT) >= 0)
            continue;
        counters->send_errors[row]++;
        /* The refusal belonged to an earlier datagram; this one was not sent yet. */
        if (errno == ECONNREFUSED && send(descriptor, bytes, outbox->lengths[line], MSG_DONTWAIT) < 0)
            counters->send_errors[row]++;
    }
}
