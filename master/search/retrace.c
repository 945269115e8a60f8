#include "master/search/retrace.h"

#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"

static int compare(const void *a, const void *b)
{
    const struct retrace_step *p = a, *q = b;
    if (p->seq != q->seq)
        return p->seq < q->seq ? -1 : 1;
    if (p->entry != q->entry)
        return p->entry < q->entry ? -1 : 1;
    return (p->steps > q->steps) - (p->steps < q->steps);
}

void retrace_init(struct retrace *r, const struct history *history)
{
    PRE(!history->is_lean);
    size_t count = 0;
    *r = (struct retrace){.history = history, .view.is_borrowed = true};
    for (size_t i = 0; i < history->count; i++)
        count += 1 + history->entries[i].log_count;
    r->steps = xcalloc(count + 1, sizeof *r->steps);
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        r->steps[r->count++] = (struct retrace_step){e->added, (uint32_t)i, 0};
        for (size_t k = 0; k < e->log_count; k++) // what was known before it was there is known when it is
            r->steps[r->count++] = (struct retrace_step){e->log[k].seq > e->added ? e->log[k].seq : e->added,
                                                         (uint32_t)i, (uint32_t)k + 1};
    }
    qsort(r->steps, r->count, sizeof *r->steps, compare);
}

void retrace_fini(struct retrace *r)
{
    history_fini(&r->view);
    free(r->steps);
    *r = (struct retrace){0};
}

const struct history *retrace_to(struct retrace *r, uint64_t seq)
{
    const struct history *h = r->history;
    struct history *view = &r->view;
    if (r->next && r->steps[r->next - 1].seq > seq) {
        history_fini(view);
        *view = (struct history){.is_borrowed = true};
        r->next = 0;
    }
    for (; r->next < r->count && r->steps[r->next].seq <= seq; r->next++) {
        const struct retrace_step *step = &r->steps[r->next];
        history_show(view, &h->entries[step->entry], step->steps);
    }
    view->seq = seq < h->seq ? seq : h->seq;
    view->boxes = h->boxes;
    while (view->box_count && h->boxes[view->box_count - 1].seq > seq)
        view->box_count--;
    while (view->box_count < h->box_count && h->boxes[view->box_count].seq <= seq)
        view->box_count++;
    return view;
}
