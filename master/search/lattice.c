#include "master/search/lattice.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/search/require.h"

static const int64_t WORK_MAX = 1 << 26; /* points x parameters */

struct walk {
    struct lattice *lattice;
    struct point point;
    uint32_t *digits; /* of the point so far */
    size_t room;
    int64_t max; /* points, those left out among them */
};

static bool emit(struct walk *walk)
{
    struct lattice *l = walk->lattice;
    if (l->count + l->left_out == walk->max)
        return false;
    if (!require_holds(l->space, &walk->point)) {
        l->left_out++;
        return true;
    }
    size_t width = (size_t)l->width, used = (size_t)l->count * width;
    GROW(l->digits, walk->room, used + width + 1);
    memcpy(l->digits + used, walk->digits, width * sizeof *l->digits);
    l->count++;
    return true;
}

/* Fills in parameter number k of the parents-first order, and all after it. False: too many. */
static bool descend(struct walk *walk, int k)
{
    const struct lattice *l = walk->lattice;
    if (k == l->space->count)
        return emit(walk);
    int i = l->space->order[k], column = l->column[i];
    bool is_active = space_is_active(l->space, &walk->point, i);
    int count = is_active ? l->axes[i].count : 1;
    for (int d = 0; d < count; d++) {
        walk->point.v[i] = is_active ? l->axes[i].v[d] : (struct value){0};
        if (column >= 0)
            walk->digits[column] = (uint32_t)d;
        if (!descend(walk, k + 1))
            return false;
    }
    return true;
}

/* Columns go in the order in which parameters turn, so that the table rises. */
static void assign_columns(struct lattice *l)
{
    l->column = xcalloc((size_t)l->space->count + 1, sizeof *l->column);
    for (int k = 0; k < l->space->count; k++) {
        int i = l->space->order[k];
        l->column[i] = l->axes[i].count > 1 ? l->width++ : -1;
    }
}

int lattice_init(struct lattice *l, const struct space *space, struct axis *axes)
{
    *l = (struct lattice){.space = space, .axes = axes};
    assign_columns(l);
    struct walk walk = {.lattice = l, .max = WORK_MAX / space->count};
    if (walk.max > LATTICE_MAX)
        walk.max = LATTICE_MAX;
    point_init(&walk.point, space);
    walk.digits = xcalloc((size_t)l->width + 1, sizeof *walk.digits);
    bool fits = descend(&walk, 0);
    point_fini(&walk.point);
    free(walk.digits);
    if (!fits)
        lattice_fini(l);
    return fits ? 0 : ERR_BAD;
}

static void axes_free(struct axis *axes, int count)
{
    for (int i = 0; i < count; i++)
        free(axes[i].v);
    free(axes);
}

void lattice_fini(struct lattice *l)
{
    if (l->axes)
        axes_free(l->axes, l->space->count);
    free(l->column);
    free(l->digits);
    *l = (struct lattice){0};
}

void lattice_point(const struct lattice *l, int64_t number, struct point *out)
{
    PRE(number >= 0 && number < l->count);
    const uint32_t *digits = l->digits + number * l->width;
    for (int k = 0; k < l->space->count; k++) {
        int i = l->space->order[k];
        uint32_t digit = l->column[i] < 0 ? 0 : digits[l->column[i]];
        out->v[i] = space_is_active(l->space, out, i) ? l->axes[i].v[digit] : (struct value){0};
    }
}

static int digit_of(const struct axis *axis, struct value value)
{
    for (int d = 0; d < axis->count; d++)
        if (value_same(axis->v[d], value))
            return d;
    return -1;
}

/* < 0, 0, > 0 as the row of the table comes before, at or after the key. */
static int compare_row(const uint32_t *row, const uint32_t *key, int width)
{
    for (int c = 0; c < width; c++)
        if (row[c] != key[c])
            return row[c] < key[c] ? -1 : 1;
    return 0;
}

static int64_t find_row(const struct lattice *l, const uint32_t *key)
{
    int64_t lo = 0, hi = l->count - 1;
    while (lo <= hi) {
        int64_t middle = lo + (hi - lo) / 2;
        int order = compare_row(l->digits + middle * l->width, key, l->width);
        if (order == 0)
            return middle;
        if (order < 0)
            lo = middle + 1;
        else
            hi = middle - 1;
    }
    return -1;
}

int64_t lattice_number(const struct lattice *l, const struct point *point)
{
    uint32_t *key = xcalloc((size_t)l->width + 1, sizeof *key);
    bool on_it = true;
    for (int i = 0; i < l->space->count && on_it; i++) {
        bool is_off = point->v[i].kind == VALUE_OFF;
        int digit = is_off ? 0 : digit_of(&l->axes[i], point->v[i]);
        on_it = digit >= 0 && is_off != space_is_active(l->space, point, i);
        if (on_it && l->column[i] >= 0)
            key[l->column[i]] = (uint32_t)digit;
    }
    int64_t number = on_it ? find_row(l, key) : -1;
    free(key);
    return number;
}

/* ---- axes ---- */

static void add_value(struct axis *axis, struct value value)
{
    axis->v[axis->count++] = value;
}

struct axis axis_in_full(const struct param *p)
{
    int64_t count = param_count(p);
    PRE(count > 0 && count <= LATTICE_MAX + 1);
    struct axis axis = {.v = xcalloc((size_t)count, sizeof *axis.v)};
    if (p->or_zero > 0)
        add_value(&axis, value_num(0));
    for (int k = 0; axis.count < count; k++) {
        if (p->dist == DIST_CHOICE)
            add_value(&axis, value_choice(k));
        else if (p->dist == DIST_VALUES)
            add_value(&axis, value_num(p->values[k]));
        else
            add_value(&axis, value_num(param_nearest(p, p->box, p->low + k * p->step)));
    }
    return axis;
}

struct axis *axes_in_full(const struct space *space)
{
    struct axis *axes = xcalloc((size_t)space->count + 1, sizeof *axes);
    for (int i = 0; i < space->count; i++)
        axes[i] = axis_in_full(&space->params[i]);
    return axes;
}
