/* Random bytes as a selector of trials: what is taken names only trials that are there, and one trial means itself. */
#include <stdint.h>
#include <stdlib.h>

#include "cli/select.h"
#include "common/check.h"
#include "common/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t newest[] = {0, 1, 17, UINT32_MAX};
    struct str text = {0};
    struct selector selector;
    struct err err = ERR_NONE;
    str_addn(&text, (const char *)data, size);
    if (select_parse(str_text(&text), &selector, &err)) {
        POST(err.code && err.text[0]);
    } else {
        POST(selector.count <= SELECT_MAX);
        for (size_t i = 0; i < COUNT_OF(newest); i++) {
            struct selector settled = selector;
            if (settled.word != SELECT_NUMBERS)
                select_number(&settled, newest[i]);
            uint32_t one = select_one(&settled);
            POST(!one || select_has(&settled, one));
        }
    }
    str_fini(&text);
    return 0;
}
