#include "worker/nn/data_labels.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void labels_fini(struct labels *labels)
{
    for (int i = 0; i < labels->count; i++)
        free(labels->texts[i]);
    free(labels->texts);
    free(labels->order);
    *labels = (struct labels){0};
}

/* Where in `order` the text is or would be inserted. */
static int place(const struct labels *labels, const char *text, bool *found)
{
    int low = 0, high = labels->count;
    *found = false;
    while (low < high && !*found) {
        int middle = low + (high - low) / 2;
        int side = strcmp(text, labels->texts[labels->order[middle]]);
        if (side > 0)
            low = middle + 1;
        else
            high = middle;
        if (!side) {
            low = middle;
            *found = true;
        }
    }
    return low;
}

int labels_find(const struct labels *labels, const char *text)
{
    bool found;
    int at = place(labels, text, &found);
    return found ? labels->order[at] : -1;
}

int labels_add(struct labels *labels, const char *text)
{
    bool found;
    int at = place(labels, text, &found);
    if (found)
        return labels->order[at];
    if (labels->count >= LABELS_MAX)
        return -1;
    GROW(labels->texts, labels->room, (size_t)labels->count + 1);
    GROW(labels->order, labels->order_room, (size_t)labels->count + 1);
    memmove(labels->order + at + 1, labels->order + at, (size_t)(labels->count - at) * sizeof *labels->order);
    labels->order[at] = labels->count;
    labels->texts[labels->count] = xstrdup(text);
    return labels->count++;
}

static bool is_number(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && *value == *value;
}

struct ranked {
    char *text;
    double value; /* 0 for all unless every label is a number */
    int32_t id;
};

static int by_class(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    if (left->value != right->value)
        return left->value < right->value ? -1 : 1;
    return strcmp(left->text, right->text);
}

char **labels_take(struct labels *labels, int32_t *rank)
{
    int n = labels->count;
    bool numbers = true;
    struct ranked *items = xcalloc((size_t)n + 1, sizeof *items);
    for (int i = 0; i < n; i++) {
        items[i] = (struct ranked){.text = labels->texts[i], .id = i};
        numbers &= is_number(items[i].text, &items[i].value);
    }
    for (int i = 0; i < n && !numbers; i++)
        items[i].value = 0;
    qsort(items, (size_t)n, sizeof *items, by_class);
    char **texts = xcalloc((size_t)n + 1, sizeof *texts);
    for (int i = 0; i < n; i++) {
        texts[i] = items[i].text;
        rank[items[i].id] = i;
    }
    free(items);
    labels->count = 0;
    labels_fini(labels);
    return texts;
}
