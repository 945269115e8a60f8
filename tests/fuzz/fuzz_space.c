/* Random bytes as a "space" object and as a "search": whatever is accepted must give points that hold, go
 * through JSON unharmed, and stay finite.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... tests/fuzz/fuzz_space.c build/libhone.a
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/json.h"
#include "master/search/sampler.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct space *space, const struct point *point)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    struct err err = ERR_NONE;
    struct point back;
    point_write(space, point, &w, NULL);
    struct json *root = json_parse(text.text, text.len, "point", &err);
    struct jcur cur = jcur_root(root, "point");
    point_init(&back, space);
    CHECK_OR_DIE("FUZZ", root && point_read(space, &cur, &back, &err) == 0 && point_equal(point, &back));
    point_fini(&back);
    json_free(root);
    str_fini(&text);
}

/* Models cost a thousand times what reading does: one input of sixteen, by its bytes, gives them enough to fit. */
static uint32_t trials_for(const uint8_t *data, size_t size)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + data[i];
    return sum * 0x9e3779b1u >> 28 ? 3 : 20;
}

static void propose_some(const struct space *space, const struct search_def *def, uint32_t trials)
{
    struct err err = ERR_NONE;
    struct history history = {0};
    struct proposal note;
    struct point point;
    struct sampler *sampler = sampler_new(def, space, 1, &err);
    if (!sampler)
        return;
    point_init(&point, space);
    for (uint32_t trial = 1; trial <= trials; trial++) {
        if (sampler_propose(sampler, &history, trial, &point, &note, &err))
            break;
        CHECK_OR_DIE("FUZZ", space_holds(space, &point));
        round_trip(space, &point);
        history_add(&history, trial, trial, &point, NULL, 0, trial);
        if (trial % 3)
            history_update(&history, trial, trial % 5 ? HISTORY_SCORED : HISTORY_BAD, false, 1, trial % 4,
                           trial);
    }
    point_fini(&point);
    history_fini(&history);
    sampler_free(sampler);
}

/* {"space": ..., "search": ...}; without "search": random. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char random_search[] = "{\"method\": \"random\"}";
    struct err err = ERR_NONE;
    struct space space;
    struct search_def def;
    struct json *root = json_parse((const char *)data, size, "fuzz", &err);
    struct json *plain = json_parse(random_search, sizeof random_search - 1, "fuzz", &err);
    struct jcur cur = jcur_root(root, "fuzz");
    struct jcur at = jcur_get(&cur, "space"), search = jcur_get(&cur, "search");
    if (!jcur_has(&search))
        search = jcur_root(plain, "fuzz");
    if (root && jcur_has(&at) && space_parse(&at, &space, &err) == 0) {
        if (search_parse(&search, &space, &def, &err) == 0) {
            propose_some(&space, &def, trials_for(data, size));
            search_fini(&def);
        }
        space_fini(&space);
    }
    json_free(plain);
    json_free(root);
    return 0;
}
