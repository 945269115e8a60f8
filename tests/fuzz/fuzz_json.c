/* Random bytes as JSON: no crash, no leak; what is taken prints as JSON that is taken again and is the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_around(const struct json *root)
{
    struct jcur top = jcur_root(root, "fuzz"), a = jcur_get(&top, "a"), first = jcur_at(&a, 0);
    struct err err = ERR_NONE;
    static const char *const known[] = {"a", "study", NULL};
    double number;
    int64_t whole;
    const char *text;
    int which;
    jcur_known(&top, known, &err);
    jcur_num(&a, 0, 1, &number, &err);
    jcur_int(&first, 0, 1, &whole, &err);
    jcur_text(&a, 8, &text, &err);
    jcur_choice(&first, known, &which, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = ERR_NONE;
    struct json *root = json_parse((const char *)data, size, "fuzz", &err);
    if (!root) {
        POST(err.code == ERR_BAD && err.text[0]);
        return 0;
    }
    struct str printed = {0}, again = {0}, path = {0};
    json_print(root, &printed);
    struct json *back = json_parse(str_text(&printed), printed.len, "printed", &err);
    POST(back);
    POST(json_same(root, back, &path));
    json_print(back, &again);
    POST(strcmp(str_text(&printed), str_text(&again)) == 0);
    look_around(root);
    char place[64] = "";
    memcpy(place, data, size < 63 ? size : 63);
    if (!json_set(back, place, json_new_text("x"), &err))
        json_set(back, "a[0].b", json_new_object(), &err);
    json_free(back);
    json_free(root);
    str_fini(&printed);
    str_fini(&again);
    str_fini(&path);
    return 0;
}
