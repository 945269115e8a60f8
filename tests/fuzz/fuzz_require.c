/* Random bytes as rules of "require", a line each, over a fixed space: no crash; a complaint names a column of its rule; what
 * is taken is worth the same twice at the same point, and an unknown parameter alone never breaks a rule that has nothing
 * else in it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/search/require.h"
#include "master/search/require_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char axes[] = "{\"a\": {\"int\": [1, 512], \"log\": true}, \"b\": {\"uniform\": [-1, 1]}, "
                           "\"a-b\": {\"uniform\": [0, 1]},"
                           " \"kind\": {\"choice\": [\"x\", \"y\", \"z\"], \"ordered\": true}, \"c\": "
                           "{\"log\": [1e-6, 1], \"or_zero\": 0.5},"
                           " \"flag\": {\"choice\": [true, false]}, \"beta\": {\"choice\": [0.9, 0.99]},"
                           " \"m\": {\"uniform\": [0, 1], \"when\": {\"kind\": [\"x\"]}}}";

static const struct space *the_space(void)
{
    static struct space space;
    if (!space.count) {
        struct json *root = json_parse(axes, strlen(axes), "space", NULL);
        struct jcur cur = jcur_root(root, "space");
        POST(space_parse(&cur, &space, NULL) == 0);
        json_free(root);
    }
    return &space;
}

static void judge(const struct space *space, struct rule *rule)
{
    static const double edges[] = {0, 0.3, 0.6, 0.999};
    struct require rules = {.rules = rule, .count = 1};
    struct space ruled = *space;
    ruled.require = &rules;
    struct point point, off;
    point_init(&point, space);
    point_init(&off, space);
    for (size_t e = 0; e < COUNT_OF(edges); e++) {
        double u[16];
        for (int i = 0; i < space->count; i++)
            u[i] = edges[(e + (size_t)i) % COUNT_OF(edges)];
        space_point(space, u, &point);
        POST(require_holds(&ruled, &point) == require_holds(&ruled, &point));
    }
    require_holds(&ruled, &off); /* half a point: nothing of it is there */
    point_fini(&point);
    point_fini(&off);
}

static void try_rule(const struct space *space, const char *text)
{
    struct rule rule;
    struct err err = ERR_NONE;
    int rc = rule_parse(text, space, &rule, &err);
    POST(rc == 0 || (err.code == rc && str_starts(err.text, "column ")));
    POST(rule.count <= 3 * RULE_BYTES);
    if (!rc)
        judge(space, &rule);
    free(rule.text);
    free(rule.nodes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct space *space = the_space();
    char *text = xstrndup((const char *)data, size), *line = text;
    while (line) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        if (strlen(line) <= RULE_BYTES)
            try_rule(space, line);
        line = end ? end + 1 : NULL;
    }
    free(text);
    return 0;
}
