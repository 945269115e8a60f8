#include "proto/traffic.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

bool traffic_of(int fd, int64_t *received, int64_t *acknowledged)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ||
        len < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
        return false; /* before Linux 4.1 they are not counted */
    *received = (int64_t)info.tcpi_bytes_received;
    *acknowledged = (int64_t)info.tcpi_bytes_acked;
    return true;
}
