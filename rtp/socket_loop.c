/* The socket loop of a media worker: every ready socket read once into a line, every line of a batch sent.

   rtp/loops.py says what it does and does the same in Python; tests hold both to it. Loaded by ctypes, so other threads of
   the process may run meanwhile; it needs no headers of Python. recvmmsg and sendmmsg batch one socket only, and here each
   socket has one datagram at a time. */

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define VERSION 1
#define MOST_READY 2048 /* sockets read in one batch, so that a turn stays bounded */

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

/* Have the epoll set name this socket's row when something can be read; 0, or an error number. */
int socket_loop_watch(int epoll, int descriptor, uint32_t row)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = ((uint64_t)row << 32) | (uint32_t)descriptor};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) ? errno : 0;
}

static int is_taken(const struct lines *inbox, int64_t first, int64_t row)
{
    for (int64_t line = 0; line < first; line++)
        if (inbox->rows[line] == row)
            return 1;
    return 0;
}

/* Read one datagram of every ready socket into the lines from `first` on; rows of earlier lines are left alone.
   The number of lines in use afterwards. */
int64_t socket_loop_receive(int epoll, struct lines *inbox, int64_t first, const struct counters *counters)
{
    struct epoll_event ready[MOST_READY];
    int64_t room = inbox->count - first, line = first;
    int count = room > 0 ? epoll_wait(epoll, ready, room < MOST_READY ? (int)room : MOST_READY, 0) : 0;
    for (int index = 0; index < count; index++) {
        int64_t row = (int64_t)(ready[index].data.u64 >> 32);
        int descriptor = (int)(uint32_t)ready[index].data.u64;
        if (is_taken(inbox, first, row))
            continue;
        ssize_t length = recv(descriptor, inbox->bytes + line * inbox->width, inbox->width, MSG_DONTWAIT);
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
