/* links: two network namespaces of our own with a wire (veth) between them, for links that are cut, lossy or slow. The
 * near one is the master's and NEAR_IP its address, the far one looks at it over the wire, or through a relay that
 * holds back what it passes on. Nothing outside the two is touched.
 *
 * A cut is either loud (the wire goes down: the far side sees it at once) or silent (packets vanish: no error on either
 * side). Refuses: where namespaces or nft are not permitted, with the reason. Ownership: links_close removes all.
 */
#ifndef HONE_TESTS_TOOLS_LINKS_H
#define HONE_TESTS_TOOLS_LINKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define NEAR_IP "10.77.0.1"
enum { MASTER_PORT = 7077, RELAY_PORT = 7078 };

struct links {
    char near[32], far[32], near_wire[16], far_wire[16]; /* names */
    pid_t relay;
    int32_t *delay_ms; /* mapped by both sides */
};

/* False: not here, and `why` says why. */
bool links_open(struct links *links, char why[200]);
void links_close(struct links *links);

void links_cut_loudly(const struct links *links);
void links_cut_silently(const struct links *links);
void links_lose(const struct links *links, int percent); /* of what reaches the far side */
void links_delay(const struct links *links, int ms);     /* each way, of what goes through the relay */
void links_heal(const struct links *links);              /* all of it */

#endif
