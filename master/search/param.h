/* param: one axis of the search, its distribution, and the two maps every sampler works with:
 *
 *   T-space    the parameter's own scale: ln x for log, ln(x / (1 - x)) for logit, x itself for uniform and
 *              int, the position in the list for values and ordered choices. Models measure distances here.
 *   unit u     [0, 1) cut into cells: u -> value is how every design (random, grid, Halton, ...) becomes a
 * point.
 *
 * An int or a stepped axis is widened by half a step on both sides *before* T and then rounded, so that each
 * value of a linear int has the same mass and the ends are not half as likely (algorithms of Optuna's kind).
 * With "or_zero": p, the first p of the unit interval is the value 0 exactly.
 *
 * Values handed out are tidy: a stepped axis gives 0.3, never 0.30000000000000004.
 * Refuses: NaN, an empty range, a non-positive low on a log axis, more than 10^9 steps (space.c says it to
 * the user; here it is PRE). Ownership: a struct param owns its arrays; space_fini frees them.
 */
#ifndef HONE_MASTER_SEARCH_PARAM_H
#define HONE_MASTER_SEARCH_PARAM_H

#include <stdbool.h>
#include <stdint.h>

enum { PARAM_NAME = 65, PARAM_MAX_CHOICES = 1000, CHOICE_MAX_TEXT = 256 };

enum dist {
    DIST_UNIFORM,
    DIST_LOG,
    DIST_LOGIT,
    DIST_INT,
    DIST_INT_LOG,
    DIST_VALUES, /* an explicit rising list of numbers */
    DIST_CHOICE,
};

/* What the study says about moving this parameter's walls; DEFAULT: the study's own policy decides. */
enum boundary { BOUNDARY_DEFAULT, BOUNDARY_EXPAND, BOUNDARY_ASK, BOUNDARY_WARN, BOUNDARY_OFF };

enum choice_kind { CHOICE_TEXT, CHOICE_NUM, CHOICE_BOOL };

struct choice {
    enum choice_kind kind; /* its JSON type, kept for the trainer */
    char *text;            /* "adam", "0.9", "true": never NULL, distinct within a parameter */
    double num;            /* of CHOICE_NUM; 1 or 0 of CHOICE_BOOL */
    double mass;           /* its share of the unit interval; all sum to 1 */
};

/* OFF: the parameter is not active at this point (its `when` does not hold). */
enum value_kind { VALUE_OFF, VALUE_NUM, VALUE_CHOICE };

struct value {
    enum value_kind kind;
    int choice; /* of VALUE_CHOICE: index into choices; 0 otherwise */
    double num; /* of VALUE_NUM: the value itself, unscaled; 0 otherwise */
};

/* Active only where the parent has one of these values. Several conditions of a parameter: all must hold. */
struct when {
    int parent; /* index into the space */
    struct value *accept;
    int count;
};

/* An interval, of T-space unless said otherwise. */
struct span {
    double lo, hi;
};

struct param {
    char name[PARAM_NAME];
    uint32_t hash; /* hash_name(name): its word in every random counter */
    enum dist dist;
    double low, high; /* unscaled, of the numeric kinds; high of a stepped axis is its last lattice value */
    double step;      /* 0: none; ints have at least 1 */
    struct span box;  /* T of low and high; of values and choices: first and last index */
    double or_zero;   /* probability of exactly 0; 0: none */
    double *values;   /* DIST_VALUES: its values; other numeric kinds: what a grid visits. NULL: none */
    int value_count;
    struct choice *choices; /* DIST_CHOICE */
    int choice_count;
    bool ordered; /* choices lie on a scale: models may treat them as 0, 1, 2, ... */
    struct when *when;
    int when_count;
    bool has_limits;              /* the hard stop of a moving wall */
    double limit_low, limit_high; /* -INFINITY, INFINITY: open on that side */
    enum boundary boundary;
};

bool param_is_numeric(const struct param *param);  /* all but choice */
bool param_is_discrete(const struct param *param); /* finitely many values: int, step, values, choice */
bool param_is_int(const struct param *param);      /* its values print as whole numbers */
/* Distinct values, the zero of or_zero included; -1 for a continuous axis. */
int64_t param_count(const struct param *param);

/* T and its inverse, without any rounding or clipping. A choice's scale is its index. */
double param_scale(const struct param *param, double x);
double param_unscale(const struct param *param, double t);

/* How far a wall may ever move, unscaled: the limits; without them three decades (or widths) where this axis
 * is one that moves (log floats, "boundary": "expand" or "ask"), else low and high. */
struct span param_reach(const struct param *param);
/* A box moved out by half a cell: what the unit interval is stretched over. */
struct span param_cells(const struct param *param, struct span box);
/* T at both ends of one value's cell; a continuous axis has cells without width. */
struct span param_cell(const struct param *param, double x);
/* Nearest value of the axis inside the box: on the lattice, whole, tidy. */
double param_nearest(const struct param *param, struct span box, double x);

/* u in [0, 1) -> value, inside the study's own box or one that has moved. */
struct value param_from_unit(const struct param *param, double u);
struct value param_from_unit_in(const struct param *param, struct span box, double u);
double param_to_unit_in(const struct param *param, struct span box, struct value value);

struct value value_num(double num);
struct value value_choice(int choice);
bool value_same(struct value a, struct value b);

/* How the store keeps a value: a number (numbers, numeric choices, true as 1) or a text. */
bool value_as_num(const struct param *param, struct value value, double *out);
const char *value_as_text(const struct param *param,
                          struct value value); /* borrowed; NULL if a number or OFF */
/* And back. False: the axis has no such value. */
bool value_from_num(const struct param *param, double num, struct value *out);
bool value_from_text(const struct param *param, const char *text, struct value *out);
/* May a wall ever move so far? */
bool value_in_reach(const struct param *param, struct value value);

#endif
