/* data_labels: the distinct labels of a table, and their order as classes.
 *
 * Labels get an id in order of appearance while rows stream by; labels_rank says at the end which class each
 * id is: by value if all are numbers (2 before 10), else by bytes. So the classes do not depend on the rows'
 * order. Refuses more than LABELS_MAX: such a column is no label. Ownership: labels_fini frees; labels_take
 * moves out.
 */
#ifndef HONE_WORKER_NN_DATA_LABELS_H
#define HONE_WORKER_NN_DATA_LABELS_H

#include <stddef.h>
#include <stdint.h>

enum { LABELS_MAX = 10000 };

struct labels {
    char **texts;   /* (count) by id */
    int32_t *order; /* (count) ids, sorted by text, for the search */
    size_t room, order_room;
    int count;
};

void labels_fini(struct labels *labels);

int labels_find(const struct labels *labels, const char *text); /* id, or -1 */
int labels_add(struct labels *labels, const char *text);        /* id, old or new; -1: too many */

/* rank[id] is the class, for `count` ids; sorts the texts by class and gives them out, (count) of them, each
 * and the array the caller's. The labels are empty afterwards. */
char **labels_take(struct labels *labels, int32_t *rank);

#endif
